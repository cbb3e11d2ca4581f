"""Which servers are used: the healthy ones, by requests and by checks, and always one."""

import logging
from dataclasses import replace
from time import monotonic

import pytest

from gateway.balancing.health import Health
from gateway.proxy.upstream.members import Member
from gateway.proxy.upstream.pool import Pool
from gateway.settings.values.balancing import EjectionLimits, HealthCheck
from gateway.telemetry.metrics.servers import ServerState
from tests.proxy.pools import Names, eventually, make_pool

URLS = tuple(f"http://10.0.0.{number}:80" for number in range(1, 5))
LIMITS = EjectionLimits(after=2, first_seconds=10.0, longest_seconds=60.0, max_share=0.5)
CHECK = HealthCheck("/", 3600.0, 1.0, 1, 1, ((200, 299),), panic_below=0.3)


def members_of(pool: Pool) -> tuple[Member, ...]:
    return pool._members.all


def used(pool: Pool) -> list[str]:
    return [one.host for one in pool._members.used]


def make_unhealthy(pool: Pool, *members: Member) -> None:
    for member in members:
        member.health = Health(is_healthy=False, detail="no answer")
    pool._members.choose()


async def test_failures_in_a_row_eject_a_server_and_time_readmits_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pool = make_pool(*URLS[:2], ejection=LIMITS)
    first, _ = members_of(pool)

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            first.failed(0.0)
        assert used(pool) == ["10.0.0.2"]
        pool.expire(monotonic() + 9.0)
        assert used(pool) == ["10.0.0.2"]
        pool.expire(monotonic() + 11.0)

    assert used(pool) == ["10.0.0.1", "10.0.0.2"]
    assert caplog.messages == [
        "upstream main: 10.0.0.1 is ejected for 10 s: 2 requests failed in a row",
        "upstream main: 10.0.0.1 is used again",
    ]
    assert pool.counts.servers["10.0.0.1"].ejections == 1


async def test_a_response_between_two_failures_prevents_an_ejection() -> None:
    pool = make_pool(*URLS[:2], ejection=LIMITS)
    first, _ = members_of(pool)

    first.failed(0.0)
    first.observe("GET", 200, 0.1)
    first.failed(0.0)

    assert len(used(pool)) == 2


async def test_a_single_server_is_never_ejected_nor_watched() -> None:
    pool = make_pool(URLS[0], ejection=LIMITS)
    (alone,) = members_of(pool)

    for _ in range(9):
        alone.failed(0.0)

    assert used(pool) == ["10.0.0.1"]
    assert alone.pool.observe == pool.counts.times.observe
    assert alone.pool.watcher is None


async def test_an_ejected_server_is_readmitted_if_it_is_alone_after_a_reload() -> None:
    former = make_pool(*URLS[:2], ejection=LIMITS)
    ejected, _ = members_of(former)
    for _ in range(2):
        ejected.failed(0.0)
    assert used(former) == ["10.0.0.2"]

    pool = make_pool(URLS[0], ejection=LIMITS)
    pool.inherit(former)
    pool.report()

    assert used(pool) == ["10.0.0.1"]
    assert members_of(pool)[0].state is ServerState.UP
    assert pool.counts.panics == 0


async def test_an_ejected_address_is_readmitted_if_its_name_has_no_other() -> None:
    names = Names(**{"orders.svc": ["10.0.0.1", "10.0.0.2"]})
    for_long = replace(LIMITS, first_seconds=9000.0, longest_seconds=9000.0)
    pool = make_pool("http://orders.svc", names=names, ejection=for_long)
    pool.expire(monotonic())
    await eventually(lambda: len(members_of(pool)) == 2)
    ejected, _ = members_of(pool)
    for _ in range(2):
        ejected.failed(0.0)
    assert used(pool) == ["10.0.0.2"]

    names.addresses["orders.svc"] = ["10.0.0.1"]
    pool.expire(monotonic() + 3600.0)
    await eventually(lambda: len(members_of(pool)) == 1)
    pool.report()

    assert used(pool) == ["10.0.0.1"]
    assert members_of(pool)[0].state is ServerState.UP
    assert pool.counts.panics == 0


async def test_an_unhealthy_server_is_not_used() -> None:
    pool = make_pool(*URLS, health=CHECK)

    make_unhealthy(pool, *members_of(pool)[:2])

    assert used(pool) == ["10.0.0.3", "10.0.0.4"]


async def test_if_too_few_are_healthy_all_are_used(caplog: pytest.LogCaptureFixture) -> None:
    pool = make_pool(*URLS, health=CHECK)

    make_unhealthy(pool, *members_of(pool)[:3])
    pool.report()

    assert len(used(pool)) == 4
    assert pool.counts.panics == 1
    assert caplog.messages == ["upstream main: too few servers are healthy, all are used"]


async def test_if_none_is_healthy_all_are_used() -> None:
    pool = make_pool(*URLS[:2], health=CHECK)

    make_unhealthy(pool, *members_of(pool))

    assert len(used(pool)) == 2


async def test_the_health_of_a_server_outlasts_a_reload() -> None:
    former = make_pool(*URLS, health=CHECK, ejection=LIMITS)
    ill, ejected, *_ = members_of(former)
    make_unhealthy(former, ill)
    for _ in range(2):
        ejected.failed(0.0)

    pool = make_pool(*URLS[:3], health=CHECK, ejection=LIMITS)
    pool.inherit(former)

    assert used(pool) == ["10.0.0.3"]
    # It is looked at at once, whatever its last check came to.
    assert all(one.health.due_at <= monotonic() for one in members_of(pool))


async def test_without_checks_no_server_stays_unhealthy() -> None:
    former = make_pool(*URLS[:2], health=CHECK)
    make_unhealthy(former, members_of(former)[0])

    pool = make_pool(*URLS[:2])
    pool.inherit(former)

    assert len(used(pool)) == 2


async def test_the_states_of_servers_are_reported() -> None:
    pool = make_pool(*URLS[:3], health=CHECK, ejection=LIMITS)
    ill, ejected, _ = members_of(pool)
    make_unhealthy(pool, ill)
    for _ in range(2):
        ejected.failed(0.0)

    pool.report()

    servers = pool.counts.servers
    states = [servers[f"10.0.0.{n}"].addresses[f"10.0.0.{n}"].word for n in (1, 2, 3)]
    assert states == ["unhealthy", "ejected", "up"]
    assert servers["10.0.0.1"].details == {"10.0.0.1": "no answer"}
