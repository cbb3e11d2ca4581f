"""JSON that parsers differ about, as the header or the claims of a token that is well signed."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.agreement.generated import GOOD_CLAIMS, MOMENT, Case, seal, signed_by

Members = list[tuple[str, str]]  # of a JSON object, both name and value as they are spelt

ODD_MEMBERS: st.SearchStrategy[tuple[str, str]] = st.sampled_from(
    [
        *(('"sub"', '"mallory"'), ('"\\u0073ub"', '"mallory"'), ('"\\u0065xp"', str(MOMENT + 50))),
        *(('"exp"', str(MOMENT + 50)), ('"alg"', '"none"'), ('"kid"', '"k1"'), ('"x"', "1")),
        *(('"x"', "NaN"), ('"x"', "-Infinity"), ('"x"', "1e400"), ('"exp"', "1e400")),
        *(('"x"', "1e308"), ('"x"', "1e-400"), ('"x"', "-0"), ('"x"', "9" * 400)),
        *(('"x"', "9" * 4301), ('"x"', "01"), ('"x"', ".5"), ('"x"', "+1"), ('"x"', "0x1")),
        *(('"x"', '"\\ud800"'), ('"x"', '"\\udfff\\ud800"'), ('"\\ud83d\\ude00"', "1")),
        *(
            ('"x"', '"\ud800"'),
            ('"\\ud800"', "1"),
            ('"x"', '"\\u0000"'),
            ('"x"', '"\0"'),
            ('"x"', '"\t"'),
        ),
        *(('"x"', '"\\x41"'), ('"x"', '"\\u12"'), ('"x"', "'1'"), ("'x'", "1"), ("x", "1")),
        *(("1", "1"), ("null", "null"), ('""', "1"), ('"x"', "1,"), ('"x"', "undefined")),
        *(('"x"', '{"y":1,"y":2}'), ('"x"', '[{"\\u0079":1,"y":2}]'), ('"x"', "/**/1")),
        *(('"x"', "[" * deep + "]" * deep) for deep in (31, 32, 600, 2_000)),
        *(('"x"', '{"y":' * deep + "1" + "}" * deep) for deep in (31, 32)),
        *(('"x"', "[" * 40), ('"x"', '"' + "[" * 40 + '"'), ('"__proto__"', "{}")),
    ]
)
AROUND = st.sampled_from(
    [
        *[("", "")] * 6,
        *((" \r\n\t", "\n"), ("\ufeff", ""), ("\v", ""), ("\u00a0", ""), ("", "\0")),
        *(("", "x"), ("", "{}"), ("", ","), ("[", "]"), ('"', '"'), ("/**/", ""), ("", "//")),
    ]
)
ENCODINGS = st.sampled_from(
    ["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"]
)


def _members(value: dict[str, Any]) -> Members:
    """Return the members of a JSON object as they are spelt."""
    return [(json.dumps(name), json.dumps(held)) for name, held in value.items()]


def _spell(members: Members) -> str:
    """Return the JSON text of these members; none of them need be valid."""
    return "{" + ",".join(f"{name}:{value}" for name, value in members) + "}"


@st.composite
def _odd_texts(draw: st.DrawFn, value: dict[str, Any]) -> bytes:
    members = _members(value)
    for odd in draw(st.lists(ODD_MEMBERS, max_size=2)):
        # In front or behind: of two members of one name, parsers believe the first or the last.
        members.insert(draw(st.sampled_from([0, len(members)])), odd)
    before, behind = draw(AROUND)
    text = before + _spell(members) + behind
    # As many do, Python's json lets a surrogate through that stands there as three octets.
    return text.encode(draw(ENCODINGS), "surrogatepass")


@st.composite
def with_odd_json(draw: st.DrawFn) -> Case:
    """Draw a token that is well signed, over a header or claims that parsers differ about."""
    trust, signer, header = draw(signed_by())
    claims = draw(GOOD_CLAIMS)
    if draw(st.booleans()):
        return Case(trust, seal(signer, header, draw(_odd_texts(claims))))
    return Case(trust, seal(signer, draw(_odd_texts(header)), claims))
