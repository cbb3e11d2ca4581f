"""Surface: what a service sends in answer to a request.

An input is a character that picks the request, one that picks the size of the pieces, and the
service's bytes.
"""

import re
from dataclasses import dataclass

import h11

from tests.fuzz.memory import MemoryTransport
from tests.fuzz.network import Ground, Network, ServiceEnd
from tests.proxy.judge import Seen, read_answers

_HOST = b"Host: attacked.test\r\n"
_UPGRADE = b"Connection: Upgrade\r\nUpgrade: chat\r\n"
_REQUESTS = (
    b"GET /public/attacked HTTP/1.1\r\n%b\r\n" % _HOST,
    b"HEAD /public/attacked HTTP/1.1\r\n%b\r\n" % _HOST,
    b"GET /public/attacked HTTP/1.0\r\n%b\r\n" % _HOST,
    b"POST /public/attacked HTTP/1.1\r\n%bContent-Length: 5\r\n\r\nhello" % _HOST,
    b"POST /public/attacked HTTP/1.1\r\n%bContent-Length: 5\r\n\r\nhel" % _HOST,
    b"GET /socket/attacked HTTP/1.1\r\n%b%b\r\n" % (_HOST, _UPGRADE),
    b"POST /public/attacked HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % _HOST,
    b"GET /public/attacked HTTP/1.1\r\n%b\r\nGET /public/next HTTP/1.1\r\n%b\r\n" % (_HOST, _HOST),
)
_NEXT = b"GET /public/next HTTP/1.1\r\n%b\r\n" % _HOST

# The parser takes ICE and RTSP for HTTP, and says nothing of it; the phrase goes nowhere.
_STATUS_LINE = re.compile(rb"\A[\r\n]*(?:HTTP|RTSP|ICE)/1\.([01]) ([0-9]{3})(?: [^\r\n]*)?")

_MAX_INPUT_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Case:
    """One input, taken apart."""

    request: bytes
    is_slow: bool
    piece_bytes: int
    sent: bytes


@dataclass(slots=True)
class Played:
    """What the client got: the answer to the attacked request, if whole, and how it ended."""

    answer: tuple[int, bytes] | None = None
    is_refused: bool = False
    tunnel: bytes | None = None


def check_service_bytes(ground: Ground, data: bytes) -> None:
    """Raise for an input that breaks a law of the data port."""
    if not 2 <= len(data) <= _MAX_INPUT_BYTES:
        return
    request = _REQUESTS[data[0] % len(_REQUESTS)]
    case = Case(request, bool(data[0] & 8), 1 + data[1] % 24, data[2:])
    run = ground.loop.run_until_complete
    whole = run(_play(ground, case, len(case.sent) or 1, turns=False))
    together = run(_play(ground, case, case.piece_bytes, turns=False))
    apart = run(_play(ground, case, case.piece_bytes, turns=True))
    if request is not _REQUESTS[7]:  # a reset for the next answer may take this one along
        _check_alike(whole, together)
        _check_alike(whole, apart)
    _check_meaning(case, whole)


async def _play(ground: Ground, case: Case, piece_bytes: int, *, turns: bool) -> Played:
    network = Network(ground, _serve_others, is_slow=case.is_slow)
    client, other = network.connect(), network.connect()
    client.receive(case.request)
    await ground.loop.rest()
    (service,) = network.services
    for at in range(0, len(case.sent), piece_bytes):
        service.transport.receive(case.sent[at : at + piece_bytes])
        if turns:
            await ground.loop.rest()
    await ground.loop.rest()
    await _ask(network, other)
    if not client.is_closing() and case.request is _REQUESTS[0]:
        client.receive(_NEXT)
        await ground.loop.rest()
    if not service.transport.is_closing():
        service.transport.receive_end()
        await ground.loop.rest()
    await network.end(client, other)
    return _judge(client, case)


def _serve_others(service: ServiceEnd, request: Seen) -> None:
    if not request.is_whole or request.target.endswith(b"/attacked") or service.tunnelled:
        return
    answer = b"HTTP/1.1 200 OK\r\nX-Echo: %b\r\nContent-Length: 6\r\n\r\nhonest" % request.target
    service.transport.receive(answer)


async def _ask(network: Network, other: MemoryTransport) -> None:
    """Ask beside the attacked request; nothing of its answer may be in ours."""
    other.receive(b"GET /public/other HTTP/1.1\r\nHost: other.test\r\n\r\n")
    await network.ground.loop.rest()
    answers, _ = read_answers(bytes(other.written), has_ended=False, heads=False)
    assert [(answer.all(b"x-echo"), answer.body) for answer in answers] == [
        ([b"/public/other"], b"honest")
    ]


def _judge(client: MemoryTransport, case: Case) -> Played:
    heads = case.request.startswith(b"HEAD")
    ended = not client.is_reset
    answers, tunnel = read_answers(bytes(client.written), has_ended=ended, heads=heads)
    played = Played(tunnel=tunnel)
    if answers and not answers[-1].is_whole:
        assert client.is_reset, f"an answer cut short without a reset: {answers[-1]}"
    interims = [one for one in answers if one.status < 200 and one.status != 101]
    assert len(interims) <= 16
    assert case.request is not _REQUESTS[2] or not interims, "an interim answer to HTTP/1.0"
    finals = [one for one in answers if one not in interims and one.is_whole]
    assert all(one.status not in (100, 0) for one in answers if one.is_whole)
    if finals:
        first, *others = finals
        played.answer = (first.status, first.body)
        played.is_refused = _is_refusal(first)
        for answer in others:
            # A pipelined request may be on its way before the rest of what the service says.
            if case.request is not _REQUESTS[7] and not _is_refusal(answer):
                assert answer.body == b"honest", f"another's answer: {answer}"
    return played


def _is_refusal(answer: Seen) -> bool:
    return answer.all(b"content-type") == [b"application/problem+json"]


def _check_alike(whole: Played, split: Played) -> None:
    """Compare answers: what is refused at once may be cut short where it came in pieces."""
    if whole.is_refused or split.is_refused or None in (whole.answer, split.answer):
        is_bad = whole.is_refused or whole.answer is None
        assert is_bad == (split.is_refused or split.answer is None), f"{whole} and {split}"
        return
    assert (whole.answer, whole.tunnel) == (split.answer, split.tunnel), f"{whole} and {split}"


def _check_meaning(case: Case, played: Played) -> None:
    """Compare the answer passed on with how another parser reads what the service sent."""
    if played.answer is None or played.is_refused:
        return
    reading = _read_independently(case)
    assert reading is not None, f"h11 reads no answer in {case}, and {played} was passed on"
    status, body = reading
    if status == 101:
        assert (played.answer[0], played.tunnel) == (101, body), f"{reading} became {played}"
    else:
        assert played.answer == (status, body), f"{reading} became {played}"


def _read_independently(case: Case) -> tuple[int, bytes] | None:
    """Return status and body as h11 reads them, or 101 and what is behind it."""
    sent = case.sent
    try:
        while True:
            peer = _asking_peer(case)
            peer.receive_data(_STATUS_LINE.sub(rb"HTTP/1.\1 \2 OK", sent))
            peer.receive_data(b"")
            event = peer.next_event()
            if isinstance(event, h11.Response):
                return _read_body(peer, event.status_code)
            if not isinstance(event, h11.InformationalResponse):
                return None
            sent = peer.trailing_data[0]
            if event.status_code == 101:
                return 101, sent
    except h11.RemoteProtocolError:
        return None


def _asking_peer(case: Case) -> h11.Connection:
    peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    fields = [(b"Host", b"h")]
    if case.request is _REQUESTS[5]:
        fields += [(b"Connection", b"Upgrade"), (b"Upgrade", b"chat")]
    peer.send(h11.Request(method=case.request.split(b" ")[0], target=b"/", headers=fields))
    peer.send(h11.EndOfMessage())
    return peer


def _read_body(peer: h11.Connection, status: int) -> tuple[int, bytes] | None:
    body = bytearray()
    while True:
        match peer.next_event():
            case h11.Data(data=data):
                body += data
            case h11.EndOfMessage():
                return status, bytes(body)
            case _:
                return None
