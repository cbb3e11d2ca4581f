"""Know every client's connection, also those in their TLS handshake."""

from collections.abc import Iterator
from typing import Final, Generic, Protocol, TypeVar
from weakref import WeakSet

from gateway.proxy.port import Port

C = TypeVar("C")

# Input is read in pieces of at most this size. What comes after a request in flight waits in
# memory, up to this size; the rest stays in the kernel, which slows the client down.
READ_BYTES: Final = 16 * 1024

# A body that is forwarded as it comes is read in larger pieces: that costs half as much.
BODY_READ_BYTES: Final = 256 * 1024


class Connection(Protocol):
    """A client's connection, with one request in flight or several.

    *deadline* is when ``expire`` is due, by the monotonic clock.
    """

    deadline: float

    def expire(self) -> None:
        """Act on the deadline, which has passed."""

    def check_exchange(self, now: float) -> None:
        """Give up each request whose client has left, or whose total timeout has passed."""

    def use(self, port: Port) -> None:
        """Switch to *port* after a reload; requests in flight keep their own."""

    def requests_in_flight(self) -> int:
        """Return the number of requests in flight; may be called in any thread."""

    def close_when_idle(self) -> None:
        """Close once idle for as long as the port says now; requests in flight may finish."""

    def lasts(self) -> bool:
        """Return whether a response in flight is a tunnel or an event stream."""

    def end_lasting(self) -> None:
        """Begin to end the tunnels and event streams."""

    def end_now(self) -> None:
        """Close now; what was written is still sent."""

    def abort(self) -> None:
        """Reset the connection."""


class Networks:
    """How many connections each network has; a network without any takes no memory."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, network: bytes) -> int:
        """Return how many connections *network* has."""
        return self._counts.get(network, 0)

    def add(self, network: bytes) -> None:
        """Count one more connection of *network*."""
        self._counts[network] = self._counts.get(network, 0) + 1

    def discard(self, network: bytes) -> None:
        """Count one connection less, which was counted before."""
        count = self._counts[network] - 1
        if count:
            self._counts[network] = count
        else:
            del self._counts[network]


class Clients(Generic[C]):
    """The connections of a listener: *open* ones, each with its network, and those in a handshake.

    A connection whose handshake fails does not report it; it is simply gone. All connections read
    into one *buffer*, which the next one overwrites: *view* is all of it, *request_view* as much
    as a request gets.
    """

    __slots__ = ("_in_handshake", "_networks", "_refused", "buffer", "open", "request_view", "view")

    def __init__(self) -> None:
        self.buffer = bytearray(BODY_READ_BYTES)
        self.view = memoryview(self.buffer)
        self.request_view = self.view[:READ_BYTES]
        self.open: dict[C, bytes] = {}
        self._refused: set[C] = set()
        self._networks = Networks()
        self._in_handshake: WeakSet[object] = WeakSet()

    def begin_handshake(self, client: object) -> None:
        """Count *client*, which is in its TLS handshake."""
        self._in_handshake.add(client)

    def end_handshake(self, client: object) -> None:
        """Count *client* no longer, if it was in its TLS handshake: another stands for it."""
        self._in_handshake.discard(client)

    def add(self, client: C, network: bytes) -> None:
        """Add *client*, which is open and of *network*."""
        self.open[client] = network
        self._networks.add(network)

    def count(self, network: bytes) -> int:
        """Return how many connections of *network* are open and not refused."""
        return self._networks.count(network)

    def refuse(self, client: C) -> None:
        """Count *client* toward no limit: it only stays until it has read why it is refused."""
        self._refused.add(client)
        self._networks.discard(self.open[client])

    def replace(self, client: C, successor: C) -> None:
        """Have *successor* stand for *client*, whose transport it has taken over."""
        self.open[successor] = self.open.pop(client)

    def discard(self, client: C) -> None:
        """Remove *client*, which is closed."""
        network = self.open.pop(client)
        if client in self._refused:
            self._refused.discard(client)
        else:
            self._networks.discard(network)

    @property
    def served(self) -> int:
        """Return how many are open and not refused."""
        return len(self.open) - len(self._refused)

    def __len__(self) -> int:
        """Return how many there are, those in a handshake included."""
        return len(self.open) + len(self._in_handshake)

    def __iter__(self) -> Iterator[C]:
        """Iterate over those open now, however many open and close meanwhile."""
        return iter(tuple(self.open))
