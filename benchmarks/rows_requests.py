"""Rows about small requests: warm, every token new, rejected, over TLS, at a fixed rate."""

from collections import Counter
from collections.abc import Callable
from functools import partial

from benchmarks import load, peers
from benchmarks.certificate import make_certificate
from benchmarks.peers import Peer
from benchmarks.rounds import Start, alternate, refused_rate, start_each, successful_rate
from benchmarks.row import Bench, Outcome, Row, Target
from benchmarks.tokens import distinct_tokens, spoil, spoilt_tokens


def warm(bench: Bench) -> Outcome:
    """Send one RS256 token repeatedly."""
    token = distinct_tokens(bench.folder, "RS256").first()
    with peers.service(bench.folder) as service:
        starts = _all_checking(bench, service) | {
            "nginx without auth": partial(peers.nginx, bench.folder, service)
        }
        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            once = _rate(lambda peer: load.repeat(peer, token, bench.seconds))
            return alternate(field, once, bench.rounds)


def every_token_new(bench: Bench, algorithm: str) -> Outcome:
    """Send more distinct tokens in a circle than any cache holds; each round continues."""
    tokens = distinct_tokens(bench.folder, algorithm)
    sent: Counter[str] = Counter()

    def once(peer: Peer) -> float:
        round_of_tokens = load.each_once(peer, tokens, sent[peer.name], bench.seconds)
        sent[peer.name] += round_of_tokens.requests
        return successful_rate(round_of_tokens)

    with peers.service(bench.folder) as service:
        starts = _all_checking(bench, service, cache=False)
        check = partial(load.probe, token=tokens.first(), status=200)
        with start_each(starts, check) as field:
            return alternate(field, once, bench.rounds)


def refused(bench: Bench, *, signed: bool) -> Outcome:
    """Send one token with an invalid signature repeatedly (*signed*), or none."""
    token = spoil(distinct_tokens(bench.folder, "RS256").first()) if signed else None
    with peers.service(bench.folder) as service:
        check = partial(load.probe, token=token, status=401)
        with start_each(_all_checking(bench, service), check) as field:
            return alternate(
                field,
                lambda peer: refused_rate(load.repeat(peer, token, bench.seconds)),
                bench.rounds,
            )


def refused_each_new(bench: Bench) -> Outcome:
    """Send distinct tokens, each with an invalid signature."""
    tokens = spoilt_tokens(bench.folder, "RS256")
    sent: Counter[str] = Counter()

    def once(peer: Peer) -> float:
        round_of_tokens = load.each_once(peer, tokens, sent[peer.name], bench.seconds)
        sent[peer.name] += round_of_tokens.requests
        return refused_rate(round_of_tokens)

    with peers.service(bench.folder) as service:
        check = partial(load.probe, token=tokens.first(), status=401)
        with start_each(_all_checking(bench, service), check) as field:
            return alternate(field, once, bench.rounds)


def over_tls(bench: Bench) -> Outcome:
    """Repeat the warm row with TLS between client and proxy."""
    token = distinct_tokens(bench.folder, "RS256").first()
    make_certificate(bench.folder)
    with peers.service(bench.folder) as service:
        starts: dict[str, Start] = {
            "gateway": partial(peers.gateway, bench.folder, service, tls=True),
            "Envoy": partial(peers.envoy, bench.folder, service, tls=True),
        }
        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            once = _rate(lambda peer: load.repeat(peer, token, bench.seconds))
            return alternate(field, once, bench.rounds)


def fixed_rate(bench: Bench) -> Outcome:
    """Measure the 99th percentile at the same rate for every peer."""
    token = distinct_tokens(bench.folder, "RS256").first()
    with peers.service(bench.folder) as service:
        check = partial(load.probe, token=token, status=200)
        with start_each(_all_checking(bench, service), check) as field:
            return alternate(
                field,
                lambda peer: load.latency_ms(peer, token, bench.seconds, bench.folder),
                bench.rounds,
            )


def many_routes(bench: Bench, count: int = 10_000) -> Outcome:
    """Request the last of *count* routes, and of ten."""
    token = distinct_tokens(bench.folder, "RS256").first()

    def microseconds(peer: Peer) -> float:
        last = count if peer.name == "gateway" else 10
        path = f"/orders/r{last - 1}/77/lines"
        return 1e6 / successful_rate(load.repeat(peer, token, bench.seconds, path))

    with peers.service(bench.folder) as service:
        starts: dict[str, Start] = {
            name: partial(peers.gateway, bench.folder, service, routes=_routes(number), name=name)
            for name, number in (("gateway", count), ("gateway, 10 routes", 10))
        }
        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            return alternate(field, microseconds, bench.rounds)


def _all_checking(bench: Bench, service: Peer, cache: bool = True) -> dict[str, Start]:
    return {
        "gateway": partial(peers.gateway, bench.folder, service),
        "Envoy": partial(peers.envoy, bench.folder, service, cache=cache),
        "HAProxy": partial(peers.haproxy, bench.folder, service),
    }


def _rate(send: Callable[[Peer], load.Load]) -> Callable[[Peer], float]:
    return lambda peer: successful_rate(send(peer))


def _routes(count: int) -> str:
    return "".join(
        f'  - {{name: r{number}, match: {{path: "/orders/r{number}/{{id}}/lines"}}, '
        f"upstream: service, require: {{scopes: [orders:read]}}}}\n"
        for number in range(count)
    )


ROWS = (
    Row(
        "warm",
        "warm token RS256, small answer, 64 connections",
        "requests/s",
        (
            Target("bar", "≥", 1.6, "Envoy"),
            Target("bar", "≥", 1.6, "HAProxy"),
            Target("goal", "≥", 3.0, "Envoy"),
            Target("goal", "≥", 0.8, "nginx without auth"),
        ),
        warm,
    ),
    Row(
        "new-es256",
        "every token new, ES256",
        "requests/s",
        (
            Target("bar", "≥", 1.0, "Envoy"),
            Target("bar", "≥", 1.0, "HAProxy"),
            Target("goal", "≥", 1.2, "Envoy"),
            Target("goal", "≥", 1.2, "HAProxy"),
        ),
        partial(every_token_new, algorithm="ES256"),
    ),
    Row(
        "new-rs256",
        "every token new, RS256",
        "requests/s",
        (Target("bar", "≥", 1.2, "Envoy"), Target("goal", "≥", 1.0, "HAProxy")),
        partial(every_token_new, algorithm="RS256"),
    ),
    Row(
        "refused",
        "refused (401), no token",
        "requests/s",
        (Target("bar", "≥", 1.5, "Envoy"), Target("goal", "≥", 1.5, "HAProxy")),
        partial(refused, signed=False),
    ),
    Row(
        "refused-signature",
        "refused (401), the same wrong RS256 signature",
        "requests/s",
        (Target("bar", "≥", 1.5, "Envoy"), Target("goal", "≥", 1.5, "HAProxy")),
        partial(refused, signed=True),
    ),
    Row(
        "refused-new",
        "refused (401), every RS256 token new and its signature wrong",
        "requests/s",
        (
            Target("bar", "≥", 1.0, "Envoy"),
            Target("goal", "≥", 1.5, "Envoy"),
            Target("goal", "≥", 1.0, "HAProxy"),
        ),
        refused_each_new,
    ),
    Row(
        "tls",
        "warm token RS256 over TLS",
        "requests/s",
        (Target("bar", "≥", 1.3, "Envoy"), Target("goal", "≥", 2.0, "Envoy")),
        over_tls,
    ),
    Row(
        "latency",
        "99th percentile at a fixed 5,000 requests/s",
        "ms",
        (Target("bar", "≤", 1.0, "Envoy"), Target("goal", "≤", 0.6, "HAProxy")),
        fixed_rate,
    ),
    Row(
        "routes",
        "10,000 routes against 10, warm token RS256",
        "µs/request",
        (
            Target("bar", "≤", 1.1, "gateway, 10 routes"),
            Target("goal", "≤", 1.02, "gateway, 10 routes"),
        ),
        many_routes,
    ),
)
