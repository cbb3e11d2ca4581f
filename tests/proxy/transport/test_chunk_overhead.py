"""Endless chunk framing is found, in whatever pieces it comes; honest chunks pass."""

import pytest

from gateway.proxy.transport.chunk_overhead import ChunkOverhead

SPARE = 100


@pytest.mark.parametrize(("pieces", "is_over"), [([100], False), ([101], True), ([50, 51], True)])
def test_so_much_framing_is_free_without_a_byte_of_body(pieces: list[int], is_over: bool) -> None:
    overhead = ChunkOverhead()

    assert [overhead.exceeds(size, 0, SPARE) for size in pieces][-1] is is_over


def test_each_byte_of_body_earns_sixteen_of_framing() -> None:
    """CVE-2023-39326."""
    assert not ChunkOverhead().exceeds(SPARE + 17 * 10, 10, SPARE)
    assert ChunkOverhead().exceeds(SPARE + 17 * 10 + 1, 10, SPARE)


def test_no_body_earns_a_long_stretch_without_one() -> None:
    """Trailers after a large body, which the parser copies again with each piece."""
    overhead = ChunkOverhead()
    assert not overhead.exceeds(10_000, 9_000, SPARE)

    assert not overhead.exceeds(SPARE, 9_000, SPARE)
    assert overhead.exceeds(1, 9_000, SPARE)


def test_body_in_between_begins_the_stretch_anew() -> None:
    overhead = ChunkOverhead()

    assert not any(overhead.exceeds(90, 10 * number, SPARE) for number in range(1, 50))


def test_what_came_in_front_counts_towards_the_whole() -> None:
    assert ChunkOverhead(SPARE).exceeds(18, 1, SPARE)
    assert not ChunkOverhead(SPARE).exceeds(17, 1, SPARE)
