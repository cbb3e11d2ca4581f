"""Surface: what a service of HTTP/2 sends in answer to a request.

An input is a character that picks the request, one that picks the size of the pieces, and the
service's frames; its SETTINGS come before them. The request is on stream 1.
"""

from tests.fuzz.memory import MemoryTransport
from tests.fuzz.network import Ground, Network, ServiceEnd
from tests.proxy.h2.frames import body, headers, settings
from tests.proxy.judge import read_answers
from tests.proxy.reading import AnyProtocol

_HOST = b"Host: attacked.test\r\n"
_REQUESTS = (
    b"GET /public/attacked HTTP/1.1\r\n%b\r\n" % _HOST,
    b"HEAD /public/attacked HTTP/1.1\r\n%b\r\n" % _HOST,
    b"GET /public/attacked HTTP/1.0\r\n%b\r\n" % _HOST,
    b"POST /public/attacked HTTP/1.1\r\n%bContent-Length: 5\r\n\r\nhello" % _HOST,
    b"POST /public/attacked HTTP/1.1\r\n%bContent-Length: 5\r\n\r\nhel" % _HOST,
    b"POST /public/attacked HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % _HOST,
)
_NEXT = b"GET /public/next HTTP/1.1\r\nHost: next.test\r\n\r\n"
_HONEST = headers(1, [(b":status", b"200")], ends=False) + body(1, b"honest")

_MAX_INPUT_BYTES = 8192


class _Service(ServiceEnd):
    """A service's end that keeps what comes, and greets at once."""

    def __init__(self, network: Network, protocol: AnyProtocol) -> None:
        super().__init__(network, protocol)
        self.tunnelled = bytearray()  # its bytes are no requests of HTTP/1.1


class _Network(Network):
    def _accept(self, protocol: AnyProtocol) -> MemoryTransport:
        service = _Service(self, protocol)
        self.services.append(service)
        self.ground.loop.call_soon(service.transport.receive, settings())
        return service.transport


def check_http2_answers(ground: Ground, data: bytes) -> None:
    """Raise for an input that breaks a law of the data port."""
    if not 2 <= len(data) <= _MAX_INPUT_BYTES:
        return
    request, is_slow = _REQUESTS[data[0] % len(_REQUESTS)], bool(data[0] & 8)
    run = ground.loop.run_until_complete
    run(_play(ground, request, data[2:], len(data), is_slow=is_slow))
    run(_play(ground, request, data[2:], 1 + data[1] % 24, is_slow=is_slow))


async def _play(
    ground: Ground, request: bytes, frames: bytes, piece_bytes: int, *, is_slow: bool
) -> None:
    network = _Network(ground, lambda service, seen: None, is_slow=is_slow)
    client = network.connect()
    client.receive(request)
    await ground.loop.rest()
    (service,) = network.services
    for at in range(0, len(frames), piece_bytes):
        if not service.transport.is_closing():
            service.transport.receive(frames[at : at + piece_bytes])
        await ground.loop.rest()
    _check_answers(client, request)
    # A request that was refused may be sent again, on a connection of its own.
    while standing := [one for one in network.services if not one.transport.is_closing()]:
        standing[0].transport.receive_end()
        await ground.loop.rest()
    _check_answers(client, request)
    other = network.connect()
    other.receive(_NEXT)
    await ground.loop.rest()
    network.services[-1].transport.receive(_HONEST)
    await ground.loop.rest()
    answers, _ = read_answers(bytes(other.written), has_ended=False, heads=False)
    assert [answer.body for answer in answers] == [b"honest"]
    await network.end(client, other)


def _check_answers(client: MemoryTransport, request: bytes) -> None:
    """Judge what the client got: whole answers, one of them final; or an end that shows."""
    answers, tunnel = read_answers(
        bytes(client.written), has_ended=not client.is_reset, heads=request.startswith(b"HEAD")
    )
    assert tunnel is None, "no service of HTTP/2 begins a tunnel"
    interims = [one for one in answers if one.status < 200]
    assert len(interims) <= 16
    assert not interims or b"HTTP/1.0" not in request, "an interim answer to HTTP/1.0"
    assert len(answers) - len(interims) <= 1, f"more than one answer: {answers}"
