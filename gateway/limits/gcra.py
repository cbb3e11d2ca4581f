"""Count requests by the generic cell rate algorithm (GCRA, ITU-T I.371), in whole microseconds.

A bucket is one number: the moment at which it is full again. Each request moves that moment by an
interval; one that would move it further than a burst into the future is refused.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Rate(NamedTuple):
    """One request in *interval_us* in the long run, and *burst* at once."""

    interval_us: int
    burst: int


class Wanted(NamedTuple):
    """One request from the bucket *key*, which has the *rate*."""

    key: bytes
    rate: Rate


class Taken(NamedTuple):
    """The outcome of one request to several buckets.

    *refused* is the position of the rate that refuses for the longest time; None if all allow it.
    *whole_at_us* are the moments at which the buckets are full again.
    """

    refused: int | None
    whole_at_us: tuple[int, ...]
    now_us: int


def take(rates: Sequence[Rate], whole_at_us: Sequence[int | None], now_us: int) -> Taken:
    """Take one request from each bucket, or from none if one of them refuses.

    *whole_at_us* are those of the last time; None for a bucket that was not used yet.
    """
    stood: list[int] = []
    refused, longest_us = None, 0
    for position, (interval_us, burst) in enumerate(rates):
        room_us = interval_us * burst
        moment = whole_at_us[position]
        if moment is None or moment < now_us:
            moment = now_us
        elif moment > now_us + room_us:
            # No bucket lacks more than a burst: the burst was larger before, or the clock has
            # been set back.
            moment = now_us + room_us
        stood.append(moment)
        waits_us = moment + interval_us - room_us - now_us
        if waits_us > longest_us:
            refused, longest_us = position, waits_us
    if refused is None:
        stood = [moment + rate[0] for moment, rate in zip(stood, rates, strict=True)]
    return Taken(refused, tuple(stood), now_us)


def wait_us(rate: Rate, whole_at_us: int, now_us: int) -> int:
    """Return how long the bucket refuses from now on; 0 or less if it does not."""
    return whole_at_us + rate.interval_us - rate.burst * rate.interval_us - now_us


def remaining(rate: Rate, whole_at_us: int, now_us: int) -> int:
    """Return how many requests the bucket would allow now, in a row."""
    return (rate.burst * rate.interval_us - max(0, whole_at_us - now_us)) // rate.interval_us
