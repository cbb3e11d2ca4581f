"""A service that speaks TLS, and records who it was asked as, and by whom."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.proxy.service import Service
from tests.proxy.wire import Wire


class TlsService(Service):
    """*asked_names* are the names in the handshakes, None where there was none."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self.context = context
        self.asked_names: list[str | None] = []
        context.sni_callback = self._note

    def _note(self, _connection: ssl.SSLObject, name: str | None, _context: object) -> None:
        self.asked_names.append(name)

    @property
    def url(self) -> str:
        return super().url.replace("http:", "https:")

    @property
    def clients(self) -> list[str]:
        """Return the first name in the certificate of each client that showed one."""
        shown = [wire.transport.get_extra_info("peercert") for wire in self.connections]
        return [one["subjectAltName"][0][1] for one in shown if one]


@asynccontextmanager
async def running_tls_service(context: ssl.SSLContext) -> AsyncIterator[TlsService]:
    """Yield a service on a free port of loopback that speaks TLS by *context*."""
    service = TlsService(context)
    server = await asyncio.get_running_loop().create_server(
        lambda: Wire(service.take), "127.0.0.1", 0, ssl=context
    )
    service.address = server.sockets[0].getsockname()[:2]
    try:
        yield service
    finally:
        server.close()
        await service.finish()
