"""Rows about upstreams with several servers: how one slow server affects all requests."""

from functools import partial

from benchmarks import load, peers
from benchmarks.peers import Peer
from benchmarks.rounds import Start, alternate, start_each
from benchmarks.row import Bench, Outcome, Row, Target
from benchmarks.tokens import distinct_tokens


def one_slow_server(bench: Bench) -> Outcome:
    """Measure the 99th percentile if one of two servers takes 20 ms for each response.

    Both proxies prefer the server that has fewer requests. In turns, half of all would be slow.
    """
    token = distinct_tokens(bench.folder, "RS256").first()
    with peers.service(bench.folder) as service, peers.slow(bench.folder) as slow:
        two = (service, slow)
        starts: dict[str, Start] = {
            "gateway": partial(
                peers.gateway, bench.folder, service, servers=two, balance="least_requests"
            ),
            "Envoy": partial(peers.envoy, bench.folder, service, servers=two),
        }

        def once(peer: Peer) -> float:
            return load.latency_ms(peer, token, bench.seconds, bench.folder)

        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            return alternate(field, once, bench.rounds)


ROWS = (
    Row(
        "slow-server",
        "99th percentile at a fixed 5,000 requests/s, one of two servers slow, least requests",
        "ms",
        (Target("bar", "≤", 1.0, "Envoy"),),
        one_slow_server,
    ),
)
