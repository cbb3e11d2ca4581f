"""Connections of HTTP/2 to one address, whose streams many requests share."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from gateway.proxy.transport.framing import MAX_STREAMS
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.upstream.address_pool import AddressPool, LoneOwner
from gateway.proxy.upstream.h2_connection import H2ServerConnection, StreamsOwner
from gateway.proxy.upstream.h2_stream import H2ServerStream
from gateway.proxy.upstream.lease import Lease
from gateway.proxy.upstream.queue import Queue
from gateway.tls.no_connection import NotHttp2
from gateway.tls.server_side import HTTP_2

_NOT_SELECTED: Final = "it does not select h2 in the TLS handshake (ALPN)"
_NO_SETTINGS: Final = "it does not speak HTTP/2: the connection ended before its SETTINGS"
_LATE_SETTINGS: Final = "it does not speak HTTP/2: no SETTINGS within {:g} s"

_Outcome = asyncio.Future[OSError | None]
_Waiter = asyncio.Future[H2ServerStream | None]


class StreamPool(AddressPool):
    """Opens as many connections as the streams of its requests need, *most_connections* at most.

    A request gets a stream of the connection with the fewest. If all are taken, it waits for the
    next connection together with all others that do: they share one attempt to open it, or as many
    as their streams need. A connection is open once its SETTINGS have come: only then it is known
    that the server speaks HTTP/2, and how many streams it takes (RFC 9113 §3.4, §6.5.2).

    Connections that take no more requests do not count towards the limit, because a stream may
    last for hours: those of before a reload, and those that the server is about to close.
    """

    __slots__ = (
        "_attempts", "_ending", "_is_retired", "_most_connections", "_opening", "_places",
        "_promised", "_queue", "_servers", "_unused", "_waiting", "connections", "idle",
    )  # fmt: skip

    def __init__(
        self, most_connections: int | None, queue: "Queue[Lease | AddressPool]", *parts: Any
    ) -> None:
        super().__init__(*parts)
        self._most_connections = most_connections
        self._queue = queue
        self._servers: list[H2ServerConnection] = []  # those that are open
        self._ending: list[H2ServerConnection] = []  # those that take no more requests
        self._unused: set[H2ServerConnection] = set()  # those that had no request yet
        self._opening: dict[H2ServerConnection, _Outcome] = {}  # those without SETTINGS
        self._attempts: set[asyncio.Task[None]] = set()
        self._waiting: deque[_Waiter] = deque()
        self._promised = 0  # requests that were served with this pool, and have not called yet
        self._places = MAX_STREAMS  # of a connection that is not open yet: as many as the last had
        self._is_retired = False
        self.connections = _Streams((self._servers, self._ending))
        self.idle: tuple[H2ServerStream, ...] = ()

    @property
    def connection_count(self) -> int:
        """Return how many connections are open."""
        return len(self._servers) + len(self._ending)

    def inherit(self, former: AddressPool) -> None:
        """Expect connections like those of *former*, of the configuration before."""
        if isinstance(former, StreamPool):
            self._places = former._places

    # --- leases

    def take(self) -> H2ServerStream | None:
        """Return a lease on the connection with the fewest streams that has room, or None."""
        server = self._freest()
        return None if server is None else self._lease(server)

    def _freest(self) -> H2ServerConnection | None:
        best, fewest = None, 0
        for server in self._servers:
            if (best is None or server.stream_count < fewest) and server.room():
                best, fewest = server, server.stream_count
        return best

    def _lease(self, server: H2ServerConnection) -> H2ServerStream:
        if server in self._unused:
            self._unused.discard(server)
        else:
            self.tally.reused += 1
        return server.lease()

    def has_room(self) -> bool:
        """Return whether one more request can be sent here without a wait in the queue."""
        return self._freest() is not None or self._has_places()

    def _has_places(self) -> bool:
        """Return whether connections that are not open yet may have a place for one more."""
        most = self._most_connections
        return most is None or (most - len(self._servers)) * self._places > self.connecting

    def _may_open(self) -> bool:
        most = self._most_connections
        return most is None or len(self._servers) + len(self._attempts) < most

    async def connect(self, is_new: bool = False) -> H2ServerStream | None:
        """Return a lease once there is one; None if the server takes fewer streams than expected.

        If it *is_new*, it is on a connection that opens next, if one may be opened. Raises
        MachineFault or OSError if the connection that it waits for cannot be opened.
        """
        lease = None if is_new and self._may_open() else self.take()
        if lease is not None:
            return lease
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._open_more()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and (late := waiter.result()) is not None:
                late.give_back()
            raise

    def serve(self) -> None:
        """Serve the queue as far as there are places here."""
        while self.is_used and len(self._queue):
            server = self._freest()
            if server is not None:
                lease = self._lease(server)
                if not self._queue.serve(lease):
                    lease.give_back()
            elif self._has_places():
                self._promise(1)  # the place is kept free until ``redeem``
                if not self._queue.serve(self):
                    self._promise(-1)
            else:
                return

    def _promise(self, more: int) -> None:
        self._promised += more
        self._count()

    def redeem(self) -> None:
        """Note that a request that was served with this pool is about to connect."""
        self._promise(-1)

    def _count(self) -> None:
        self.connecting = len(self._waiting) + self._promised

    def _serve_waiting(self) -> None:
        """Give the places that are free to those who wait, the first ones first."""
        waiting = self._waiting
        while waiting:
            if waiting[0].done():  # it was cancelled
                waiting.popleft()
                continue
            server = self._freest()
            if server is None:
                break
            waiting.popleft().set_result(self._lease(server))
        if waiting:
            self._open_more()
        self._count()
        self.serve()

    # --- opening connections

    def _open_more(self) -> None:
        """Begin to open as many connections as those who wait need, if there may be so many.

        If there may not, as many as have no place are sent back to the queue.
        """
        needed = -(-len(self._waiting) // self._places)
        while len(self._attempts) < needed and self._may_open():
            self._attempts.add(asyncio.get_running_loop().create_task(self._attempt()))
        self._drop_waiting(None)

    def _drop_waiting(self, error: Exception | None) -> None:
        """Fail those for whom the attempts in progress have no place, the last ones first."""
        left = len(self._attempts) * self._places
        while len(self._waiting) > left:
            waiter = self._waiting.pop()
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
        self._count()

    async def _attempt(self) -> None:
        """Open one connection for those who wait, or fail them."""
        failure: Exception | None = None
        try:
            server = await self._open()
        except asyncio.CancelledError:
            failure = ConnectionAbortedError(0, "the gateway ends")
            raise
        except Exception as error:
            failure = error
            if isinstance(error, OSError):
                self.refuse()
            elif not self._waiting:
                report_unexpected_error("a connection was not opened", error)
        finally:
            self._attempts.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if failure is not None:
                self._drop_waiting(failure)
        if failure is None:
            self._use(server)
        else:
            self.serve()

    def _use(self, server: H2ServerConnection) -> None:
        """Give the streams of a new connection to those who wait."""
        self._servers.append(server)
        self._unused.add(server)
        self._places = server.room()
        self.tally.opened += 1
        self._serve_waiting()
        if self._is_retired:
            self._end(server)

    async def _open(self) -> H2ServerConnection:
        """Return a new connection whose SETTINGS have come; raises OSError or MachineFault."""
        settled: _Outcome = asyncio.get_running_loop().create_future()
        server: H2ServerConnection | None = None

        def make() -> H2ServerConnection:
            made = self._make(self)
            self._opening[made] = settled
            return made

        try:
            async with asyncio.timeout(self.connect_seconds):
                server = await self.dial(make)
                self._refuse_other_protocol(server)
                failure = await settled
            if failure is not None:
                raise failure
            if not server.room():
                raise ConnectionResetError(0, "it was closed at once")
        except BaseException as error:
            if server is None:
                raise
            server.close()
            if isinstance(error, TimeoutError):
                raise NotHttp2(_LATE_SETTINGS.format(self.connect_seconds)) from None
            raise
        finally:
            for made in [one for one, outcome in self._opening.items() if outcome is settled]:
                del self._opening[made]
        return server

    def _make(self, owner: StreamsOwner) -> H2ServerConnection:
        scheme = b"https" if self.server.tls else b"http"
        return H2ServerConnection(owner, scheme, self.idle_seconds)

    def _refuse_other_protocol(self, server: H2ServerConnection) -> None:
        """Raise NotHttp2 if something else was agreed on in the TLS handshake (RFC 9113 §3.2)."""
        if self.tls is None:
            return
        side = server.transport.get_extra_info("ssl_object")
        if side is None or side.selected_alpn_protocol() != HTTP_2:
            raise NotHttp2(_NOT_SELECTED)

    async def open_alone(self, owner: LoneOwner) -> H2ServerConnection:
        """Return a new connection that belongs to *owner*; raises OSError or MachineFault."""
        server = await self.dial(lambda: self._make(owner))
        try:
            self._refuse_other_protocol(server)
        except NotHttp2:
            server.close()
            raise
        return server

    # --- called by the connections

    def room_changed(self, server: H2ServerConnection) -> None:
        """Note that *server* has another number of places than before, or takes no more."""
        outcome = self._opening.get(server)
        if outcome is not None:
            if server.room() and not outcome.done():
                outcome.set_result(None)
            return
        if server.is_ending and server in self._servers:
            self._end(server)
        if self._waiting or len(self._queue):
            self._serve_waiting()

    def lost(self, server: H2ServerConnection) -> None:
        """Drop a connection that is gone."""
        outcome = self._opening.get(server)
        if outcome is not None:
            if not outcome.done():
                outcome.set_result(NotHttp2(_NO_SETTINGS))
            return
        for servers in (self._servers, self._ending):
            if server in servers:
                servers.remove(server)
        self._unused.discard(server)
        if self._waiting or len(self._queue):
            self._serve_waiting()

    # --- time passes

    def _all(self) -> Iterable[H2ServerConnection]:
        return (*self._servers, *self._ending)

    def expire(self, now: float) -> None:
        """Act on all deadlines that have passed."""
        for server in self._all():
            try:
                server.expire(now)
            except Exception as error:  # the deadlines of the others must hold
                report_unexpected_error("unexpected error in the timeout of a server", error)
                server.transport.abort()

    def _end(self, server: H2ServerConnection) -> None:
        """Give *server* no more requests; it closes after its last stream."""
        with suppress(ValueError):  # it is gone already
            self._servers.remove(server)
            self._ending.append(server)
        server.retire()

    def retire(self) -> None:
        """Let the streams finish; each connection closes after its last one."""
        self._is_retired = True
        for server in tuple(self._servers):
            self._end(server)

    def close(self) -> None:
        """Close every connection."""
        for task in tuple(self._attempts):
            task.cancel()
        for server in self._all():
            server.close()


class _Streams:
    """The streams of all connections, as far as balancing compares them: how many there are."""

    __slots__ = ("_lists",)

    def __init__(self, lists: Sequence[Sequence[H2ServerConnection]]) -> None:
        self._lists = lists

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(server.stream_count for servers in self._lists for server in servers)
