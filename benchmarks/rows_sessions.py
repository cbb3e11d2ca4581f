"""Rows about browsers that logged in: requests by session, beside a bearer token and peers."""

from collections.abc import Mapping
from functools import partial

from benchmarks import load, login_peers, peers
from benchmarks.log_in import log_in
from benchmarks.peers import Peer
from benchmarks.provider import Provider
from benchmarks.rounds import Start, alternate, start_each, successful_rate
from benchmarks.row import Bench, Outcome, Row, Target

BEARER, SEALED = "gateway, bearer token", "gateway, sealed cookie"
PAGE = "/orders/1"
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
        token = Provider(provider.address(""), bench.folder).access_token()
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
)
