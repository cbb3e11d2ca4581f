"""Workers share the limits of the gateway, and together do not exceed them."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.settings.values.balancing import PLAIN, QueueLimits
from gateway.settings.values.configuration import Settings, Tracing
from gateway.supervisor.worker_share import share_of
from tests.proxy.gateways import load, write_config


@pytest.fixture
def whole(tmp_path: Path) -> Settings:
    return load(write_config(tmp_path, ["http://127.0.0.1:1"], {}))


@given(connections=st.integers(1, 100_000), workers=st.integers(1, 64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_connections_of_all_are_those_of_the_gateway(
    whole: Settings, connections: int, workers: int
) -> None:
    wanted = replace(whole, limits=replace(whole.limits, connections=connections))

    shares = [share_of(wanted, index, workers).limits.connections for index in range(workers)]

    assert sum(shares) == max(connections, workers)
    assert max(shares) - min(shares) <= 1


@given(cap=st.integers(1, 1000), size=st.integers(1, 1000), workers=st.integers(1, 64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_connections_to_a_server_and_those_who_wait_are_shared_too(
    whole: Settings, cap: int, size: int, workers: int
) -> None:
    main = whole.upstreams["main"]
    capped = replace(PLAIN, max_connections=cap, queue=QueueLimits(size, 1.0))
    wanted = replace(whole, upstreams={"main": replace(main, balancing=capped)})

    shares = [
        share_of(wanted, index, workers).upstreams["main"].balancing for index in range(workers)
    ]

    assert sum(one.max_connections or 0 for one in shares) == max(cap, workers)
    assert sum(one.queue.size for one in shares) == max(size, workers)


@given(requests=st.integers(1, 1000), workers=st.integers(1, 64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_requests_under_way_are_shared_too_those_of_the_gateway_and_of_each_route(
    whole: Settings, requests: int, workers: int
) -> None:
    first, *others = whole.route_options
    wanted = replace(
        whole,
        limits=replace(whole.limits, requests=requests),
        route_options=(replace(first, requests=requests), *others),
    )

    shares = [share_of(wanted, index, workers) for index in range(workers)]

    assert sum(one.limits.requests or 0 for one in shares) == max(requests, workers)
    assert sum(one.route_options[0].requests or 0 for one in shares) == max(requests, workers)
    assert {one.route_options[1:] for one in shares} == {tuple(others)}


@given(asked=st.integers(0, 1000), workers=st.integers(1, 64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_wishes_to_be_traced_that_are_heeded_are_those_of_the_gateway(
    whole: Settings, asked: int, workers: int
) -> None:
    tracing = Tracing("http://127.0.0.1:4318/v1/traces", 0.5, asked, "edge", ())
    wanted = replace(whole, tracing=tracing)

    shares = [share_of(wanted, index, workers).tracing for index in range(workers)]

    assert sum(one.asked_per_second for one in shares if one is not None) == asked


def test_nothing_else_is_another(whole: Settings) -> None:
    part = share_of(whole, 0, 1)

    assert part.limits == whole.limits
    assert (part.digest, part.policy, part.upstreams) == (
        whole.digest,
        whole.policy,
        whole.upstreams,
    )
