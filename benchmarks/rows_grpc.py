"""Rows about services that speak HTTP/2, in the clear: requests, and unary calls of gRPC."""

from functools import partial
from pathlib import Path

from benchmarks import load, peers
from benchmarks.peers import Peer
from benchmarks.rounds import Start, alternate, start_each, successful_rate
from benchmarks.row import Bench, Outcome, Row, Target
from benchmarks.tokens import distinct_tokens

CONNECTIONS, STREAMS = 8, 32
MESSAGE_BYTES = 100


def requests(bench: Bench) -> Outcome:
    """Send one RS256 token repeatedly to a service that speaks HTTP/2 as its clients do."""
    with peers.service(bench.folder, "h2c") as service:
        return _measure(bench, service)


def unary(bench: Bench) -> Outcome:
    """Call a unary method of gRPC with one RS256 token; a message of the same size comes back."""
    call = bench.folder / "call"
    # A message as gRPC frames it: not compressed, its length, its bytes.
    call.write_bytes(b"\0" + MESSAGE_BYTES.to_bytes(4, "big") + bytes(MESSAGE_BYTES))
    with peers.service(bench.folder, "h2c") as service:
        return _measure(bench, service, call)


def _measure(bench: Bench, service: Peer, call: Path | None = None) -> Outcome:
    token = distinct_tokens(bench.folder, "RS256").first()
    starts: dict[str, Start] = {
        "gateway": partial(peers.gateway, bench.folder, service),
        "Envoy": partial(peers.envoy, bench.folder, service),
    }

    def once(peer: Peer) -> float:
        return successful_rate(
            load.multiplexed(peer, token, bench.seconds, CONNECTIONS, STREAMS, call=call)
        )

    check = partial(load.probe, token=token, status=200)
    with start_each(starts, check) as field:
        return alternate(field, once, bench.rounds)


ROWS = (
    Row(
        "h2-to-h2c",
        "HTTP/2 to a service that speaks it, too, warm token RS256, 8 connections with 32 streams",
        "requests/s",
        (Target("bar", "≥", 1.5, "Envoy"), Target("goal", "≥", 2.0, "Envoy")),
        requests,
    ),
    Row(
        "grpc-unary",
        "gRPC, unary calls, warm token RS256, 8 connections with 32 streams",
        "calls/s",
        (Target("bar", "≥", 1.5, "Envoy"), Target("goal", "≥", 2.0, "Envoy")),
        unary,
    ),
)
