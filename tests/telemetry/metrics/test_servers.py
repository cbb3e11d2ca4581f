"""What becomes of the requests to each server is counted, added up over processes, and shown."""

import pickle

from gateway.telemetry.metrics.servers import ServerMetrics, ServerState, server_families
from gateway.telemetry.metrics.upstreams import UpstreamMetrics


def values_of(name: str, server: ServerMetrics) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in server_families([("orders", server)])
        for sample in family.samples
        if sample.name == name
    }


def test_an_address_stands_as_the_process_says_that_finds_most_fault_with_it() -> None:
    one, two = ServerMetrics("a:80"), ServerMetrics("a:80")
    one.addresses = {"10.0.0.1": ServerState.UP, "10.0.0.2": ServerState.EJECTED}
    two.addresses = {"10.0.0.1": ServerState.UNHEALTHY, "10.0.0.3": ServerState.UP}
    two.details = {"10.0.0.1": "no answer"}

    one.add(two)

    assert one.addresses == {
        "10.0.0.1": ServerState.UNHEALTHY,
        "10.0.0.2": ServerState.EJECTED,
        "10.0.0.3": ServerState.UP,
    }
    assert one.details == {"10.0.0.1": "no answer"}
    name = "gateway_upstream_server_addresses"
    assert values_of(name, one) == {
        ("orders", "a:80", "up"): 1,
        ("orders", "a:80", "ejected"): 1,
        ("orders", "a:80", "unhealthy"): 1,
    }


def test_every_request_is_sent_on_a_connection_opened_or_used_again() -> None:
    server = ServerMetrics("a:80")
    server.opened, server.reused = 2, 5

    assert values_of("gateway_upstream_server_requests_total", server) == {("orders", "a:80"): 7}


def test_what_is_gone_with_a_process_goes_on_counting_but_is_open_no_more() -> None:
    server = ServerMetrics("a:80")
    server.opened = server.connections = server.in_flight = 3
    server.addresses = {"10.0.0.1": ServerState.UP}

    server.settle()

    assert (server.opened, server.connections, server.in_flight) == (3, 0, 0)
    assert not server.addresses


def test_counts_can_be_sent_to_another_process() -> None:
    orders = UpstreamMetrics("orders")
    orders.use(["a:80"])
    orders.servers["a:80"].opened = 3
    orders.servers["a:80"].addresses = {"10.0.0.1": ServerState.UNHEALTHY}

    sent: UpstreamMetrics = pickle.loads(pickle.dumps(orders))

    assert sent.servers["a:80"].opened == 3
    assert sent.servers["a:80"].addresses == {"10.0.0.1": ServerState.UNHEALTHY}


def test_what_a_process_counts_for_a_server_adds_up() -> None:
    one, two = UpstreamMetrics("orders"), UpstreamMetrics("orders")
    for upstream, count in ((one, 1), (two, 2)):
        upstream.use(["a:80"])
        server = upstream.servers["a:80"]
        for name in ("opened", "failures", "ejections", "checks", "in_flight"):
            setattr(server, name, count)

    one.add(two)

    server = one.servers["a:80"]
    assert (server.opened, server.failures, server.ejections) == (3, 3, 3)
    assert (server.checks, server.in_flight) == (3, 3)


def test_requests_to_servers_that_are_none_any_more_still_count_for_the_upstream() -> None:
    orders = UpstreamMetrics("orders")
    orders.use(["a:80", "b:80"])
    for server in orders.servers.values():
        server.opened, server.reused = 1, 10

    orders.use(["b:80", "c:80"])

    assert list(orders.servers) == ["b:80", "c:80"]
    assert (orders.opened_to_all, orders.reused_to_all, orders.requests) == (2, 20, 22)
