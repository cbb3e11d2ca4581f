"""Know every client's connection, those still in their TLS handshake too."""

from collections.abc import Iterator
from typing import Final, Generic, TypeVar
from weakref import WeakSet

from gateway.proxy.client.networks import Networks

C = TypeVar("C")

# Of what a client sends, so much is read at once. What waits behind a request that is not answered
# waits in memory, up to this much; all else stays in the kernel, which slows the client down.
READ_BYTES: Final = 16 * 1024

# What goes straight on to a service is read in larger pieces: it costs half as much.
PASSED_ON_BYTES: Final = 256 * 1024


class Clients(Generic[C]):
    """The connections of a listener: *open* ones, and those that are not through the handshake.

    A connection whose handshake fails says nothing; it is simply gone. All of them read into
    *room*, one after the other: what is in it counts until its reader returns. *view* is all of
    it, *to_read* as much as a request gets. *networks* counts the open ones by where they are from.
    *turned_away* are those of the open ones that only stay to read why they are not served.
    """

    __slots__ = ("_opening", "networks", "open", "room", "to_read", "turned_away", "view")

    def __init__(self) -> None:
        self.room = bytearray(PASSED_ON_BYTES)
        self.view = memoryview(self.room)
        self.to_read = self.view[:READ_BYTES]
        self.open: set[C] = set()
        self.turned_away: set[C] = set()
        self.networks = Networks()
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
        self.turned_away.discard(client)

    def turn_away(self, client: C) -> None:
        """Take that *client*, which is open, is not served: it takes nobody's place."""
        self.turned_away.add(client)

    @property
    def served(self) -> int:
        """Return how many are open and are served."""
        return len(self.open) - len(self.turned_away)

    def __len__(self) -> int:
        """Return how many there are, the opening ones included."""
        return len(self.open) + len(self._opening)

    def __iter__(self) -> Iterator[C]:
        """Go through those open now, however many come and go meanwhile."""
        return iter(tuple(self.open))
