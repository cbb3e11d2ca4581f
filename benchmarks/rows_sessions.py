"""Rows about browsers that logged in: requests by session, beside a bearer token and peers."""

from collections.abc import Callable, Mapping
from functools import partial

from benchmarks import load, login_peers, peers
from benchmarks.log_in import log_in
from benchmarks.peers import Peer
from benchmarks.process import resident_kib
from benchmarks.provider import Provider
from benchmarks.rounds import Start, alternate, start_each, successful_rate
from benchmarks.row import Bench, Outcome, Row, Target

BEARER, SEALED = "gateway, bearer token", "gateway, sealed cookie"
PAGE = "/orders/1"
SESSIONS = 1_000
UNFINISHED_PARTS = 5
# Nobody redirects these to a login, which the load generator would count as a success.
FROM_A_PAGE = {"X-Requested-With": "XMLHttpRequest"}


def warm_session(bench: Bench) -> Outcome:
    """Log in once at each peer, then send its session cookie repeatedly.

    The bearer token is one of the same issuer, sent to a route with the same login.
    """
    with peers.service(bench.folder) as service, login_peers.provider(bench.folder) as provider:
        gateway = partial(login_peers.gateway, bench.folder, service, provider)
        starts: dict[str, Start] = {
            "gateway": gateway,
            BEARER: partial(gateway, name=BEARER),
            SEALED: partial(gateway, store="cookie", name=SEALED),
            "Envoy": partial(login_peers.envoy, bench.folder, service, provider),
            "Apache": partial(login_peers.apache, bench.folder, service, provider),
        }
        token = Provider(provider.address(""), bench.folder).access_token("user-42")
        credentials: dict[str, Mapping[str, str]] = {}

        def check(peer: Peer) -> None:
            load.probe_with(peer, FROM_A_PAGE, 401, PAGE)
            own = load.bearer(token) if peer.name == BEARER else {"Cookie": log_in(peer, PAGE)}
            credentials[peer.name] = FROM_A_PAGE | own
            load.probe_with(peer, credentials[peer.name], 200, PAGE)

        def once(peer: Peer) -> float:
            fields = credentials[peer.name]
            return successful_rate(load.repeat_with(peer, fields, bench.seconds, PAGE))

        with start_each(starts, check) as field:
            return alternate(field, once, bench.rounds)


def each_session(bench: Bench) -> Outcome:
    """Log in as many browsers, each of which then requests a page; return the memory of each."""

    def kib_each(peer: Peer) -> float:
        before_kib = resident_kib(peer.pid)
        for _ in range(SESSIONS):
            log_in(peer, PAGE)
        return (resident_kib(peer.pid) - before_kib) / SESSIONS

    return _measure_once(bench, kib_each)


def unfinished(bench: Bench) -> Outcome:
    """Begin logins that never come back, at the highest rate; return the memory that they take."""

    def growth_mib(peer: Peer) -> float:
        begin = partial(load.repeat_with, peer, {}, path=f"/oauth/login?to={PAGE}")
        successful_rate(begin(seconds=bench.seconds))
        before_kib = resident_kib(peer.pid)
        for _ in range(UNFINISHED_PARTS):
            successful_rate(begin(seconds=bench.seconds))
        return (resident_kib(peer.pid) - before_kib) / 1_024

    return _measure_once(bench, growth_mib)


def _use_login(peer: Peer) -> None:
    log_in(peer, PAGE)


def _measure_once(bench: Bench, measure: Callable[[Peer], float]) -> Outcome:
    with peers.service(bench.folder) as service, login_peers.provider(bench.folder) as provider:
        starts: dict[str, Start] = {
            "gateway": partial(login_peers.gateway, bench.folder, service, provider)
        }
        # The first login allocates what all share.
        with start_each(starts, _use_login) as field:
            return alternate(field, measure, rounds=0)


ROWS = (
    Row(
        "session",
        "warm session, small answer, 64 connections",
        "requests/s",
        (
            # A session may cost 1.3 times as much as a bearer token.
            Target("bar", "≥", 0.77, BEARER),
            Target("bar", "≥", 1.0, "Envoy"),
            Target("bar", "≥", 1.0, "Apache"),
            Target("goal", "≥", 0.9, BEARER),
            Target("goal", "≥", 2.0, "Envoy"),
            Target("goal", "≥", 2.0, "Apache"),
        ),
        warm_session,
    ),
    Row(
        "sessions",
        "1,000 sessions in memory, each used once, memory of each",
        "KiB",
        (Target("bar", "≤", 16),),
        each_session,
    ),
    Row(
        "unfinished",
        "memory growth by logins that nobody finishes, begun at the highest rate",
        "MiB",
        (Target("bar", "≤", 8),),
        unfinished,
    ),
)
