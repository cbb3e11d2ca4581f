"""Choose the server that gets the next request."""

from collections.abc import Sequence, Sized
from typing import Final, Protocol, TypeVar

# How many servers are compared for one request. The least of two at random is known to come close
# to the least of all (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing"), and
# each more adds little; up to four servers it is the least of all. With all of many compared, the
# price of a request would grow with their number.
COMPARED: Final = 4


class Loaded(Protocol):
    """A server, by its connections: those that are not *idle* have a request under way."""

    @property
    def connections(self) -> Sized:
        """Return all that stand."""

    @property
    def idle(self) -> Sized:
        """Return those that nobody uses."""

    @property
    def connecting(self) -> int:
        """Return how many do not stand yet."""


L = TypeVar("L", bound=Loaded)


class RoundRobin:
    """Each in its turn.

    ``choose`` alone changes nothing: the turn is over when somebody ``took`` it.
    """

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn = 0

    def choose(self, servers: Sequence[L]) -> L:
        """Return one of *servers*, of which there is at least one."""
        return servers[self._turn % len(servers)]

    def took(self) -> None:
        """Take that the request went to the one chosen last."""
        self._turn += 1


class LeastRequests(RoundRobin):
    """The one with the fewest requests under way; where several have as few, each in its turn.

    Compared are the next four from a place that moves on with each request, so no random
    numbers are needed: two processes with the same servers do not choose in step anyway, for
    each knows its own requests alone.
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
