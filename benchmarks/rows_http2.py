"""Rows about HTTP/2 from clients, in the clear with prior knowledge: streams, refusals, memory."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from benchmarks import load, peers
from benchmarks.peers import Peer
from benchmarks.process import resident_kib
from benchmarks.rounds import Start, alternate, refused_rate, start_each, successful_rate
from benchmarks.row import Bench, Outcome, Row, Target
from benchmarks.tokens import distinct_tokens

IDLE_CONNECTIONS = 2_000
HTTP_1 = "gateway, HTTP 1.1"

# RFC 9113: the preface; SETTINGS without a value; HEADERS on stream 1 that end the stream.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
HEADERS, END_OF_STREAM_AND_HEADERS = 1, 5
ANSWER_BYTES = 65_536


def warm(bench: Bench, connections: int, streams: int) -> Outcome:
    """Send one RS256 token repeatedly, on *streams* at once of each connection."""
    token = distinct_tokens(bench.folder, "RS256").first()

    def once(peer: Peer) -> float:
        at_once = None if peer.name == HTTP_1 else streams
        return successful_rate(load.multiplexed(peer, token, bench.seconds, connections, at_once))

    with peers.service(bench.folder) as service:
        starts = _all(bench, service) | {
            "nginx without auth": partial(peers.nginx, bench.folder, service),
            "nghttpx without auth": partial(peers.nghttpx, bench.folder, service),
        }
        if streams == 1:
            starts[HTTP_1] = partial(peers.gateway, bench.folder, service, name=HTTP_1)
        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            return alternate(field, once, bench.rounds)


def refused(bench: Bench) -> Outcome:
    """Send no token, on 32 streams at once of each of 8 connections."""

    def once(peer: Peer) -> float:
        return refused_rate(load.multiplexed(peer, None, bench.seconds, 8, 32))

    with peers.service(bench.folder) as service:
        check = partial(load.probe, token=None, status=401)
        with start_each(_all(bench, service), check) as field:
            return alternate(field, once, bench.rounds)


def idle(bench: Bench) -> Outcome:
    """Open connections, use each once, leave them open; return the memory of each."""
    token = distinct_tokens(bench.folder, "RS256").first()
    with peers.service(bench.folder) as service:
        check = partial(load.probe, token=token, status=200)
        with start_each(_all(bench, service), check) as field:
            return alternate(field, partial(_kib_each, token=token), rounds=0)


def _all(bench: Bench, service: Peer) -> dict[str, Start]:
    return {
        "gateway": partial(peers.gateway, bench.folder, service),
        "Envoy": partial(peers.envoy, bench.folder, service),
        "HAProxy": partial(peers.haproxy, bench.folder, service),
    }


def _kib_each(peer: Peer, token: str) -> float:
    fields = {
        ":method": "GET",
        ":scheme": "http",
        ":authority": "127.0.0.1",
        ":path": "/orders/1",
        "authorization": f"Bearer {token}",
    }
    # Literals that no table remembers (RFC 7541 §6.2.2).
    block = b"".join(
        b"\0" + _text(name.encode()) + _text(value.encode()) for name, value in fields.items()
    )
    head = len(block).to_bytes(3, "big") + bytes((HEADERS, END_OF_STREAM_AND_HEADERS, 0, 0, 0, 1))
    with ExitStack() as stack:
        _use(stack, peer, PREFACE + head + block)  # the first allocates what all share
        before_kib = resident_kib(peer.pid)
        for _ in range(IDLE_CONNECTIONS):
            _use(stack, peer, PREFACE + head + block)
        return (resident_kib(peer.pid) - before_kib) / IDLE_CONNECTIONS


def _text(raw: bytes) -> bytes:
    """Return *raw* as a string of HPACK (RFC 7541 §5.1, §5.2)."""
    if len(raw) < 127:
        return bytes((len(raw),)) + raw
    out, left = bytearray((127,)), len(raw) - 127
    while left >= 128:
        out.append(128 | left & 127)
        left >>= 7
    return bytes(out) + bytes((left,)) + raw


def _use(stack: ExitStack, peer: Peer, request: bytes) -> None:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", peer.port), 10))
    connection.sendall(request)
    received = bytearray()
    while not _is_answered(received):
        piece = connection.recv(ANSWER_BYTES)
        if not piece:
            raise load.WrongAnswerError(f"{peer.name} refused one of {IDLE_CONNECTIONS} requests")
        received += piece


def _is_answered(received: bytearray) -> bool:
    """Return whether a frame ended stream 1."""
    at = 0
    while at + 9 <= len(received):
        size = int.from_bytes(received[at : at + 3], "big")
        ends = received[at + 3] in {0, HEADERS} and received[at + 4] & 1
        if ends and at + 9 + size <= len(received):
            return True
        at += 9 + size
    return False


def _row(connections: int, streams: int, targets: tuple[Target, ...]) -> Row:
    measure: Callable[[Bench], Outcome] = partial(warm, connections=connections, streams=streams)
    title = f"HTTP/2, warm token RS256, {connections} connections with {streams} streams"
    return Row(
        f"h2-{connections}x{streams}",
        title.replace("with 1 streams", "with one stream"),
        "requests/s",
        targets,
        measure,
    )


ROWS = (
    _row(8, 32, (Target("bar", "≥", 2.2, "Envoy"), Target("goal", "≥", 3.0, "Envoy"))),
    _row(32, 10, (Target("bar", "≥", 1.6, "Envoy"), Target("goal", "≥", 2.0, "Envoy"))),
    _row(
        64,
        1,
        (
            Target("bar", "≥", 1.5, "Envoy"),
            Target("bar", "≥", 0.65, HTTP_1),
            Target("goal", "≥", 2.0, "Envoy"),
        ),
    ),
    Row(
        "h2-refused",
        "HTTP/2, refused (401), no token, 8 connections with 32 streams",
        "requests/s",
        (Target("bar", "≥", 1.0, "Envoy"), Target("goal", "≥", 1.3, "Envoy")),
        refused,
    ),
    Row(
        "h2-idle",
        "2,000 idle HTTP/2 connections, memory of each",
        "KiB",
        (Target("bar", "≤", 20), Target("goal", "≤", 12)),
        idle,
    ),
)
