"""The service of one policy: it holds every request against that policy, and says who it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from tests.soak.reloads.policies import fault_of


class PolicyService:
    """Counts requests, and keeps what is wrong with them in *faults*.

    *is_other_reserved* says whether the other policy has been live before; None means perhaps.
    """

    def __init__(self, policy: str, *, is_other_reserved: bool) -> None:
        self.policy = policy
        self.is_other_reserved: bool | None = is_other_reserved
        self.requests = 0
        self.faults: list[str] = []
        self.url = ""

    def answer(self, head: bytes, body: bytes) -> bytes:
        """Return the answer to a whole request."""
        self.requests += 1
        start, *lines = head.decode("latin-1").split("\r\n")
        target = start.split(" ")[1]
        fields: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            fields.setdefault(name.lower(), []).append(value.strip())
        fault = fault_of(self.policy, target, fields, is_other_reserved=self.is_other_reserved)
        if fault is not None:
            self.faults.append(fault)
        said = f"{self.policy} {target} ".encode() + body
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said


class _Connection(asyncio.Protocol):
    def __init__(self, service: PolicyService) -> None:
        self._service = service
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            size = length_of(head)
            if len(self._received) < end + 4 + size:
                return
            body = self._received[end + 4 : end + 4 + size]
            self._received = self._received[end + 4 + size :]
            self._transport.write(self._service.answer(head, body))


def length_of(head: bytes) -> int:
    """Return the Content-Length of *head*, 0 where it has none."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


@asynccontextmanager
async def policy_service(policy: str, *, is_other_reserved: bool) -> AsyncIterator[PolicyService]:
    """Yield the service of *policy*, on a free port of loopback."""
    service = PolicyService(policy, is_other_reserved=is_other_reserved)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(service), "127.0.0.1", 0)
    service.url = "http://{}:{}".format(*server.sockets[0].getsockname())
    try:
        yield service
    finally:
        server.close()
