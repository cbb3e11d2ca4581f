"""Framing without end is found, in whatever pieces it comes; honest chunks are not."""

import pytest

from gateway.proxy.transport.framing import Framing

SPARE = 100


@pytest.mark.parametrize(("pieces", "is_over"), [([100], False), ([101], True), ([50, 51], True)])
def test_so_much_framing_is_free_without_a_byte_of_body(pieces: list[int], is_over: bool) -> None:
    framing = Framing()

    assert [framing.has_no_end(size, 0, SPARE) for size in pieces][-1] is is_over


def test_each_byte_of_body_earns_sixteen_of_framing() -> None:
    """CVE-2023-39326."""
    assert not Framing().has_no_end(SPARE + 17 * 10, 10, SPARE)
    assert Framing().has_no_end(SPARE + 17 * 10 + 1, 10, SPARE)


def test_no_body_earns_a_long_stretch_without_one() -> None:
    """Trailers behind a large body, which the parser copies anew with each piece."""
    framing = Framing()
    assert not framing.has_no_end(10_000, 9_000, SPARE)

    assert not framing.has_no_end(SPARE, 9_000, SPARE)
    assert framing.has_no_end(1, 9_000, SPARE)


def test_body_in_between_begins_the_stretch_anew() -> None:
    framing = Framing()

    assert not any(framing.has_no_end(90, 10 * number, SPARE) for number in range(1, 50))


def test_what_came_in_front_counts_towards_the_whole() -> None:
    assert Framing(SPARE).has_no_end(18, 1, SPARE)
    assert not Framing(SPARE).has_no_end(17, 1, SPARE)
