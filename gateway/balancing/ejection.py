"""Eject a server that fails requests, for longer each time, but never too many at once."""

from collections.abc import Iterable

from gateway.settings.values.balancing import EjectionLimits


class Standing:
    """The record of one server.

    *in_a_row* counts failures since the last response, *times* its recent ejections. It is ejected
    until *ejected_until*, which is 0 if it is not.
    """

    __slots__ = ("ejected_until", "in_a_row", "returned_at", "times")

    def __init__(self) -> None:
        self.in_a_row = 0
        self.times = 0
        self.ejected_until = 0.0
        self.returned_at = 0.0

    @property
    def is_ejected(self) -> bool:
        """Return whether it is ejected."""
        return self.ejected_until > 0

    def take_back(self) -> None:
        """End its ejection."""
        self.ejected_until = 0.0


def fail(
    standing: Standing, others: Iterable[Standing], limits: EjectionLimits, now: float
) -> bool:
    """Note a failed request; return whether the server is ejected for it.

    *others* are the standings of all other servers: if one more ejection would exceed
    ``max_share`` of all, there is none.
    """
    standing.in_a_row += 1
    if standing.is_ejected or standing.in_a_row < limits.after:
        return False
    known = list(others)
    ejected = sum(other.is_ejected for other in known)
    if ejected + 1 > limits.max_share * (len(known) + 1):
        return False
    if now - standing.returned_at > limits.longest_seconds:
        standing.times = 0  # it worked for long: former ejections do not count
    standing.ejected_until = now + ejection_seconds(standing.times, limits)
    standing.times += 1
    standing.in_a_row = 0
    return True


def ejection_seconds(times: int, limits: EjectionLimits) -> float:
    """Return how long a server is ejected that was ejected *times* times before."""
    # 2^40 times the shortest is beyond any limit; this keeps the number small.
    return min(limits.first_seconds * 2.0 ** min(times, 40), limits.longest_seconds)


def readmit(standings: Iterable[Standing], now: float) -> list[Standing]:
    """End the ejections that are over by *now*; return their standings."""
    back = [one for one in standings if one.is_ejected and one.ejected_until <= now]
    for one in back:
        one.take_back()
        one.returned_at = now
    return back
