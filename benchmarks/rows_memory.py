"""Rows about large bodies and memory."""

import socket
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from functools import partial

from benchmarks import load, peers
from benchmarks.body_client import request_head
from benchmarks.peers import Peer
from benchmarks.process import peak_kib, resident_kib
from benchmarks.rounds import Start, alternate, start_each, successful_rate
from benchmarks.row import Bench, Outcome, Row, Target
from benchmarks.tokens import distinct_tokens
from gateway.decision.tokens.memo import DEFAULT_CAPACITY

LARGE_BYTES = 100 << 20
IDLE_CONNECTIONS = 5_000
FIRST_TOKENS, ALL_TOKENS = 200_000, 1_000_000
FLAT_PARTS = 6
ANSWER_BYTES = 65_536
GROWTH = "gateway, memory growth in MiB"


def bodies(bench: Bench, direction: str) -> Outcome:
    """Move 100 MiB bodies one after another in *direction*."""
    token = distinct_tokens(bench.folder, "RS256").first()
    large = bench.folder / "large.bin"
    if not large.exists():
        large.write_bytes(bytes(LARGE_BYTES))
    start_service = peers.sink if direction == "upload" else peers.service
    with start_service(bench.folder) as service:
        starts: dict[str, Start] = {
            "gateway": partial(peers.gateway, bench.folder, service),
            "Envoy": partial(peers.envoy, bench.folder, service),
            "HAProxy": partial(peers.haproxy, bench.folder, service),
            "nginx without auth": partial(peers.nginx, bench.folder, service),
            # The ceiling: what client and upstream can do on the core that they share.
            "no proxy": lambda: nullcontext(service),
        }
        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            growth = _growth_watch(field.peers.get("gateway"))
            outcome = alternate(
                field,
                lambda peer: load.body_rate(peer, direction, token, bench.seconds, bench.folder),
                bench.rounds,
            )
            return Outcome(dict(outcome.figures) | growth(), outcome.missing)


def idle(bench: Bench) -> Outcome:
    """Open connections, use each once, leave them open; return the memory of each."""
    token = distinct_tokens(bench.folder, "RS256").first()
    with peers.service(bench.folder) as service:
        starts: dict[str, Start] = {
            "gateway": partial(peers.gateway, bench.folder, service),
            "Envoy": partial(peers.envoy, bench.folder, service),
            "HAProxy": partial(peers.haproxy, bench.folder, service),
        }
        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            return alternate(field, partial(_kib_each, token=token), rounds=0)


def full_load(bench: Bench) -> Outcome:
    """Keep the gateway at full load; compare its memory at the beginning and at the end."""
    token = distinct_tokens(bench.folder, "RS256").first()
    part_seconds = max(1, bench.seconds * 5 // 2)

    def growth_mib(peer: Peer) -> float:
        resident: list[int] = []
        for _ in range(FLAT_PARTS):
            successful_rate(load.repeat(peer, token, part_seconds))
            resident.append(resident_kib(peer.pid))
        return (resident[-1] - resident[0]) / 1_024

    with peers.service(bench.folder) as service:
        starts: dict[str, Start] = {"gateway": partial(peers.gateway, bench.folder, service)}
        with start_each(starts, partial(load.probe, token=token, status=200)) as field:
            return alternate(field, growth_mib, rounds=0)


def distinct(bench: Bench) -> Outcome:
    """Compare the gateway's memory after 200,000 distinct tokens and after 1,000,000."""
    tokens = distinct_tokens(bench.folder, "HS256")

    def growth_mib(peer: Peer) -> float:
        sent, early_kib = 0, 0
        while sent < ALL_TOKENS:
            part = load.each_once(peer, tokens, sent, bench.seconds)
            successful_rate(part)
            sent += part.requests
            if not early_kib and sent >= FIRST_TOKENS:
                early_kib = resident_kib(peer.pid)
        return (resident_kib(peer.pid) - early_kib) / 1_024

    with peers.service(bench.folder) as service:
        starts: dict[str, Start] = {
            "gateway": partial(peers.gateway_with_secret, bench.folder, service)
        }
        with start_each(starts, partial(load.probe, token=tokens.first(), status=200)) as field:
            return alternate(field, growth_mib, rounds=0)


def footprint(bench: Bench) -> Outcome:
    """Measure one process that has answered a single request."""
    token = distinct_tokens(bench.folder, "RS256").first()
    with peers.service(bench.folder) as service:
        starts: dict[str, Start] = {
            "gateway": partial(peers.gateway, bench.folder, service),
            "Envoy": partial(peers.envoy, bench.folder, service),
            "HAProxy": partial(peers.haproxy, bench.folder, service),
        }
        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            return alternate(field, lambda peer: resident_kib(peer.pid) / 1_024, rounds=0)


def remembered(bench: Bench) -> Outcome:
    """Send more distinct tokens than the gateway remembers; return the memory of each."""
    tokens = distinct_tokens(bench.folder, "HS256")

    def kib_each(peer: Peer) -> float:
        before_kib, sent = resident_kib(peer.pid), 0
        while sent < DEFAULT_CAPACITY:
            part = load.each_once(peer, tokens, sent, bench.seconds)
            successful_rate(part)
            sent += part.requests
        return (resident_kib(peer.pid) - before_kib) / DEFAULT_CAPACITY

    with peers.service(bench.folder) as service:
        starts: dict[str, Start] = {
            "gateway": partial(peers.gateway_with_secret, bench.folder, service)
        }
        with start_each(starts, partial(load.probe, token=tokens.first(), status=200)) as field:
            return alternate(field, kib_each, rounds=0)


def _growth_watch(peer: Peer | None) -> Callable[[], dict[str, float]]:
    """Return a function that measures how far *peer*'s memory has grown since now."""
    if peer is None:
        return dict
    before_kib = resident_kib(peer.pid)
    return lambda: {GROWTH: (peak_kib(peer.pid) - before_kib) / 1_024}


def _kib_each(peer: Peer, token: str) -> float:
    request = request_head("GET", "/orders/1", token)
    with ExitStack() as stack:
        _use(stack, peer, request)  # the first connection allocates what all share
        before_kib = resident_kib(peer.pid)
        for _ in range(IDLE_CONNECTIONS):
            _use(stack, peer, request)
        return (resident_kib(peer.pid) - before_kib) / IDLE_CONNECTIONS


def _use(stack: ExitStack, peer: Peer, request: bytes) -> None:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", peer.port), 10))
    connection.sendall(request)
    if not connection.recv(ANSWER_BYTES).startswith(b"HTTP/1.1 200"):
        raise load.WrongAnswerError(f"{peer.name} refused one of {IDLE_CONNECTIONS} connections")


ROWS = (
    Row(
        "footprint",
        "one process that is idle, resident memory",
        "MiB",
        (Target("bar", "≤", 96),),
        footprint,
    ),
    Row(
        "remembered",
        "50,000 remembered tokens, memory of each",
        "KiB",
        (Target("bar", "≤", 4),),
        remembered,
    ),
    Row(
        "download",
        "100 MiB bodies, from the service to the client",
        "GB/s",
        (
            Target("bar", "≥", 0.6, "nginx without auth"),
            Target("goal", "≥", 1.0, "nginx without auth"),
            Target("bar", "≤", 32, of=GROWTH),
        ),
        partial(bodies, direction="download"),
    ),
    Row(
        "upload",
        "100 MiB bodies, from the client to the service",
        "GB/s",
        (
            Target("bar", "≥", 0.6, "nginx without auth"),
            Target("goal", "≥", 1.0, "nginx without auth"),
            Target("bar", "≤", 32, of=GROWTH),
        ),
        partial(bodies, direction="upload"),
    ),
    Row(
        "idle",
        "5,000 idle keep-alive connections, memory of each",
        "KiB",
        (Target("bar", "≤", 8), Target("goal", "≤", 4)),
        idle,
    ),
    Row(
        "flat",
        "memory growth from the 10th to the 60th second at full load",
        "MiB",
        (Target("bar", "≤", 8),),
        full_load,
    ),
    Row(
        "distinct",
        "memory growth from 200,000 to 1,000,000 distinct tokens",
        "MiB",
        (Target("bar", "≤", 8),),
        distinct,
    ),
)
