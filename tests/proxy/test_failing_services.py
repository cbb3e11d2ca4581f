"""Servers that are killed, stalled, slowed and brought back: what clients and servers see of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import pytest
import trustme

from tests.proxy.conftest import StartGateway
from tests.proxy.counting_service import counting_services
from tests.proxy.gateways import RunningGateway
from tests.proxy.load import running_load
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.test_attack_requests import until
from tests.proxy.test_attack_services import service_over_tls
from tests.proxy.wire import Wire


@pytest.fixture
async def services() -> AsyncIterator[list[Service]]:
    """Four services."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running_service()) for _ in range(4)]


async def stall(service: Service, wire: Wire) -> None:
    """Read requests, and answer none."""
    while True:
        await service.read_request(wire)


async def leave(service: Service, wire: Wire) -> None:
    """Read a request, and close."""
    await service.read_request(wire)
    wire.close()


def targets(*services: Service) -> list[str]:
    return [request.target.decode() for service in services for request in service.requests]


def server_metric(gateway: RunningGateway, name: str, service: Service, **labels: str) -> float:
    server = service.url.removeprefix("http://")
    name = f"gateway_upstream_server_{name}"
    return gateway.metric(name, upstream="main", server=server, **labels)


def state_of(gateway: RunningGateway, service: Service) -> str:
    """Return how the one address of *service* stands."""
    (state,) = (
        state
        for state in ("up", "ejected", "unhealthy")
        if server_metric(gateway, "addresses", service, state=state)
    )
    return state


# --- killed


@pytest.mark.parametrize("balance", ["round_robin", "least_requests"])
async def test_only_requests_in_flight_on_a_killed_server_fail_and_none_is_sent_twice(
    start_gateway: StartGateway, tmp_path: Path, balance: str
) -> None:
    with counting_services(tmp_path, 2) as (dying, other):
        gateway = await start_gateway(
            [dying.url, other.url],
            upstream={
                "balance": balance,
                "ejection": {"after": 3, "time": "200ms"},
                "retries": {"kept_connections": False},
            },
        )
        async with running_load(gateway, 16) as load:
            await load.more(300)
            dying.kill()
            under_way = set(load.under_way)
            await load.more(300)
            dying.start()
            asked = len(dying.targets)
            await load.until(lambda: len(dying.targets) > asked + 20)

        assert load.failed <= under_way
        assert load.failed <= set(dying.targets) | (under_way - set(other.targets))
        recorded = Counter(dying.targets + other.targets)
        assert set(recorded.values()) == {1}
        assert set(load.statuses) - load.failed <= set(recorded)


async def test_requests_in_flight_on_a_killed_server_are_retried_on_another(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    """But for what was sent on a connection that had not served before."""
    with counting_services(tmp_path, 2) as (dying, other):
        gateway = await start_gateway([dying.url, other.url])
        async with running_load(gateway, 16) as load:
            await load.more(300)
            dying.kill()
            under_way = set(load.under_way)
            await load.more(300)

        assert load.failed <= under_way
        recorded = Counter(dying.targets + other.targets)
        assert set(recorded.values()) <= {1, 2}
        assert {target for target, times in recorded.items() if times == 2} <= under_way
        assert set(load.statuses) - load.failed <= set(other.targets) | set(dying.targets)


# --- stalled


async def test_a_server_that_stalls_is_ejected_and_comes_back(
    services: list[Service], start_gateway: StartGateway
) -> None:
    stalled, other = services[:2]
    works = stalled.script
    stalled.script = stall
    gateway = await start_gateway(
        [stalled.url, other.url],
        upstream={"response_timeout": "1m", "ejection": {"after": 3, "time": "300ms"}},
    )
    async with running_load(gateway, 6) as load:
        await until(lambda: len(stalled.requests) == 6)  # all clients wait there
        stalled.script = works  # new connections are served
        for pool in gateway.gateway.data._serving.pools:
            for servers in pool._members.pools():
                servers.expire(monotonic() + 120)
        assert state_of(gateway, stalled) == "ejected"
        await load.until(lambda: state_of(gateway, stalled) == "up")
        asked = len(stalled.requests)
        await load.until(lambda: len(stalled.requests) > asked + 10)

    assert {load.statuses[target] for target in load.failed} == {504}
    assert load.failed <= set(targets(stalled))
    assert set(Counter(targets(stalled, other)).values()) == {1}
    assert server_metric(gateway, "ejections_total", stalled) >= 1
    assert server_metric(gateway, "ejections_total", other) == 0


async def test_a_server_that_fails_while_others_respond_is_ejected_by_its_statuses(
    services: list[Service], start_gateway: StartGateway
) -> None:
    """It answers at once, and would get the most of the load."""
    broken, other = services[:2]

    async def refuse(service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            wire.send(make_answer(b"no", status=503))

    broken.script = refuse
    gateway = await start_gateway(
        [broken.url, other.url],
        upstream={
            "balance": "least_requests",
            "failure_statuses": ["502-504"],
            "ejection": {"after": 3, "time": "1h", "max_time": "1h"},
        },
    )

    statuses = [(await gateway.ask(make_request(f"/open/{n}"))).status for n in range(30)]

    assert statuses.count(503) == len(broken.requests) == 3
    assert state_of(gateway, broken) == "ejected"


async def test_no_more_servers_are_ejected_than_the_ceiling_allows(
    services: list[Service], start_gateway: StartGateway
) -> None:
    for service in services:
        service.script = leave
    gateway = await start_gateway(
        [service.url for service in services],
        upstream={"ejection": {"after": 1, "time": "1h", "max_time": "1h", "max_share": 0.5}},
    )

    statuses = [(await gateway.ask(make_request("/open/"))).status for _ in range(20)]

    assert statuses == [502] * 20
    states = Counter(state_of(gateway, service) for service in services)
    assert states == {"ejected": 2, "up": 2}
    assert sorted(len(service.requests) for service in services)[:2] == [1, 1]


# --- slowed


class Slow:
    """Answers a request when so many others were asked elsewhere, or it is *free*.

    *most* requests were under way here at one time.
    """

    def __init__(self, others: Service, pause: int) -> None:
        self._others = others
        self._pause = pause
        self._under_way = 0
        self.most = 0
        self.free = asyncio.Event()

    async def __call__(self, service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            await self._wait()
            self._under_way -= 1
            wire.send(make_answer(b"slow"))

    async def _wait(self) -> None:
        others = self._others.request(len(self._others.requests) + self._pause - 1)
        ends = [asyncio.ensure_future(others), asyncio.ensure_future(self.free.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()


async def test_a_slow_server_gets_its_share_of_the_load_and_no_more(
    services: list[Service], start_gateway: StartGateway
) -> None:
    slow, fast = services[:2]
    script = slow.script = Slow(fast, pause=40)
    gateway = await start_gateway([slow.url, fast.url], upstream={"balance": "least_requests"})

    async with running_load(gateway, 8) as load:
        await load.more(600)
        script.free.set()

    assert load.failed == set()
    # Of eight requests under way the slow one never had more than the fast one, but for a tie.
    assert script.most <= 5
    assert len(slow.requests) * 4 < len(fast.requests)


# --- what may be sent a second time


@pytest.mark.parametrize(
    ("methods", "method", "status", "times"),
    [
        (None, "GET", 502, 1),
        (["GET"], "GET", 200, 2),
        (["GET"], "DELETE", 502, 1),
        (["GET", "DELETE"], "DELETE", 200, 2),
        (["GET"], "POST", 502, 1),
    ],
)
async def test_a_request_that_may_have_been_acted_on_is_retried_only_if_that_is_allowed(
    services: list[Service],
    start_gateway: StartGateway,
    methods: list[str] | None,
    method: str,
    status: int,
    times: int,
) -> None:
    """9110.6: by default nothing is, and only what may be done twice can be."""
    services[0].script = leave
    retries = {} if methods is None else {"retries": {"methods": methods}}
    gateway = await start_gateway([services[0].url, services[1].url], upstream=retries)

    answer = await gateway.ask(make_request("/open/1", method=method))

    assert answer.status == status
    assert targets(*services) == ["/open/1"] * times
    assert gateway.metric("gateway_upstream_retries_total", upstream="main") == times - 1


# --- kept connections that end just as a request comes


class AnswersOnce:
    """Answers one request on each connection, and *ends* it as soon as another one comes there."""

    def __init__(self, ends: Callable[[Wire], None]) -> None:
        self._ends = ends

    async def __call__(self, service: Service, wire: Wire) -> None:
        request = await service.read_request(wire)
        wire.send(make_answer(b"" if request.method == b"HEAD" else b"hello"))
        await wire.wait_for(lambda: bool(wire.unread) or wire.has_ended)
        self._ends(wire)


def times_seen(service: Service, target: str) -> int:
    return service.received.count(f" {target} HTTP/1.1\r\n".encode())


ENDINGS = pytest.mark.parametrize("ends", [Wire.close, Wire.reset], ids=["close", "reset"])


@ENDINGS
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_safe_request_on_a_kept_connection_that_ends_is_retried(
    service: Service, gateway: RunningGateway, method: str, ends: Callable[[Wire], None]
) -> None:
    """RFC 9112 §9.3.1, RFC 9110 §9.2.1: no kept connection can be trusted to stay, and each of
    these was answered with 502."""
    service.script = AnswersOnce(ends)
    client = await gateway.connect()
    count = 500 if method == "GET" else 20

    for number in range(count):
        client.send(make_request(f"/open/{number}", method=method))
        assert (await read_answer(client, is_head=method == "HEAD")).status == 200

    seen = [times_seen(service, f"/open/{number}") for number in range(count)]
    assert seen == [1] + [2] * (count - 1)
    assert gateway.metric("gateway_upstream_retries_total", upstream="main") == count - 1
    assert server_metric(gateway, "failures_total", service) == 0


@ENDINGS
async def test_a_safe_request_is_retried_over_tls_too(
    start_gateway: StartGateway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ends: Callable[[Wire], None],
) -> None:
    async with service_over_tls(trustme.CA(), tmp_path, monkeypatch) as (service, url):
        service.script = AnswersOnce(ends)
        gateway = await start_gateway([url])
        client = await gateway.connect()

        for number, method in enumerate(["GET"] * 10 + ["POST"]):
            client.send(make_request(f"/open/{number}", method=method))
            status = (await read_answer(client)).status
            assert status == (502 if method == "POST" else 200)

        seen = [times_seen(service, f"/open/{number}") for number in range(11)]
        assert seen == [1] + [2] * 9 + [1]


@ENDINGS
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_any_other_request_on_a_kept_connection_that_ends_is_never_seen_twice(
    service: Service, gateway: RunningGateway, method: str, ends: Callable[[Wire], None]
) -> None:
    """RFC 9110 §9.2.2: it may have been acted on."""
    service.script = AnswersOnce(ends)
    client = await gateway.connect()

    statuses = []
    for number in range(10):
        client.send(make_request(f"/open/{number}", method=method))
        statuses.append((await read_answer(client)).status)

    assert statuses == [200, 502] * 5
    assert [times_seen(service, f"/open/{number}") for number in range(10)] == [1] * 10


@pytest.mark.parametrize("line", ["Content-Length: 4", "Transfer-Encoding: chunked"])
async def test_a_safe_request_whose_body_was_sent_is_not_retried(
    service: Service, gateway: RunningGateway, line: str
) -> None:
    """A part of it is gone."""
    service.script = AnswersOnce(Wire.close)
    client = await gateway.connect()
    client.send(make_request("/open/0"))
    await read_answer(client)
    body = b"body" if line.startswith("C") else b"4\r\nbody\r\n0\r\n\r\n"

    client.send(make_request("/open/1", line) + body)

    assert (await read_answer(client)).status == 502
    assert times_seen(service, "/open/1") == 1


async def test_the_retry_uses_a_new_connection_even_if_others_are_kept(
    service: Service, gateway: RunningGateway
) -> None:
    """A service that has closed one of them has closed them all, as likely as not."""
    all_here = asyncio.Event()

    async def together(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        if len(service.requests) == 8:
            all_here.set()
        await all_here.wait()
        wire.send(make_answer(b"hello"))
        await wire.wait_for(lambda: bool(wire.unread) or wire.has_ended)
        wire.close()

    service.script = together
    clients = [await gateway.connect() for _ in range(8)]
    for client in clients:
        client.send(make_request("/open/first"))
    assert {(await read_answer(client)).status for client in clients} == {200}

    for number, client in enumerate(clients):
        client.send(make_request(f"/open/{number}"))

    assert {(await read_answer(client)).status for client in clients} == {200}
    assert {times_seen(service, f"/open/{number}") for number in range(8)} == {2}


@pytest.mark.parametrize("clients", [1, 6])
async def test_the_retry_uses_a_new_connection_even_at_the_connection_limit(
    service: Service, start_gateway: StartGateway, clients: int
) -> None:
    service.script = AnswersOnce(Wire.close)
    gateway = await start_gateway(
        upstream={"max_connections": 2, "queue": {"size": 100, "timeout": "1m"}}
    )

    async with running_load(gateway, clients) as load:
        await load.more(200)

    assert load.failed == set()
    assert {times_seen(service, target) for target in load.statuses} <= {1, 2}


async def test_a_request_without_a_response_is_sent_once(
    service: Service, gateway: RunningGateway
) -> None:
    """No storm: only a connection that served before is worth another try."""
    service.script = leave

    statuses = [(await gateway.ask(make_request(f"/open/{n}"))).status for n in range(50)]

    assert statuses == [502] * 50
    assert len(service.requests) == len(service.connections) == 50
    assert gateway.metric("gateway_upstream_retries_total", upstream="main") == 0


async def test_a_request_to_a_service_that_goes_away_is_sent_twice_at_most(
    service: Service, gateway: RunningGateway
) -> None:
    """Each connection that was kept is worth one try more, and no more than that."""

    async def answer_the_first(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        if len(service.connections) == 1:
            wire.send(make_answer(b"hello"))
            await service.read_request(wire)
        wire.close()

    service.script = answer_the_first
    client = await gateway.connect()
    statuses = []
    for number in range(20):
        client.send(make_request(f"/open/{number}"))
        statuses.append((await read_answer(client)).status)

    assert statuses == [200] + [502] * 19
    assert [times_seen(service, f"/open/{n}") for n in range(20)] == [1, 2] + [1] * 18


async def test_a_method_of_the_list_is_not_sent_a_third_time(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(upstream={"retries": {"methods": ["GET"]}})

    async def answer_the_first(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        if len(service.connections) == 1:
            wire.send(make_answer(b"hello"))
            await service.read_request(wire)
        wire.close()

    service.script = answer_the_first
    client = await gateway.connect()
    for status in (200, 502):
        client.send(make_request(f"/open/{status}"))
        assert (await read_answer(client)).status == status

    assert times_seen(service, "/open/502") == 2


async def test_a_safe_request_is_sent_once_if_so_configured(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(upstream={"retries": {"kept_connections": False}})
    service.script = AnswersOnce(Wire.close)
    client = await gateway.connect()

    for status in (200, 502, 200, 502):
        client.send(make_request("/open/"))
        assert (await read_answer(client)).status == status

    assert times_seen(service, "/open/") == 4


async def test_a_response_that_has_begun_on_a_kept_connection_is_not_retried(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.6."""

    async def begin(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_answer(b"hello"))
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 O")
        wire.close()

    service.script = begin
    client = await gateway.connect()
    for status in (200, 502):
        client.send(make_request(f"/open/{status}"))
        assert (await read_answer(client)).status == status

    assert times_seen(service, "/open/502") == 1


async def test_a_request_is_sent_a_second_time_and_not_a_third(
    services: list[Service], start_gateway: StartGateway
) -> None:
    for service in services:
        service.script = leave
    gateway = await start_gateway(
        [service.url for service in services], upstream={"retries": {"methods": ["GET"]}}
    )

    assert (await gateway.ask(make_request("/open/1"))).status == 502
    assert targets(*services) == ["/open/1"] * 2


async def test_a_request_whose_body_was_sent_is_never_retried(
    services: list[Service], start_gateway: StartGateway
) -> None:
    services[0].script = leave
    gateway = await start_gateway(
        [services[0].url, services[1].url], upstream={"retries": {"methods": ["PUT"]}}
    )

    answer = await gateway.ask(make_request("/open/1", method="PUT", body=b"once"))

    assert answer.status == 502
    assert len(targets(*services)) == 1


async def test_a_response_that_has_begun_is_never_retried(
    services: list[Service], start_gateway: StartGateway
) -> None:
    """9110.6."""

    async def begin(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 O")
        wire.close()

    services[0].script = begin
    gateway = await start_gateway(
        [services[0].url, services[1].url], upstream={"retries": {"methods": ["GET"]}}
    )

    assert (await gateway.ask(make_request("/open/1"))).status == 502
    assert len(targets(*services)) == 1


async def test_retries_end_with_their_budget(
    services: list[Service], start_gateway: StartGateway
) -> None:
    for service in services:
        service.script = leave
    gateway = await start_gateway(
        [service.url for service in services],
        upstream={"retries": {"methods": ["GET"], "budget": 0}, "ejection": {"max_share": 0}},
    )

    await asyncio.gather(*(gateway.ask(make_request(f"/open/{n}")) for n in range(60)))

    retries = gateway.metric("gateway_upstream_retries_total", upstream="main")
    refused = gateway.metric("gateway_upstream_retries_refused_total", upstream="main")
    assert retries + refused == 60
    assert refused > 0
    assert len(targets(*services)) == 60 + retries
