"""Choose the servers that are used, and the one that gets the next request."""

from collections.abc import Sequence, Sized
from typing import Final, Protocol, TypeVar

# How many servers are compared for one request. The least of two at random is known to come close
# to the least of all (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing"), and
# each more adds little; up to four servers it is the least of all. If all were compared, the price
# of a request would grow with their number.
COMPARED: Final = 4

T = TypeVar("T")


def choose_usable(
    servers: Sequence[T], is_out: Sequence[bool], panic_below: float
) -> tuple[tuple[T, ...], bool]:
    """Return the servers to use, and whether these are all because too few are healthy.

    When so many are unhealthy at once, the check or the load is more likely to blame than each of
    them, and the few that are left would break down under the load of all.
    """
    left = tuple(one for one, out in zip(servers, is_out, strict=True) if not out)
    if len(left) == len(servers):
        return left, False
    if not left or len(left) < panic_below * len(servers):
        return tuple(servers), True
    return left, False


class Loaded(Protocol):
    """A server, by its leases: those that are not *idle* have a request in flight."""

    @property
    def connections(self) -> Sized:
        """Return all: connections of HTTP/1.1, or streams of HTTP/2."""

    @property
    def idle(self) -> Sized:
        """Return those without a request."""

    @property
    def connecting(self) -> int:
        """Return how many requests wait for a connection that is not open yet."""


L = TypeVar("L", bound=Loaded)


class RoundRobin:
    """Each server in its turn.

    ``choose`` alone changes nothing: the turn ends with ``took``.
    """

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn = 0

    def choose(self, servers: Sequence[L]) -> L:
        """Return one of *servers*, of which there is at least one."""
        return servers[self._turn % len(servers)]

    def took(self) -> None:
        """Note that the server chosen last got the request."""
        self._turn += 1


class LeastRequests(RoundRobin):
    """The server with the fewest requests in flight; of several, each in its turn.

    The next four are compared, from a place that advances with each request. So it needs no random
    numbers: two processes with the same servers do not choose in step anyway, because each knows
    only its own requests.
    """

    __slots__ = ()

    def choose(self, servers: Sequence[L]) -> L:
        """Return one of *servers*, of which there is at least one."""
        count = len(servers)
        turn = self._turn % count
        best = servers[turn]
        least = len(best.connections) - len(best.idle) + best.connecting
        if not least:
            return best
        for step in range(1, min(count, COMPARED)):
            server = servers[(turn + step) % count]
            load = len(server.connections) - len(server.idle) + server.connecting
            if not load:
                return server
            if load < least:
                best, least = server, load
        return best
