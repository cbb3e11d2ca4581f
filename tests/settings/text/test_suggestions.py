"""What someone may have meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.text.suggestions import Names, did_you_mean

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


MANY = Names(f"service-{number}-of-{number % 7}" for number in range(5000))


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("service-1234-off-2", "service-1234-of-2"),
        ("Service-4999-off-1", "service-4999-of-1"),
        ("sevice-77-of-0", "service-77-of-0"),
        ("ervice-0-of-0", "service-0-of-0"),
        ("service-4000-o-3", "service-4000-of-3"),
    ],
)
def test_a_slip_is_found_among_thousands_of_names(wrong: str, meant: str) -> None:
    assert did_you_mean(wrong, MANY) == f": did you mean `{meant}`?"


@pytest.mark.parametrize("wrong", ["service-1234-of-3", "", "zzz", "aaa", "m"])
def test_of_thousands_of_names_few_are_compared(wrong: str) -> None:
    near = list(MANY.near(wrong))

    assert len(near) <= 64
    assert set(near) <= set(MANY)


def test_names_are_the_ones_that_there_are() -> None:
    names = Names(["b", "a", "b"])

    assert list(names) == ["b", "a"]
    assert len(names) == 2
    assert "a" in names
    assert "c" not in names


def test_nothing_is_suggested_for_what_nobody_would_read() -> None:
    """Comparing two texts takes the square of their lengths."""
    long = "x" * 100_000

    assert did_you_mean(long, [long + "x", "listen"]) == ""
    assert did_you_mean("listn", [long, "listen"]) == ": did you mean `listen`?"
