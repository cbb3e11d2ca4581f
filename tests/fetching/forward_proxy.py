"""A forward proxy that records what it is asked for, and leads every host to one server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class ForwardProxy:
    """A proxy for one *target*, whatever host a client names: tests own no public names.

    *heads* are the request heads that it received. To CONNECT it says *answer*; unless that is
    200, the connection ends.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.heads: list[bytes] = []
        self.answer = ESTABLISHED
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            if head.startswith(b"CONNECT "):
                writer.write(self.answer)
                if self.answer != ESTABLISHED:
                    return
                head = b""
            there, back = await asyncio.open_connection(*self.target)
            back.write(head)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while octets := await reader.read(65536):
            writer.write(octets)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def forward_proxy(url: str) -> AsyncIterator[ForwardProxy]:
    """Run a proxy that leads to the server at *url*."""
    host, _, port = url.rpartition("://")[2].partition(":")
    proxy = ForwardProxy((host, int(port)))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
