"""What belongs to one configuration is built anew with it; only the counts go on."""

from pathlib import Path

from gateway.central import Central
from gateway.keyring.keyring import Keyring
from gateway.revocation.revocations import Revocations
from gateway.serving import Serving, make_serving
from gateway.settings.values.configuration import Settings
from gateway.telemetry.logs.access_log import AccessLog
from gateway.telemetry.metrics.counts import Metrics
from tests.proxy.gateways import ROUTES, load, write_config


def make_metrics() -> Metrics:
    return Metrics()


def make(settings: Settings, metrics: Metrics, former: Serving | None = None) -> Serving:
    central = Central(Keyring(settings.issuers), Revocations(settings.revocations).lists)
    return make_serving(settings, central, metrics, AccessLog(None), former)


async def test_every_route_has_its_counts_and_the_pool_of_its_upstream(tmp_path: Path) -> None:
    routes = [dict(route) for route in ROUTES]
    routes[1]["upstream"] = "other"
    upstreams = {"main": {"servers": ["http://a"]}, "other": {"servers": ["http://b"]}}
    settings = load(write_config(tmp_path, [], {"routes": routes, "upstreams": upstreams}))
    metrics = make_metrics()

    serving = make(settings, metrics)

    for route in settings.policy.routes.routes:
        state = serving.port.routes[route.index]
        assert state.metrics is metrics.routes[route.index]
        assert (state.metrics.name, state.pool.name) == (route.name, route.upstream)
    assert [pool.name for pool in serving.pools] == ["main", "other"]


async def test_only_the_counts_of_the_former_go_on(tmp_path: Path) -> None:
    settings = load(write_config(tmp_path, ["http://a"], {}))
    metrics = make_metrics()
    former = make(settings, metrics)
    former.memo.hits, former.memo.misses = 3, 4
    former.port.routes[0].metrics.allowed = 5

    serving = make(settings, metrics, former)

    assert (serving.memo.hits, serving.memo.misses, len(serving.memo)) == (3, 4, 0)
    assert serving.port.routes[0].metrics.allowed == 5
    assert serving.memo is not former.memo
    assert not set(serving.pools) & set(former.pools)


async def test_a_field_with_tokens_that_is_read_no_longer_still_reaches_no_service(
    tmp_path: Path,
) -> None:
    """Clients may go on sending the token there, which nobody checks any more."""
    routes = [dict(route) for route in ROUTES]
    routes[1]["token_from"] = ["authorization", {"header": "X-Workload-Token"}]
    read = load(write_config(tmp_path, ["http://a"], {"routes": routes}))
    unread = load(write_config(tmp_path, ["http://a"], {}))
    metrics = make_metrics()
    former = make(read, metrics)

    later = make(unread, metrics, make(unread, metrics, former))

    assert b"x-workload-token" in later.identity_names
    assert b"x-workload-token" not in make(unread, metrics).identity_names
