"""Rows about rate limits: the cost of a limited route, with memory and with Redis."""

from functools import partial

from benchmarks import load, peers
from benchmarks.peers import Peer
from benchmarks.rounds import Start, alternate, start_each, successful_rate
from benchmarks.row import Bench, Outcome, Row, Target
from benchmarks.tokens import distinct_tokens

WITHOUT, REDIS = "gateway, no limit", "gateway, with Redis"

# Two that are never reached: what is measured is counting, not rejecting.
LIMITS = """\
    rate_limits: [each, all]
rate_limits:
  each: {rate: 100000/1s, burst: 1000000, key: subject}
  all: {rate: 100000/1s, burst: 1000000, key: route}
"""


def limited(bench: Bench) -> Outcome:
    """Send one RS256 token repeatedly to a route with two limits, and to one without."""
    token = distinct_tokens(bench.folder, "RS256").first()
    with peers.service(bench.folder) as service, peers.redis(bench.folder) as redis:
        shared = f'{LIMITS}redis: {{url: "redis://127.0.0.1:{redis.port}", on_failure: refuse}}\n'
        starts: dict[str, Start] = {
            "gateway": partial(
                peers.gateway, bench.folder, service, routes=LIMITS, name="gateway-memory"
            ),
            WITHOUT: partial(peers.gateway, bench.folder, service, name="gateway-no-limit"),
            REDIS: partial(
                peers.gateway, bench.folder, service, routes=shared, name="gateway-redis"
            ),
        }

        def once(peer: Peer) -> float:
            return successful_rate(load.repeat(peer, token, bench.seconds))

        check = partial(load.probe, token=token, status=200)
        with start_each(starts, check) as field:
            return alternate(field, once, bench.rounds)


ROWS = (
    Row(
        "limits",
        "warm token RS256 on a route with two rate limits",
        "requests/s",
        (
            Target("bar", "≥", 0.5, WITHOUT),
            Target("goal", "≥", 0.7, WITHOUT),
            Target("goal", "≥", 0.1, WITHOUT, of=REDIS),
        ),
        limited,
    ),
)
