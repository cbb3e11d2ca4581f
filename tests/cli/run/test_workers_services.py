"""Several workers check upstreams on their own; what they see is shown as one state."""

from pathlib import Path
from typing import Any

from tests.cli.worker_world import Fleet, Site, config_of, serving, site, until

HEALTH = {"path": "/healthz", "interval": "50ms", "unhealthy_after": 2, "healthy_after": 1}

# So many connections reach both of two workers but once in 2^39 times.
MANY = 40


def servers_of(gateway: Fleet) -> list[Any]:
    (upstream,) = gateway.status()["upstreams"]
    servers: list[Any] = upstream["servers"]
    return servers


def config(directory: Path, *sites: Site, **settings: Any) -> Path:
    upstream = {"servers": [one.url for one in sites], **settings}
    return config_of(directory, "http://127.0.0.1:1", upstreams={"main": upstream})


def test_each_worker_checks_and_one_that_finds_fault_is_enough_to_be_shown(tmp_path: Path) -> None:
    with (
        site() as well,
        site() as ill,
        serving(config(tmp_path, well, ill, health=HEALTH)) as gateway,
    ):
        ill.documents["/healthz"] = 500
        until(lambda: servers_of(gateway)[1]["addresses"][0]["state"] == "unhealthy")
        gateway.await_said("is unhealthy", 2)  # by then both of them know

        statuses = [gateway.ask("/open/").status for _ in range(MANY)]
        shown = servers_of(gateway)[1]["addresses"][0]
        panics = gateway.metric("gateway_upstream_panics", upstream="main")

    assert statuses == [200] * MANY
    assert ill.asked["/open/"] == 0
    assert well.asked["/open/"] == MANY
    assert shown["detail"] == "its health check got 500, not 200-299"
    assert panics == 0


def test_what_the_workers_count_of_a_server_adds_up(tmp_path: Path) -> None:
    with site() as one, site() as two, serving(config(tmp_path, one, two)) as gateway:
        for _ in range(MANY):
            gateway.ask("/open/")

        shown = [server["requests"] for server in servers_of(gateway)]

    assert shown == [one.asked["/open/"], two.asked["/open/"]]
    assert sum(shown) == MANY


def test_workers_share_the_connections_that_there_may_be(tmp_path: Path) -> None:
    with (
        site() as one,
        serving(
            config(tmp_path, one, max_connections=2, queue={"size": 2, "timeout": "1m"})
        ) as gateway,
    ):
        held, waiting = [gateway.on_each_worker(gateway.connect) for _ in range(2)]
        for client in held.values():
            client.sendall(b"GET /open/hold HTTP/1.1\r\nHost: a.test\r\n\r\n")
        until(lambda: one.holds == 2)
        for client in waiting.values():
            client.sendall(b"GET /open/ HTTP/1.1\r\nHost: a.test\r\n\r\n")
        until(lambda: gateway.metric("gateway_upstream_queued", upstream="main") == 2)
        refused = gateway.ask("/open/")
        one.release.set()
        for client in (*held.values(), *waiting.values()):
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            client.close()

    assert refused.status == 503
    assert refused.json()["reason"] == "overloaded"


def test_workers_share_the_requests_that_may_be_under_way(tmp_path: Path) -> None:
    upstreams = {"main": {"servers": ["http://127.0.0.1:1"]}}
    with site() as one:
        upstreams["main"]["servers"] = [one.url]
        limits = {"requests": 2}
        path = config_of(tmp_path, "http://127.0.0.1:1", upstreams=upstreams, limits=limits)
        with serving(path) as gateway:
            held, others = [gateway.on_each_worker(gateway.connect) for _ in range(2)]
            for client in held.values():
                client.sendall(b"GET /open/hold HTTP/1.1\r\nHost: a.test\r\n\r\n")
            until(lambda: one.holds == 2)
            for client in others.values():
                client.sendall(b"GET /open/ HTTP/1.1\r\nHost: a.test\r\n\r\n")
                assert client.recv(65536).startswith(b"HTTP/1.1 503")
            one.release.set()
            for client in held.values():
                assert client.recv(65536).startswith(b"HTTP/1.1 200")
            for client in others.values():
                client.sendall(b"GET /open/ HTTP/1.1\r\nHost: a.test\r\n\r\n")
                assert client.recv(65536).startswith(b"HTTP/1.1 200")
            shed = gateway.metric("gateway_requests_shed_total", limit="gateway")
            for client in (*held.values(), *others.values()):
                client.close()

    assert shed == 2
