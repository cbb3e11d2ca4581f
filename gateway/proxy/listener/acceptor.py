"""Accept connections, or leave them in the kernel's backlog for a while."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from gateway.settings.values.configuration import Address

# Connections that wait to be accepted; the system may allow fewer.
BACKLOG: Final = 4096

# The kernel takes at most this much to send in advance, beside what is on its way to the client.
# Otherwise it takes several MiB for a client that reads nothing; and if one reads a few bytes at a
# time, it cuts them into thousands of segments at once, for milliseconds, in which nobody else is
# served.
_UNSENT_BYTES: Final = 16 * 1024


class Acceptor:
    """The listening sockets of one address.

    While it is *paused*, new connections wait in the backlog, where they cost nothing.
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
        # Duplicates: a server closes its own sockets when it stops accepting.
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._accepting: set[asyncio.Task[None]] = set()
        self.paused = False

    @property
    def address(self) -> tuple[str, int]:
        """Return the host and port that are listened on."""
        if not self._sockets:
            raise RuntimeError("the listener was not started")
        host, port = self._sockets[0].getsockname()[:2]
        return host, port

    async def start(self, address: Address) -> None:
        """Listen; raises OSError if *address* is unavailable."""
        server = await asyncio.get_running_loop().create_server(
            self._make_protocol,
            address.host,
            address.port,
            ssl=self._tls,
            ssl_handshake_timeout=self._handshake_seconds,
            backlog=BACKLOG,
        )
        if not server.sockets:  # asyncio skips an address family that the machine lacks
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        self._servers = [server]
        self._adopt([socket.socket(fileno=os.dup(one.fileno())) for one in server.sockets])

    async def start_on(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections from *sockets*, which listen already and belong to it from now on."""
        self._adopt(sockets)
        self.paused = True
        await self.resume()
        if self.paused:
            raise OSError("no file descriptor is left for a listening socket")

    def _adopt(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = list(sockets)
        for one in sockets:  # accepted connections inherit it
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

    def pause(self) -> None:
        """Accept no more connections, except those that the event loop is just accepting."""
        if not self.paused:
            self.paused = True
            # Later, because this may be called while one is accepted.
            asyncio.get_running_loop().call_soon(self._close_servers)

    async def resume(self) -> None:
        """Accept connections again, first those that wait; stay paused without descriptors."""
        if self._servers:  # they are about to be closed, and would be with new ones: next time
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
        """Limit each handshake that begins from now on to *seconds*."""
        if self._tls is None or seconds == self._handshake_seconds:
            return
        self._handshake_seconds = seconds
        # The limit of an asyncio server is fixed; `resume` makes a new one.
        self.pause()

    async def finish(self) -> None:
        """Stop listening, but accept what is in the backlog: those clients are connected."""
        self._close_servers()
        sockets, self._sockets = self._sockets, []
        accepted = [raw for one in sockets for raw in _accept_waiting(one)]
        for one in sockets:
            one.close()
        loop = asyncio.get_running_loop()
        for raw in accepted:
            task = loop.create_task(self._serve(raw))
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)
        await asyncio.sleep(0)  # so that the drain, which follows, knows each of them

    async def _serve(self, raw: socket.socket) -> None:
        with suppress(OSError):  # the client has left, or its handshake failed
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol,
                raw,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_seconds,
            )

    def close(self) -> None:
        """Stop listening; the kernel resets the connections in the backlog."""
        self._close_servers()
        for one in self._sockets:
            one.close()
        self._sockets = []

    def _close_servers(self) -> None:
        for server in self._servers:
            server.close()
        self._servers = []


def _accept_waiting(listening: socket.socket) -> Iterator[socket.socket]:
    """Yield every connection in the backlog of a socket."""
    listening.setblocking(False)
    while True:
        try:
            raw, _ = listening.accept()
        except OSError:  # there are none, or no descriptor is left
            return
        yield raw
