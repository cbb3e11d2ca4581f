"""Identity headers: what services receive."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.identity import Identity
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
