"""Know every client's connection, those still in their TLS handshake too."""

from collections.abc import Iterator
from typing import Generic, TypeVar
from weakref import WeakSet

C = TypeVar("C")


class Clients(Generic[C]):
    """The connections of a listener: *open* ones, and those that are not through the handshake.

    A connection whose handshake fails says nothing; it is simply gone.
    """

    __slots__ = ("_opening", "open")

    def __init__(self) -> None:
        self.open: set[C] = set()
        self._opening: WeakSet[C] = WeakSet()

    def expect(self, client: C) -> None:
        """Take that *client* is on its way through the handshake."""
        self._opening.add(client)

    def add(self, client: C) -> None:
        """Take that *client* is open."""
        self._opening.discard(client)
        self.open.add(client)

    def discard(self, client: C) -> None:
        """Take that *client* is gone."""
        self.open.discard(client)

    def __len__(self) -> int:
        """Return how many there are, the opening ones included."""
        return len(self.open) + len(self._opening)

    def __iter__(self) -> Iterator[C]:
        """Go through those open now, however many come and go meanwhile."""
        return iter(tuple(self.open))
