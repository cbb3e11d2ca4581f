"""Surface: what a client of HTTP/2 sends to the data port.

An input is a character that picks what the service does, one that picks the size of the pieces,
and the client's frames. The preface and SETTINGS come before them.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import hpack

from gateway.decision.identity import IDENTITY_START, canonical_alias, identity_aliases
from tests.fuzz.client_bytes import SENT_ONCE, UNSENT, ask, check_trailers, respond
from tests.fuzz.memory import MemoryTransport
from tests.fuzz.network import Ground, Network, ServiceEnd
from tests.proxy.h2.frames import PREFACE, Field, Flag, Kind, settings, window_update
from tests.proxy.h2.wire import Http2Client
from tests.proxy.judge import Malformed, Seen

_SCRIPTS = 8
_MAX_INPUT_BYTES = 8192
_PLENTY = 1 << 20
_OPENING = PREFACE + settings([(4, _PLENTY)]) + window_update(0, _PLENTY)

# Never in HTTP/2 (RFC 9113 §8.2.2).
_OF_CONNECTIONS = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade"}


@dataclass(slots=True)
class _Ear:
    """What came to a client in memory, as its kit reads a socket."""

    transport: MemoryTransport

    @property
    def received(self) -> bytearray:
        return self.transport.written

    def send(self, data: bytes) -> None:
        """Answer nothing: what a client sends is all in the input."""


def check_http2_frames(ground: Ground, data: bytes) -> None:
    """Raise for an input that breaks a law of the data port."""
    if not 2 <= len(data) <= _MAX_INPUT_BYTES:
        return
    run = ground.loop.run_until_complete
    script, is_slow, piece_bytes = data[0] % _SCRIPTS, bool(data[0] & 8), 1 + data[1] % 24
    run(_play(ground, script, data[2:], len(data), is_slow=is_slow))
    run(_play(ground, script, data[2:], piece_bytes, is_slow=is_slow))


async def _play(
    ground: Ground, number: int, frames: bytes, piece_bytes: int, *, is_slow: bool
) -> None:
    def script(service: ServiceEnd, request: Seen) -> None:
        respond(number, service, request)

    network = Network(ground, script, is_slow=is_slow)
    other, client = network.connect(), network.connect()
    await ask(network, other, b"/public/first")
    client.receive(_OPENING)
    await ground.loop.rest()
    for at in range(0, len(frames), piece_bytes):
        client.receive(frames[at : at + piece_bytes])
        await ground.loop.rest()
    await ask(network, other, b"/public/second")
    is_open = not client.is_closing()
    await network.end(client, other)
    is_left = any(kind == Kind.GOAWAY for kind, *_ in _split(frames))
    _check_answers(client, is_open=is_open or is_left)
    aliases = identity_aliases(ground.settings.policy.identity)
    ours = [one for one in network.requests if not one.target.startswith(_OTHERS)]
    for request in ours:
        _check_request(request, aliases)
    _check_meaning(frames, ours)


_OTHERS = (b"/public/first", b"/public/second")


def _check_answers(client: MemoryTransport, *, is_open: bool) -> None:
    """Read what came as a client does: each frame in its place, each stream with one response."""
    kit = Http2Client(_Ear(client), polite=False)  # type: ignore[arg-type]
    kit.read()
    assert kit.settings is not None, "no SETTINGS"
    assert is_open or kit.goaways, "the connection was closed without a GOAWAY"
    for number, stream in kit.streams.items():
        finals = [head for head in stream.heads if _is_final(head)]
        assert len(finals) <= 1, f"two responses on stream {number}: {stream.heads}"
        for head in stream.heads:
            assert not _OF_CONNECTIONS & {name for name, _ in head}, head


def _is_final(head: list[Field]) -> bool:
    return any(name == b":status" and not value.startswith(b"1") for name, value in head)


def _check_request(request: Seen, aliases: frozenset[bytes]) -> None:
    names = [name for name, _ in request.fields]
    check_trailers(request)
    assert not UNSENT & set(names), f"a field that must stay here: {request}"
    assert all(names.count(name) == 1 for name in SENT_ONCE), f"not once: {request}"
    assert not any(b"_" in name for name in names), f"an underscore: {request}"
    told = [name for name in map(canonical_alias, names) if name.startswith(IDENTITY_START)]
    assert aliases.isdisjoint(told), f"an identity field without a token: {request}"
    assert request.target.startswith((b"/public/", b"/socket/")), f"no route: {request}"
    assert set(request.all(b"transfer-encoding")) <= {b"chunked"}
    assert set(request.all(b"connection")) <= {b"Upgrade"}


def _check_meaning(frames: bytes, forwarded: list[Seen]) -> None:
    """Compare what was forwarded with how another reader understands the frames."""
    readings = _read_independently(frames)
    for request in forwarded:
        meant = next((one for one in readings if _means(request, one)), None)
        if meant is None:
            raise Malformed(f"nobody sent {request}: {readings}")
        readings.remove(meant)


def _means(request: Seen, meaning: "Meaning") -> bool:
    if request.all(b"upgrade"):
        # A WebSocket is a GET in HTTP/1.1 and a CONNECT in HTTP/2 (RFC 8441 §5).
        return meaning.method == b"CONNECT" and meaning.path == request.target
    if (meaning.method, meaning.path) != (request.method, request.target):
        return False
    if request.all(b"content-length"):
        # It is whole once that much has come: what is behind it has no meaning (RFC 9113 §8.1.1).
        return meaning.body.startswith(request.body)
    return meaning.is_whole and meaning.body == request.body


@dataclass(slots=True)
class Meaning:
    """One request, as far as it has come."""

    method: bytes
    path: bytes
    body: bytearray
    is_whole: bool = False


class _Reader:
    """Reads requests from frames, and knows nothing of limits, windows and states."""

    def __init__(self) -> None:
        self.requests: dict[int, Meaning] = {}
        self._decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self._block = bytearray()
        self._ends = False  # with the field section that is read

    def read(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Take in a frame; raises HPACKError."""
        request = self.requests.get(stream)
        if kind == Kind.DATA and request is not None and not request.is_whole:
            request.body += _without_padding(flags, payload)
            request.is_whole = bool(flags & Flag.END_STREAM)
        elif kind == Kind.HEADERS:
            self._ends = bool(flags & Flag.END_STREAM)
            content = _without_padding(flags, payload)
            self._block[:] = content[5:] if flags & Flag.PRIORITY else content
        elif kind == Kind.CONTINUATION:
            self._block += payload
        if kind in {Kind.HEADERS, Kind.CONTINUATION} and flags & Flag.END_HEADERS:
            decoded = self._decoder.decode(bytes(self._block), raw=True)
            if request is None:
                fields = {bytes(name): bytes(value) for name, value in decoded}
                request = Meaning(
                    fields.get(b":method", b""), fields.get(b":path", b""), bytearray()
                )
                self.requests[stream] = request
            request.is_whole = request.is_whole or self._ends


def _without_padding(flags: int, payload: bytes) -> bytes:
    if not (flags & Flag.PADDED and payload):
        return payload
    return payload[1 : len(payload) - payload[0]]


def _read_independently(frames: bytes) -> list[Meaning]:
    """Return every request, until a fault."""
    reader = _Reader()
    with suppress(hpack.HPACKError):
        for one in _split(frames):
            reader.read(*one)
    return list(reader.requests.values())


def _split(frames: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    at = 0
    while at + 9 <= len(frames):
        size = int.from_bytes(frames[at : at + 3], "big")
        stream = int.from_bytes(frames[at + 5 : at + 9], "big") & 0x7FFFFFFF
        payload = frames[at + 9 : at + 9 + size]
        if len(payload) < size:
            return
        yield frames[at + 3], frames[at + 4], stream, payload
        at += 9 + size
