"""Surface: what a client sends to the data port.

An input is a character that picks what the service does, one that picks the size of the
pieces, and the client's bytes, with ``TOKEN`` for a good token.
"""

import re
from dataclasses import dataclass, field

import h11

from gateway.decision.identity import IDENTITY_START, canonical_alias, identity_aliases
from tests.fuzz.memory import MemoryTransport
from tests.fuzz.network import TOKEN_MARK, Ground, Network, ServiceEnd
from tests.proxy.judge import Malformed, Seen, read_answers

_SCRIPTS = 8
ECHO, CHUNKED, UNTIL_CLOSE, INTERIM, EARLY, SWITCH, CLOSE, NO_CONTENT = range(_SCRIPTS)

_MAX_INPUT_BYTES = 8192

# The parser takes several spaces for one and RTSP for HTTP, and says nothing of it.
_REQUEST_LINE = re.compile(rb"\A[\r\n]*([!-~]+) +([!-~]+) +(?:HTTP|RTSP)/1\.")

# Never sent to a service, whoever says it.
UNSENT = frozenset(
    (
        b"te", b"trailer", b"keep-alive", b"proxy-connection", b"expect", b"http2-settings",
        b"proxy-authorization", b"proxy-authenticate",
        b"x-original-url", b"x-rewrite-url", b"x-http-method-override",
    )
)  # fmt: skip
SENT_ONCE = (
    b"host", b"x-request-id", b"via", b"forwarded",
    b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One input, taken apart."""

    script: int
    is_slow: bool
    piece_bytes: int
    stream: bytes


@dataclass(slots=True)
class Played:
    """What became of a stream: answers (index, what), requests as services got them."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    requests: list[tuple[int, bytes, bytes, bytes]] = field(default_factory=list)
    tunnel: tuple[bytes, bytes] | None = None


def check_client_bytes(ground: Ground, data: bytes) -> None:
    """Raise for an input that breaks a law of the data port."""
    case = _take_apart(data)
    if case is None:
        return
    run = ground.loop.run_until_complete
    whole = run(_play(ground, case, len(case.stream) or 1, turns=False))
    together = run(_play(ground, case, case.piece_bytes, turns=False))
    apart = run(_play(ground, case, case.piece_bytes, turns=True))
    if case.script != EARLY:  # what is read of a body may then depend on who was faster
        assert whole == together, f"whole {whole}, in pieces {together}"
        _check_alike(whole, apart)
    _check_meaning(case.stream.replace(TOKEN_MARK, ground.token), whole)


def _take_apart(data: bytes) -> Case | None:
    if not 2 <= len(data) <= _MAX_INPUT_BYTES:
        return None
    return Case(data[0] % _SCRIPTS, bool(data[0] & 8), 1 + data[1] % 24, data[2:])


async def _play(ground: Ground, case: Case, piece_bytes: int, *, turns: bool) -> Played:
    def script(service: ServiceEnd, request: Seen) -> None:
        respond(case.script, service, request)

    network = Network(ground, script, is_slow=case.is_slow)
    other, client = network.connect(), network.connect()
    await ask(network, other, b"/public/first")
    stream = case.stream.replace(TOKEN_MARK, ground.token)
    for at in range(0, len(stream), piece_bytes):
        client.receive(stream[at : at + piece_bytes])
        if turns:
            await ground.loop.rest()
    await ground.loop.rest()
    await ask(network, other, b"/public/second")
    await network.end(client, other)
    return _judge(network, client, case.stream)


# --- the service


def respond(script: int, service: ServiceEnd, request: Seen) -> None:
    request_id = request.all(b"x-request-id")[0]
    if service.transport.is_lost or service.answered == request_id or service.tunnelled is not None:
        return
    if not request.is_whole and script != EARLY:
        return
    service.answered = request_id
    send = service.transport.receive
    fields = b"X-Echo-Id: %b\r\nX-Echo: %b\r\n" % (request_id, request.target)
    body = b"" if request.method == b"HEAD" else request.target + b" " + request.body
    known = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (fields, len(body), body)
    match script:
        case 1:
            send(b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n" % fields)
            if request.method != b"HEAD":
                send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        case 2:
            send(b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (fields, body))
            service.transport.receive_end()
        case 3:
            send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + known)
        case 5 if request.all(b"upgrade"):
            protocol = request.all(b"upgrade")[0]
            service.begin_tunnel()
            switch = b"HTTP/1.1 101 Switching Protocols\r\n%bConnection: upgrade\r\nUpgrade: %b\r\n"
            send(switch % (fields, protocol) + b"\r\nfrom the service")
        case 6:
            send(known.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        case 7:
            send(b"HTTP/1.1 204 No Content\r\n%b\r\n" % fields)
        case _:
            send(known)


# --- the other client


async def ask(network: Network, other: MemoryTransport, target: bytes) -> None:
    """Ask beside the stream; the answer must be the right one, whatever the stream did."""
    before = len(other.written)
    other.receive(b"GET %b HTTP/1.1\r\nHost: other.test\r\n\r\n" % target)
    await network.ground.loop.rest()
    answers, _ = read_answers(bytes(other.written[before:]), has_ended=False, heads=False)
    assert [answer.all(b"x-echo") for answer in answers if answer.status != 103] == [[target]]


# --- the judgement


def _judge(network: Network, client: MemoryTransport, stream: bytes) -> Played:
    port = network.serving.port
    heads = b"HEAD" in stream
    ended = not client.is_reset
    answers, tunnel = read_answers(bytes(client.written), has_ended=ended, heads=heads)
    played = Played()
    for answer in answers:
        if not answer.is_whole:
            assert client.is_reset, f"an answer cut short without a reset: {answer}"
        elif answer.status >= 200 or answer.status == 101:
            played.answers.append(_told(answer))
    indices = [index for index, _ in played.answers]
    assert indices == list(range(len(indices))), f"answers out of order: {played.answers}"
    ours = [one for one in network.requests if not one.target.startswith(b"/public/first")]
    aliases = identity_aliases(network.ground.settings.policy.identity)
    for request in ours[:-1]:
        _check_request(request, stream, aliases, port.via)
        played.requests.append(
            (_index(request.all(b"x-request-id")[0]), request.method, request.target, request.body)
        )
    if tunnel is not None:
        (service,) = [one for one in network.services if one.tunnelled is not None]
        played.tunnel = (tunnel, bytes(service.tunnelled or b""))
    return played


def _index(request_id: bytes) -> int:
    """Return which request of the stream this was; the first of all was the other client's."""
    return int(request_id[-9:], 16) - 2


def _told(answer: Seen) -> tuple[int, str]:
    """Return which request was answered, and by whom."""
    echo = answer.all(b"x-echo-id")
    if echo:
        return _index(echo[0]), "service"
    assert answer.all(b"content-type") == [b"application/problem+json"], answer
    # Whether for its head or for what follows it depends on what has come by then.
    return _index(answer.all(b"x-request-id")[0]), "refused"


def _check_request(request: Seen, stream: bytes, aliases: frozenset[bytes], via: bytes) -> None:
    names = [name for name, _ in request.fields]
    check_trailers(request)
    assert not UNSENT & set(names), f"a field that must stay here: {request}"
    assert all(names.count(name) == 1 for name in SENT_ONCE), f"not once: {request}"
    assert not any(b"_" in name for name in names), f"an underscore: {request}"
    # On a public route another scheme is the service's own affair.
    kept = request.all(b"authorization")
    assert all(not value.lower().startswith(b"bearer") for value in kept), f"a token: {request}"
    told = [name for name in map(canonical_alias, names) if name.startswith(IDENTITY_START)]
    assert aliases.issuperset(told), f"an identity field that nobody wrote: {request}"
    if request.target.startswith(b"/api/"):
        assert kept == [], f"a credential that was used here: {request}"
        assert TOKEN_MARK in stream, f"allowed without a token: {request}"
        assert request.all(b"x-gateway-subject") == [b"alice"], f"another subject: {request}"
    else:
        assert request.target.startswith((b"/public/", b"/socket/")), f"no route: {request}"
        assert told == [], f"an identity field on a public route: {request}"
    assert request.all(b"via")[0].endswith(via)
    assert request.all(b"x-forwarded-for") == [b"192.0.2.7"]
    assert set(request.all(b"transfer-encoding")) <= {b"chunked"}
    assert set(request.all(b"connection")) <= {b"Upgrade"}


def check_trailers(request: Seen) -> None:
    """No trailer of *request* may stand for what is only believed in a head."""
    names = {name for name, _ in request.trailers}
    assert not names & UNSENT, f"a trailer that must stay here: {request}"
    assert names.isdisjoint(SENT_ONCE), f"a trailer that says it again: {request}"
    assert not any(b"_" in name for name in names), f"an underscore in a trailer: {request}"
    assert not any(name.startswith(IDENTITY_START) for name in map(canonical_alias, names)), (
        f"an identity field as a trailer: {request}"
    )
    assert not names & {b"authorization", b"cookie"}, f"a credential as a trailer: {request}"


def _check_alike(whole: Played, apart: Played) -> None:
    """Compare what was played at once with what the service could answer between pieces.

    The one may be refused where the other was answered first, at its end.
    """
    if whole == apart:
        return
    shorter, longer = sorted((whole.answers, apart.answers), key=len)
    common = len(shorter) - (shorter[-1:] != longer[len(shorter) - 1 : len(shorter)])
    assert shorter[:common] == longer[:common], f"whole {whole}, apart {apart}"
    refused = [what for _, what in (*whole.answers[common:], *apart.answers[common:])]
    assert any(what != "service" for what in refused), f"whole {whole}, apart {apart}"


def _check_meaning(stream: bytes, played: Played) -> None:
    """Compare what was forwarded with how another parser reads the stream."""
    readings = _read_independently(stream)
    for index, method, target, body in played.requests:
        if index >= len(readings):
            raise Malformed(f"h11 does not read request {index} as one: {readings[-1:]}")
        reading = readings[index]
        assert reading[0] == method, f"{reading} became {method!r}"
        assert reading[1].endswith(target.lstrip(b"/")), f"{reading} became {target!r}"
        assert reading[2] == body, f"{reading} became {body!r}"


def _read_independently(stream: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return method, target and body of each whole request as h11 reads them."""
    readings: list[tuple[bytes, bytes, bytes]] = []
    while stream:
        peer = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        peer.receive_data(_REQUEST_LINE.sub(rb"\1 \2 HTTP/1.", stream))
        method = target = b""
        body = bytearray()
        try:
            while True:
                event = peer.next_event()
                if isinstance(event, h11.Request):
                    method, target = event.method, event.target
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    break
                else:
                    return readings
        except h11.RemoteProtocolError:
            return readings
        readings.append((method, target, bytes(body)))
        stream = peer.trailing_data[0]
    return readings
