"""Each response counts for its upstream, and says something about its server."""

from typing import Any

from gateway.proxy.upstream.members import Member
from gateway.telemetry.metrics.servers import ServerState
from tests.proxy.pools import Names, make_pool


def make_members(**balancing: Any) -> tuple[Member, ...]:
    return make_pool("http://10.0.0.1:8000", "http://10.0.0.2", **balancing)._members.all


async def test_responses_still_count_for_the_upstream() -> None:
    pool = make_pool("http://10.0.0.1:8000", "http://10.0.0.2")

    for member in pool._members.all:
        member.pool.observe("GET", 200, 0.1)

    assert sum(pool.counts.times.by_method["GET"][200].counts) == 2


async def test_a_response_with_a_failure_status_is_a_failure() -> None:
    first, _ = make_members(failure_statuses=frozenset({503}))

    first.observe("GET", 503, 0.1)
    first.observe("GET", 500, 0.1)

    assert first.pool.tally.failures == 1
    assert first.standing.in_a_row == 0  # 500 is an answer like any other here


async def test_a_member_is_named_by_its_authority_and_an_address_of_a_name_by_both() -> None:
    names = Names(**{"orders.svc": ["10.0.0.7", "10.0.0.8"]})
    pool = make_pool("http://orders.svc:8000", names=names)
    await pool._members.wait(1.0)

    assert [one.name for one in make_members()] == ["10.0.0.1:8000", "10.0.0.2"]
    assert [one.name for one in pool._members.all] == [
        "orders.svc:8000 (10.0.0.7)",
        "orders.svc:8000 (10.0.0.8)",
    ]
    assert {one.state for one in pool._members.all} == {ServerState.UP}
