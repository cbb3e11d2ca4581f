"""What someone may have meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.suggest import did_you_mean

KNOWN = ["listen", "limits", "RS256", "ES256"]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("listn", "listen"),
        ("LISTEN", "listen"),
        ("Limit", "limits"),
        ("rs256", "RS256"),
        ("RS257", "RS256"),
    ],
)
def test_the_nearest_known_word_is_suggested_as_it_is_spelt(wrong: str, meant: str) -> None:
    assert did_you_mean(wrong, KNOWN) == f": did you mean `{meant}`?"


@pytest.mark.parametrize("wrong", ["", "x", "admin", "\n"])
def test_nothing_is_suggested_where_nothing_is_near(wrong: str) -> None:
    assert did_you_mean(wrong, KNOWN) == ""


def test_nothing_is_suggested_where_nothing_is_known() -> None:
    assert did_you_mean("listen", []) == ""


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_only_a_known_word_is_ever_suggested(wrong: str, known: list[str]) -> None:
    answers = {f": did you mean `{word}`?" for word in known}

    assert did_you_mean(wrong, known) in {"", *answers}
