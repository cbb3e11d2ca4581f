"""Take connections out of the kernel's backlog, or leave them there for a while."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from gateway.settings.values.configuration import Address

# Connections that wait to be taken; the system may allow less.
BACKLOG: Final = 4096

# Of what a connection has to send, the kernel takes at most this much more than what is on its
# way to the client. It would take MiB for a client that reads nothing; and for one that reads a
# few bytes at a time it cuts them up into thousands of segments at once, for milliseconds, in
# which nobody else is served.
_UNSENT_BYTES: Final = 16 * 1024


class Acceptor:
    """The listening sockets of one address.

    While it is *paused*, new connections wait in the backlog, where they cost us nothing.
    """

    def __init__(
        self,
        make_protocol: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None,
        handshake_seconds: float,
    ) -> None:
        self._make_protocol = make_protocol
        self._tls = tls
        self._handshake_seconds = None if tls is None else handshake_seconds
        # Each socket a second time: a server closes its own when it stops to accept.
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._taking: set[asyncio.Task[None]] = set()
        self.paused = False

    @property
    def address(self) -> tuple[str, int]:
        """Return the host and port that are listened on."""
        if not self._sockets:
            raise RuntimeError("the listener was not started")
        host, port = self._sockets[0].getsockname()[:2]
        return host, port

    async def start(self, address: Address) -> None:
        """Listen; raises OSError where *address* cannot be had."""
        server = await asyncio.get_running_loop().create_server(
            self._make_protocol,
            address.host,
            address.port,
            ssl=self._tls,
            ssl_handshake_timeout=self._handshake_seconds,
            backlog=BACKLOG,
        )
        if not server.sockets:  # a family that the machine does not have is passed over there
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        self._servers = [server]
        self._keep([socket.socket(fileno=os.dup(one.fileno())) for one in server.sockets])

    async def start_on(self, sockets: Sequence[socket.socket]) -> None:
        """Take connections from *sockets*, which listen already; they are ours from now on."""
        self._keep(sockets)
        self.paused = True
        await self.resume()
        if self.paused:
            raise OSError("no descriptor is left for a listening socket")

    def _keep(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = list(sockets)
        for one in sockets:  # and so for every connection that comes by it
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

    def pause(self) -> None:
        """Take no connection from now on, except those that were taken in this turn already."""
        if not self.paused:
            self.paused = True
            # Not now: this may be the middle of taking one.
            asyncio.get_running_loop().call_soon(self._close_servers)

    async def resume(self) -> None:
        """Take connections again, those that waited first.

        Where no descriptor is left for that, it stays paused.
        """
        if self._servers:  # about to be closed, and with them what was made here: next time
            return
        try:
            sockets = [one.dup() for one in self._sockets]
        except OSError:
            return
        self.paused = False
        for one in sockets:
            server = await asyncio.get_running_loop().create_server(
                self._make_protocol,
                sock=one,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_seconds,
                backlog=BACKLOG,
            )
            self._servers.append(server)

    def bound_handshakes(self, seconds: float) -> None:
        """Give so many *seconds* to each handshake that begins from now on."""
        if self._tls is None or seconds == self._handshake_seconds:
            return
        self._handshake_seconds = seconds
        # A server has its time for good: whoever resumes makes another, and all wait for that.
        self.pause()

    async def finish(self) -> None:
        """Listen no more, but take those that wait in the backlog: they were let in already."""
        self._close_servers()
        sockets, self._sockets = self._sockets, []
        taken = [raw for one in sockets for raw in _take_waiting(one)]
        for one in sockets:
            one.close()
        loop = asyncio.get_running_loop()
        for raw in taken:
            task = loop.create_task(self._take(raw))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        await asyncio.sleep(0)  # until each is known to whoever counts them

    async def _take(self, raw: socket.socket) -> None:
        with suppress(OSError):  # it has left, or its handshake failed
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol,
                raw,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_seconds,
            )

    def close(self) -> None:
        """Listen no more; those in the backlog are refused."""
        self._close_servers()
        for one in self._sockets:
            one.close()
        self._sockets = []

    def _close_servers(self) -> None:
        for server in self._servers:
            server.close()
        self._servers = []


def _take_waiting(listening: socket.socket) -> Iterator[socket.socket]:
    """Yield every connection in the backlog of a socket."""
    listening.setblocking(False)
    while True:
        try:
            raw, _ = listening.accept()
        except OSError:  # there is none, or no descriptor is left for one
            return
        yield raw
