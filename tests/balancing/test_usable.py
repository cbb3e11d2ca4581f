"""There is always a server that is used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.choice import choose_usable


@pytest.mark.parametrize(
    ("is_out", "panic_below", "used", "is_panic"),
    [
        ([False, False], 0.0, "ab", False),
        ([True, False], 0.0, "b", False),
        ([True, True], 0.0, "ab", True),
        ([True, False, True], 0.0, "b", False),
        ([True, False, True], 0.5, "abc", True),
        ([True, False], 0.5, "b", False),
        ([True, False], 1.0, "ab", True),
        ([], 0.5, "", False),
    ],
)
def test_the_healthy_servers_are_used_unless_too_few_are_left(
    is_out: list[bool], panic_below: float, used: str, is_panic: bool
) -> None:
    servers = "abc"[: len(is_out)]

    assert choose_usable(servers, is_out, panic_below) == (tuple(used), is_panic)


@given(st.lists(st.booleans(), min_size=1), st.floats(0, 1))
def test_one_is_always_used_and_an_unhealthy_one_only_in_a_panic(
    is_out: list[bool], panic_below: float
) -> None:
    used, is_panic = choose_usable(range(len(is_out)), is_out, panic_below)

    assert used
    assert is_panic or not any(is_out[number] for number in used)
    assert not is_panic or len(used) == len(is_out)
