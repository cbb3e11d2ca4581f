"""One address of a server, as its connections and whoever chooses among servers need it."""

import asyncio
import errno
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Sized
from typing import Final, Protocol, TypeVar

from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.connection import ConnectionOwner
from gateway.proxy.upstream.h2_connection import StreamsOwner
from gateway.proxy.upstream.lease import Lease
from gateway.settings.values.configuration import Server, Timeouts, Upstream
from gateway.telemetry.metrics.servers import ServerMetrics
from gateway.telemetry.metrics.upstreams import UpstreamMetrics

# Out of descriptors or memory on this machine, which is no failure of the server.
_MACHINE_FAULTS: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

P = TypeVar("P", bound=asyncio.BaseProtocol)


class MachineFault(Exception):  # noqa: N818 - what went wrong is its cause
    """A connection could not be opened because this machine is out of something.

    It is no OSError, which would count against the server.
    """


class Watcher(Protocol):
    """What judges a server by its requests."""

    def failed(self, sent_at: float) -> None:
        """Note that a request failed that was sent at *sent_at*."""

    def refused(self) -> None:
        """Note that a connection could not be opened."""

    def abandoned(self, sent_at: float) -> None:
        """Note that nobody waits any more for the response to a request."""


class LoneOwner(ConnectionOwner, StreamsOwner, Protocol):
    """The owner of a connection that no pool shares, whatever its protocol."""


class LoneConnection(Protocol):
    """A connection that no pool shares, for one request."""

    def lease(self) -> Lease:
        """Return what the request is sent on."""

    def close(self) -> None:
        """Close it."""


class AddressPool(ABC):
    """The connections to one address, which give a lease to each request.

    *connections* are the leases, whether with a request or *idle*: connections of HTTP/1.1, or
    streams of HTTP/2. *connecting* counts requests that wait for a connection that is not open yet.
    *observe* counts each response, *watcher* learns of failures. *is_used* says that requests are
    sent here. *tls* is for a server with https.
    """

    __slots__ = (
        "authority", "body_seconds", "connect_seconds", "connecting", "host", "idle_seconds",
        "is_used", "observe", "server", "server_name", "tally", "tls", "upstream_name", "watcher",
        "write_buffer",
    )  # fmt: skip

    connections: Sized
    idle: Sized

    def __init__(  # noqa: PLR0913, PLR0917 - each is a part of what connections need
        self,
        server: Server,
        host: str,
        upstream: Upstream,
        timeouts: Timeouts,
        write_buffer: WriteBuffer,
        counts: UpstreamMetrics,
        tally: ServerMetrics,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.server = server
        self.host = host
        self.tls = tls if server.tls else None
        # The name that its certificate must have; sent in the handshake unless it is an address.
        self.server_name = None
        if server.tls and upstream.tls is not None:
            self.server_name = upstream.tls.server_name or server.host
        self.write_buffer = write_buffer
        self.connect_seconds = upstream.connect_timeout_seconds
        self.idle_seconds = upstream.idle_timeout_seconds
        self.body_seconds = timeouts.body_seconds
        self.observe: Callable[[str, int, float], None] = counts.times.observe
        self.tally = tally
        self.watcher: Watcher | None = None
        self.connecting = 0
        self.is_used = True
        self.upstream_name = upstream.name
        self.authority = server.authority

    @property
    def in_flight(self) -> int:
        """Return how many requests are in flight here, or about to be."""
        return len(self.connections) - len(self.idle) + self.connecting

    @property
    @abstractmethod
    def connection_count(self) -> int:
        """Return how many connections are open."""

    def inherit(self, former: "AddressPool") -> None:  # noqa: B027 - most share nothing
        """Take over from *former* after a reload: nothing, unless there is a limit."""

    # --- leases

    @abstractmethod
    def take(self) -> Lease | None:
        """Return a lease that is free at once, or None."""

    def has_room(self) -> bool:
        """Return whether one more request can be sent here without a wait in the queue."""
        return True

    @abstractmethod
    async def connect(self, is_new: bool = False) -> Lease | None:
        """Return a lease once there is one; None if there is no room any more.

        One that *is_new* is on a connection that has not carried a request yet. Raises MachineFault
        or OSError (TimeoutError and ssl errors included). A connection that is closed before
        anything was sent is an error too: to try that server again at once, and again, would flood
        it.
        """

    @abstractmethod
    async def open_alone(self, owner: LoneOwner) -> LoneConnection:
        """Return a new connection that belongs to *owner*; raises OSError or MachineFault."""

    async def dial(self, make: Callable[[], P]) -> P:
        """Return a new connection for the protocol that *make* returns; raises like ``connect``."""
        try:
            _, made = await asyncio.get_running_loop().create_connection(
                make,
                self.host,
                self.server.port,
                ssl=self.tls,
                server_hostname=self.server_name,
            )
        except OSError as error:
            if error.errno in _MACHINE_FAULTS:
                raise MachineFault from error
            raise
        return made

    # --- what requests say about the server

    def refuse(self) -> None:
        """Count a connection that could not be opened against the server."""
        self.tally.failures += 1
        if self.watcher is not None:
            self.watcher.refused()

    def fail(self, sent_at: float) -> None:
        """Count a failed request, sent at *sent_at*, against the server."""
        self.tally.failures += 1
        if self.watcher is not None:
            self.watcher.failed(sent_at)

    def abandon(self, sent_at: float) -> None:
        """Note that a request ended, which says nothing about the server."""
        if self.watcher is not None:
            self.watcher.abandoned(sent_at)

    # --- the queue

    def redeem(self) -> None:  # noqa: B027 - there is no queue without a limit
        """Note that a request that was served with this pool is about to connect."""

    def serve(self) -> None:  # noqa: B027 - the same
        """Serve the queue as far as there are places here."""

    # --- time passes

    @abstractmethod
    def expire(self, now: float) -> None:
        """Act on all deadlines that have passed."""

    @abstractmethod
    def retire(self) -> None:
        """Let the requests in flight finish, and keep nothing any more."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""
