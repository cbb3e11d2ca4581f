"""Tell which servers are used, so that one always is."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def choose_usable(
    servers: Sequence[T], is_out: Sequence[bool], panic_below: float
) -> tuple[tuple[T, ...], bool]:
    """Return the servers to choose from, and whether they are all for too few would be left.

    That many are ill at once says more about the check, or the load, than about each of them;
    and the few that are left would break down under what all of them carried.
    """
    left = tuple(one for one, out in zip(servers, is_out, strict=True) if not out)
    if len(left) == len(servers):
        return left, False
    if not left or len(left) < panic_below * len(servers):
        return tuple(servers), True
    return left, False
