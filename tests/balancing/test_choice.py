"""Which server gets the next request: each in its turn, or the one with the fewest in flight."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.choice import COMPARED, LeastRequests, RoundRobin


@dataclass(eq=False)
class Server:
    """A server with *busy* connections, and any number of idle ones."""

    number: int
    busy: int = 0
    connecting: int = 0
    idle: list[int] = field(default_factory=list)

    @property
    def connections(self) -> list[int]:
        return [0] * (self.busy + len(self.idle))

    @property
    def load(self) -> int:
        return self.busy + self.connecting


def servers_with(*loads: int) -> list[Server]:
    return [Server(number, load) for number, load in enumerate(loads)]


@given(st.integers(1, 20), st.integers(1, 60))
def test_round_robin_keeps_servers_within_one_request(count: int, requests: int) -> None:
    balance, servers = RoundRobin(), servers_with(*[0] * count)
    taken: Counter[int] = Counter({server.number: 0 for server in servers})

    for _ in range(requests):
        taken[balance.choose(servers).number] += 1
        balance.took()

    assert max(taken.values()) - min(taken.values()) <= 1


def test_a_turn_is_over_only_when_it_was_taken() -> None:
    for balance in (RoundRobin(), LeastRequests()):
        servers = servers_with(0, 0)
        first = balance.choose(servers)

        assert balance.choose(servers) is first
        balance.took()
        assert balance.choose(servers) is not first


@given(st.lists(st.integers(0, 5), min_size=1, max_size=COMPARED), st.integers(0, 30))
def test_of_few_servers_the_one_with_the_fewest_requests_is_chosen(
    loads: list[int], turns: int
) -> None:
    balance, servers = LeastRequests(), servers_with(*loads)
    for _ in range(turns):
        balance.took()

    assert balance.choose(servers).load == min(loads)


@given(st.integers(1, 40), st.integers(0, 200))
def test_servers_with_equally_few_requests_take_turns(count: int, requests: int) -> None:
    balance, servers = LeastRequests(), servers_with(*[0] * count)
    taken: Counter[int] = Counter({server.number: 0 for server in servers})

    for _ in range(requests):
        taken[balance.choose(servers).number] += 1
        balance.took()

    assert max(taken.values()) - min(taken.values()) <= 1


@given(
    st.integers(2, 40),
    st.integers(0, 39),
    st.lists(st.integers(0, 39), max_size=300),
)
def test_a_server_that_never_responds_is_never_far_above_the_one_with_the_fewest(
    count: int, stalled: int, answers: list[int]
) -> None:
    """It gets its share of the requests in flight, not of those that come."""
    balance, servers = LeastRequests(), servers_with(*[0] * count)
    dead = servers[stalled % count]

    for number in answers:
        least = min(server.load for server in servers)
        chosen = balance.choose(servers)
        if chosen is dead:
            window = [one.load for one in servers]
            # Not one of the others that were compared had fewer.
            assert sum(load >= dead.load for load in window) >= min(count, COMPARED)
            assert count > COMPARED or dead.load == least
        chosen.busy += 1
        balance.took()
        done = servers[number % count]
        if done is not dead and done.busy:
            done.busy -= 1


def test_a_connection_that_is_not_open_yet_is_a_request_in_flight() -> None:
    servers = servers_with(1, 0)
    servers[1].connecting = 2

    assert LeastRequests().choose(servers) is servers[0]


def test_idle_connections_are_no_load() -> None:
    servers = servers_with(0, 1)
    servers[0].idle = [0] * 50

    assert LeastRequests().choose(servers) is servers[0]
