"""Identity headers: what services receive."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.identity import Identity
from gateway.decision.rules.claim_sources import FirstOf, Template, parse_claim_source
from gateway.decision.token import Claims
from gateway.decision.tokens.claims import read_claims
from gateway.decision.tokens.identity_fields import render_identity
from tests.decision.policies import claims, issuer


def render(path: tuple[str, ...] = ("x",), **changes: Any) -> bytes:
    held = read_claims(claims(**changes), issuer(), {})
    assert isinstance(held, Claims)
    return render_identity(Identity(((b"X-Claim", path),), False), held)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("alice", b"alice"),
        ("a b", b"a b"),
        (" a b ", b"%20a b%20"),
        (" ", b"%20"),
        ("  ", b"%20%20"),
        ("", b""),
        ("100%", b"100%25"),
        ("%41", b"%2541"),
        ("caf\u00e9", b"caf%C3%A9"),
        ("zo\u00eb 100%", b"zo%C3%AB 100%25"),
        ("a\r\nX-Admin: 1", b"a%0D%0AX-Admin: 1"),
        ("a\0b\x7f\t", b"a%00b%7F%09"),
        ('a"b,c;d', b'a"b,c;d'),
        (7, b"7"),
        (-1.5, b"-1.5"),
        (1e22, b"10000000000000000000000"),
        (1e-7, b"0.0000001"),
        (True, b"true"),
        (False, b"false"),
        ([], b""),
        (["a", "b"], b"a b"),
        (["a b", "c"], b"a%20b c"),
        (["a b", 1], b"a%20b 1"),
        (["a", 1, True, 0.5], b"a 1 true 0.5"),
        ({"a": "b c\u00e9"}, b'{"a":"b c\\u00e9"}'),
        ({"%": 1}, b'{"%25":1}'),
        ([["a"]], b'[["a"]]'),
        (["a", None], b'["a",null]'),
    ],
)
def test_a_claim_is_one_field_of_visible_ascii(value: object, written: bytes) -> None:
    """9112.16, CVE-2026-31908, CVE-2023-27493."""
    assert render(x=value) == b"X-Claim: " + written + b"\r\n"


@pytest.mark.parametrize("changes", [{}, {"x": None}])
def test_an_absent_claim_or_null_has_no_field(changes: dict[str, Any]) -> None:
    """CVE-2026-30851: the client's own field is gone by then."""
    assert render(**changes) == b""


def test_a_nested_claim_is_found() -> None:
    assert render(("a", "b.c"), a={"b.c": "d"}) == b"X-Claim: d\r\n"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"scope": "b a"}, b"X-Claim: b a\r\n"),
        ({"scope": ..., "scp": ["b", "a"]}, b"X-Claim: b a\r\n"),
        ({"scope": "a\rb"}, b"X-Claim: a%0Db\r\n"),
        ({"scope": "a% \u00e9\x7f b"}, b"X-Claim: a%25 %C3%A9%7F b\r\n"),
        ({"scope": ""}, b""),
        ({"scope": ...}, b""),
    ],
)
def test_scopes_are_written_alike_wherever_they_came_from(
    changes: dict[str, Any], line: bytes
) -> None:
    assert render(("scope",), **changes) == line


def test_fields_stand_in_the_order_of_the_configuration() -> None:
    held = read_claims(claims(), issuer(), {})
    assert isinstance(held, Claims)
    identity = Identity(((b"B", ("jti",)), (b"A", ("sub",)), (b"C", ("nothing",))), False)

    assert render_identity(identity, held) == b"B: token-1\r\nA: alice\r\n"


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_no_claim_ends_a_line_or_leaves_visible_ascii(value: Any) -> None:
    line = render(x=value)

    assert line.startswith(b"X-Claim: ")
    assert line.endswith(b"\r\n")
    content = line[9:-2]
    assert all(0x20 <= octet < 0x7F for octet in content)


@given(TEXT)
def test_a_service_gets_every_text_back_by_percent_decoding(text: str) -> None:
    content = render(x=text)[9:-2]

    assert content.strip() == content
    assert unquote(content.decode("ascii"), errors="strict") == text


@given(st.lists(TEXT.filter(bool), max_size=4))
def test_a_service_gets_every_list_back_by_splitting_and_decoding(items: list[str]) -> None:
    content = render(x=items)[9:-2].decode("ascii")

    assert [unquote(item, errors="strict") for item in content.split(" ") if item] == items


def render_text(text: str, **changes: Any) -> bytes:
    """Return the content of the line for the source that *text* spells; empty without a line."""
    held = read_claims(claims(**changes), issuer(), {})
    assert isinstance(held, Claims)
    line = render_identity(Identity(((b"X", parse_claim_source(text)),), False), held)
    return line.removeprefix(b"X: ").removesuffix(b"\r\n")


@pytest.mark.parametrize(
    ("changes", "content"),
    [
        ({"client_id": "shop", "azp": "other"}, b"shop"),
        ({"client_id": ..., "azp": "a b"}, b"a b"),
        ({"client_id": None, "azp": None, "appid": 7}, b"7"),
        ({"client_id": "", "azp": "other"}, b""),
        ({"client_id": ...}, b""),
    ],
)
def test_of_alternatives_the_first_that_is_present_is_sent(
    changes: dict[str, Any], content: bytes
) -> None:
    assert render_text("client_id | azp | appid", **changes) == content


def test_scopes_may_be_an_alternative() -> None:
    text = "roles | scope"

    assert render_text(text, scope="b a") == b"b a"
    assert render_text(text, scope=..., scp=["c", "d"]) == b"c d"
    assert render_text(text, roles=["e f"]) == b"e%20f"


@pytest.mark.parametrize(
    ("changes", "content"),
    [
        ({"tid": "72f9-b", "oid": "o"}, b"72f9-b/o"),
        ({"tid": "t"}, b"t/alice"),
        ({"tid": "t", "oid": None}, b"t/alice"),
        ({"oid": "o"}, b""),
        ({"tid": None, "oid": "o"}, b""),
        ({"tid": "a/b", "oid": "c"}, b"a%2Fb/c"),
        ({"tid": "a", "oid": "b/c"}, b"a/b%2Fc"),
        ({"tid": "a%2Fb", "oid": "c"}, b"a%252Fb/c"),
        ({"tid": "", "oid": ""}, b"/"),
        ({"tid": 7, "oid": True}, b"7/true"),
        ({"tid": "a@b.c~_-", "oid": "zo\u00eb x"}, b"a%40b.c~_-/zo%C3%AB%20x"),
        ({"tid": "a\r\nX-Admin: 1", "oid": "o"}, b"a%0D%0AX-Admin%3A%201/o"),
        ({"tid": ["a", "b c"], "oid": "o"}, b"a%20b%2520c/o"),
        ({"tid": {"a": 1}, "oid": "o"}, b"%7B%22a%22%3A1%7D/o"),
    ],
)
def test_a_template_has_all_its_claims_or_is_not_sent(
    changes: dict[str, Any], content: bytes
) -> None:
    assert render_text("{tid}/{oid | sub}", **changes) == content


LITERALS = st.text("ab-/:;, %2F".replace("%", ""), max_size=3)


@st.composite
def templates(draw: st.DrawFn) -> Template:
    count = draw(st.integers(2, 4))
    inner = [draw(LITERALS) + draw(st.sampled_from("/:; ,")) for _ in range(count - 1)]
    literals = (draw(LITERALS).strip(), *inner, draw(LITERALS).strip())
    return Template(literals, tuple(((f"c{place}",),) for place in range(count)))


def fill(template: Template, values: list[str]) -> bytes:
    named = {f"c{place}": value for place, value in enumerate(values)}
    held = read_claims(claims(**named), issuer(), {})
    assert isinstance(held, Claims)
    return render_identity(Identity(((b"X", template),), False), held)


# Of few signs, so that values often look like literals, and like encoded ones.
LOOKALIKES = st.text("a/:; ,%2F-", max_size=4) | TEXT


@given(templates(), st.data())
def test_two_lists_of_texts_never_make_the_same_header(
    template: Template, data: st.DataObject
) -> None:
    """No claim can imitate the text around it, and so another claim."""
    lists = st.lists(LOOKALIKES, min_size=len(template.claims), max_size=len(template.claims))
    one, other = data.draw(lists), data.draw(lists)

    assert (fill(template, one) == fill(template, other)) == (one == other)


@given(st.lists(TEXT, min_size=2, max_size=2))
def test_a_service_gets_the_claims_of_a_template_back_by_splitting_and_decoding(
    values: list[str],
) -> None:
    content = fill(Template(("", "/", ""), ((("c0",),), (("c1",),))), values)[3:-2]

    assert [unquote(part, errors="strict") for part in content.decode().split("/")] == values


@given(VALUES, VALUES)
def test_no_claim_of_a_template_ends_a_line_or_leaves_visible_ascii(one: Any, two: Any) -> None:
    """9112.16."""
    content = render_text("<{a | b}> {c}", b=one, c=two)

    assert all(0x20 <= octet < 0x7F for octet in content)


@given(VALUES)
def test_an_alternative_is_written_like_the_claim_alone(value: Any) -> None:
    held = read_claims(claims(x=value), issuer(), {})
    assert isinstance(held, Claims)
    headers = ((b"X-Claim", FirstOf((("nothing",), ("x",)))),)

    assert render_identity(Identity(headers, False), held) == render(x=value)
