"""Rows about several workers: what a second core is worth, including the load."""

from collections import Counter
from functools import partial

from benchmarks import load, peers
from benchmarks.peers import Peer
from benchmarks.rounds import Start, alternate, start_each, successful_rate
from benchmarks.row import Bench, Outcome, Row, Target
from benchmarks.tokens import distinct_tokens

ONE, TWO = "gateway, 1 worker", "gateway"
ENVOY_ONE, ENVOY_TWO = "Envoy, 1 thread", "Envoy"


def two_workers(bench: Bench) -> Outcome:
    """Send new tokens to one worker with a core to itself, and to two on both cores.

    The load and the service keep the second core, and the second worker gets what they leave:
    on two cores nothing doubles. New tokens, for there the load takes least.
    """
    tokens = distinct_tokens(bench.folder, "RS256")
    sent: Counter[str] = Counter()

    def once(peer: Peer) -> float:
        round_of_tokens = load.each_once(peer, tokens, sent[peer.name], bench.seconds)
        sent[peer.name] += round_of_tokens.requests
        return successful_rate(round_of_tokens)

    with peers.service(bench.folder) as service:
        starts: dict[str, Start] = {
            TWO: partial(peers.gateway, bench.folder, service, workers=2),
            ONE: partial(peers.gateway, bench.folder, service, name="gateway-1-worker"),
            ENVOY_TWO: partial(peers.envoy, bench.folder, service, cache=False, threads=2),
            ENVOY_ONE: partial(peers.envoy, bench.folder, service, cache=False),
        }
        check = partial(load.probe, token=tokens.first(), status=200)
        with start_each(starts, check) as field:
            return alternate(field, once, bench.rounds)


ROWS = (
    Row(
        "workers",
        "two workers against one on two cores, load included, every token new, RS256",
        "requests/s",
        (
            Target("bar", "≥", 1.2, ONE),
            Target("goal", "≥", 1.0, ENVOY_TWO),
        ),
        two_workers,
    ),
)
