"""A client may use a connection as much as it likes, and may waste only so much of it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.transport.patience import Patience

Waste = Callable[[Patience], None]

WASTES: dict[str, tuple[Waste, int]] = {
    "CVE-2023-44487: resets": (Patience.was_reset, 28),
    "CVE-2019-9515: frames about the connection": (Patience.control_received, 1000),
    "bytes that are no body": (lambda patience: patience.received(16_384), 32),
}


def spent(waste: Waste, patience: Patience) -> int:
    """Return how often *waste* is possible."""
    for count in range(5000):
        waste(patience)
        if patience.is_over():
            return count
    raise AssertionError("there is no end")


@pytest.mark.parametrize(("waste", "expected"), WASTES.values(), ids=WASTES)
def test_each_kind_of_waste_has_an_end(waste: Waste, expected: int) -> None:
    assert spent(waste, Patience(0.0)) == expected


def test_a_response_allows_one_more_reset_and_many_do_not_allow_any_number() -> None:
    patience = Patience(0.0)
    for _ in range(10):
        patience.response_ended()
    assert spent(Patience.was_reset, patience) == 38

    patience = Patience(0.0)
    for _ in range(10_000):
        patience.response_ended()
    assert spent(Patience.was_reset, patience) == 128


def test_a_body_byte_by_byte_is_no_waste() -> None:
    patience = Patience(0.0)
    for _ in range(100_000):
        patience.received(10)  # a frame of DATA
        patience.body_passed(1)
    assert not patience.is_over()


def test_a_body_of_padding_is_waste() -> None:
    patience = Patience(0.0)
    for _ in range(10_000):
        patience.received(9 + 256)
        patience.body_passed(1)
    assert patience.is_over()


def test_a_download_of_many_pieces_with_an_update_of_two_windows_for_each_is_no_waste() -> None:
    patience = Patience(0.0)
    for _ in range(100_000):
        patience.body_passed(1000)
        for _ in range(2):
            patience.received(13)
            patience.control_received()
    assert not patience.is_over()


@pytest.mark.parametrize(("waste", "expected"), WASTES.values(), ids=WASTES)
def test_time_gives_back_what_there_was_at_first_and_no_more(waste: Waste, expected: int) -> None:
    patience = Patience(0.0)
    for _ in range(expected):
        waste(patience)
    patience.elapse(10_000.0)
    assert spent(waste, patience) == expected


@given(kinds=st.lists(st.sampled_from(["reset", "response", "time"]), max_size=300))
def test_no_more_resets_than_were_earned(kinds: list[str]) -> None:
    """However they are mixed: at most 28, one for each response, and ten for each second."""
    patience, resets, now = Patience(0.0), 0, 0.0
    for kind in kinds:
        if kind == "response":
            patience.response_ended()
        elif kind == "time":
            now += 0.25
            patience.elapse(now)
        else:
            patience.was_reset()
            resets += 1
            if patience.is_over():
                break
    assert resets <= 29 + kinds.count("response") + 10 * now


def test_neither_time_nor_responses_give_back_resets_that_are_not_allowed_any_more() -> None:
    patience = Patience(0.0)
    patience.allow_no_resets()
    patience.response_ended()
    patience.elapse(10_000.0)
    assert patience.is_over()
    assert patience.is_over_by_resets_alone()
    for _ in range(1001):
        patience.control_received()
    assert not patience.is_over_by_resets_alone()
