import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keyring.kid_text import kid_text
from tests.tokens import make_private, mint


@pytest.mark.parametrize(
    "kid",
    ["k1", "2024-05-01", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "a.b", " "],
)
def test_a_usual_key_id_is_shown_as_it_is(kid: str) -> None:
    assert kid_text(kid) == f"'{kid}'"


def test_no_key_id_is_told_from_one_that_says_so() -> None:
    assert kid_text(None) == "(no kid)"
    assert kid_text("(no kid)") == "'(no kid)'"


def test_an_empty_key_id_is_seen() -> None:
    assert kid_text("") == "''"


@pytest.mark.parametrize(
    ("kid", "shown"),
    [
        ("x" * 64, f"'{'x' * 64}'"),
        ("x" * 65, "(65 characters)"),
        ("x" * 1024, "(1024 characters)"),
        ("a\r\nX-Admin: 1", "(13 characters)"),
        ("\x1b[2J", "(4 characters)"),
        ("\0", "(1 characters)"),
        ("\x7f", "(1 characters)"),
        ("k\u0456d", "(3 characters)"),  # CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I
        ("\u202e1k", "(3 characters)"),  # RIGHT-TO-LEFT OVERRIDE
        ("\ud800", "(1 characters)"),
    ],
)
def test_what_could_steer_a_terminal_or_mislead_a_reader_is_a_length(kid: str, shown: str) -> None:
    """8725.8: a key id is text that strangers choose."""
    assert kid_text(kid) == shown


@pytest.mark.parametrize("kid", ["/etc/passwd", "1' OR '1'='1", "*)(uid=*", "$(id)", 'a"b'])
def test_a_key_id_that_attacks_somebody_else_is_text_between_quotation_marks(kid: str) -> None:
    """8725.8."""
    assert ast.literal_eval(kid_text(kid)) == kid


@pytest.mark.parametrize("kid", ["eyJ", "eyJhbGciOiJFUzI1NiJ9", "x eyJ", "a.b.c", "..", "1.2.3.4"])
def test_what_may_be_a_piece_of_a_token_is_a_length(kid: str) -> None:
    """6750.10: a client that puts its token into the key id does not get it logged."""
    assert kid_text(kid) == f"({len(kid)} characters)"


@given(st.sampled_from([0, 1]), st.integers(3, 200))
def test_no_beginning_of_the_parts_of_a_real_token_is_shown(part: int, size: int) -> None:
    """6750.10."""
    token = mint(make_private("HMAC"), "HS256", {"iss": "https://login.example.com/"}).decode()
    beginning = token.split(".")[part][:size]

    assert kid_text(beginning) == f"({len(beginning)} characters)"


@given(st.text())
def test_whatever_the_key_id_the_text_is_one_short_printable_line(kid: str) -> None:
    shown = kid_text(kid)

    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) <= 2 * 64 + 2
    assert "eyJ" not in shown


@given(st.text(), st.text())
def test_two_key_ids_that_are_shown_differ(first: str, second: str) -> None:
    shown = kid_text(first)

    assert shown.startswith("(") or (kid_text(second) == shown) == (first == second)
