"""Requests over a limit are refused; however a request ends, its slots are released once."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import pytest

from gateway.limits.adaptive_limit import START, AdaptiveLimit
from gateway.proxy.concurrency.concurrency_limits import SERVICE, ConcurrencyLimits
from gateway.proxy.streams.upload import Upload
from gateway.settings.values.route_options import Priority
from gateway.telemetry.metrics.counts import Metrics
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, make_token
from tests.proxy.messages import Message, make_answer, make_request, parse_head, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Wire

SWITCHED = b"HTTP/1.1 101 Now\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
EVENTS = (
    b"HTTP/1.1 200 Fine\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
EVENT = b"9\r\ndata: 1\n\n\r\n"
HALF = b"HTTP/1.1 200 Fine\r\nContent-Length: 100000\r\n\r\nhalf"
WHOLE = make_request("/api/whole")


class Script:
    """Ends each request as its path says; those that are held, once they are let go."""

    def __init__(self) -> None:
        self.may_go = asyncio.Semaphore(0)

    async def __call__(self, service: Service, wire: Wire) -> None:
        while True:
            request = await service.read_request(wire)
            what = request.target.rpartition(b"/")[2]
            if what == b"held":
                await self.may_go.acquire()
            if what in (b"silent", b"events", b"begun"):
                wire.send({b"events": EVENTS + EVENT, b"begun": HALF}.get(what, b""))
                await wire.wait_lost()
                return
            if what == b"switch":
                wire.send(SWITCHED)
                await wire.wait_end()
            if what == b"half":
                wire.send(HALF)
            if what in (b"half", b"cut", b"switch"):
                wire.close()
                return
            wire.send(make_answer(request.target))


def route(name: str, requests: int | None = None, **more: Any) -> dict[str, Any]:
    limits = {} if requests is None else {"limits": {"requests": requests}}
    match = {"path_prefix": f"/{name}/"}
    return {"name": name, "match": match, "upstream": "main", "public": True, **limits, **more}


@pytest.fixture
def script(service: Service) -> Script:
    service.script = script = Script()
    return script


async def ask(gateway: RunningGateway, target: str) -> Wire:
    """Return a client that waits for its answer."""
    client = await gateway.connect()
    client.send(make_request(target))
    return client


async def hold(gateway: RunningGateway, service: Service, target: str = "/api/held") -> Wire:
    """Return a client whose request the service has."""
    before = len(service.requests)
    client = await ask(gateway, target)
    await service.request(before)
    return client


async def until_free(gateway: RunningGateway) -> None:
    """Wait until a slot is free: nothing says when the gateway notices that a client left."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while (await gateway.ask(WHOLE)).status == 503:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def has_one_slot(gateway: RunningGateway, service: Service, script: Script) -> None:
    """Check that one request can be in flight, and no second."""
    await until_free(gateway)
    held = await hold(gateway, service)
    assert (await gateway.ask(WHOLE)).status == 503
    script.may_go.release()
    assert (await read_answer(held)).status == 200


async def answered(gateway: RunningGateway, service: Service) -> None:
    assert (await gateway.ask(make_request("/api/whole"))).status == 200


async def failed(gateway: RunningGateway, service: Service) -> None:
    assert (await gateway.ask(make_request("/api/cut"))).status == 502


async def sent_twice(gateway: RunningGateway, service: Service) -> None:
    client = await gateway.connect()
    client.send(make_request("/api/whole"))
    await read_answer(client)
    client.send(make_request("/api/cut"))  # on a connection that is used again
    assert (await read_answer(client)).status == 502


async def too_late(gateway: RunningGateway, service: Service) -> None:
    client = await hold(gateway, service, "/api/silent")
    gateway.expire(120)
    assert (await read_answer(client)).status == 504


async def cut_in_the_answer(gateway: RunningGateway, service: Service) -> None:
    client = await hold(gateway, service, "/api/half")
    await client.wait_end()


async def left_before_the_answer(gateway: RunningGateway, service: Service) -> None:
    (await hold(gateway, service, "/api/silent")).reset()


async def left_in_the_answer(gateway: RunningGateway, service: Service) -> None:
    client = await hold(gateway, service, "/api/begun")
    await client.read_until(b"half")
    client.reset()


async def too_large(gateway: RunningGateway, service: Service) -> None:
    head = b"POST /api/whole HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = await gateway.connect()
    client.send(head + b"5\r\nhello\r\n")
    await asyncio.sleep(0)
    client.send(b"5\r\nhello\r\n" * 10)
    assert (await read_answer(client)).status == 413


async def left_in_the_body(gateway: RunningGateway, service: Service) -> None:
    client = await gateway.connect()
    client.send(b"POST /api/whole HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nhello")
    await service.connection(len(service.connections))
    client.reset()


async def an_event_stream(gateway: RunningGateway, service: Service) -> None:
    client = await hold(gateway, service, "/api/events")
    await client.read_until(b"data: 1\n\n")
    assert (await gateway.ask(WHOLE)).status == 200  # while it lasts
    client.reset()


async def a_tunnel(gateway: RunningGateway, service: Service) -> None:
    client = await gateway.connect()
    client.send(make_request("/api/switch", "Connection: Upgrade", "Upgrade: echo"))
    assert parse_head(await client.read_until(b"\r\n\r\n")).status == 101
    assert (await gateway.ask(WHOLE)).status == 200  # while it lasts
    client.end()
    await client.wait_end()


Ending = Callable[[RunningGateway, Service], Awaitable[None]]
ENDINGS: list[Ending] = [
    answered,
    failed,
    sent_twice,
    too_late,
    cut_in_the_answer,
    left_before_the_answer,
    left_in_the_answer,
    too_large,
    left_in_the_body,
    an_event_stream,
    a_tunnel,
]
OWN: dict[str, Any] = {"upgrades": ["echo"], "timeouts": {"response": "1m"}}


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
async def test_however_a_request_ends_its_slot_is_free_again_once(
    ending: Ending, start_gateway: StartGateway, service: Service, script: Script
) -> None:
    only = route("api", **OWN) | {"limits": {"requests": 1, "body": "20B"}}
    gateway = await start_gateway(
        routes=[only], limits={"requests": 1}, upstream={"ejection": {"max_share": 0}}
    )

    await ending(gateway, service)

    await has_one_slot(gateway, service, script)


async def test_a_request_to_an_unreachable_upstream_releases_its_slot(
    start_gateway: StartGateway, closed_port: int
) -> None:
    gateway = await start_gateway(
        [f"http://127.0.0.1:{closed_port}"], routes=[route("api", 1)], limits={"requests": 1}
    )

    assert [(await gateway.ask(WHOLE)).status for _ in range(3)] == [502] * 3


async def test_a_request_over_its_rate_limit_releases_its_slot(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    gateway = await start_gateway(
        routes=[route("api", 1), route("slow", rate_limits=["few"])],
        rate_limits={"few": {"rate": "1/1h", "key": "route"}},
        limits={"requests": 1},
    )
    slow = make_request("/slow/whole")

    assert [(await gateway.ask(slow)).status for _ in range(3)] == [200, 429, 429]
    await has_one_slot(gateway, service, script)


async def test_a_request_without_a_free_slot_uses_up_no_rate(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    gateway = await start_gateway(
        routes=[route("api", 1, rate_limits=["few"])],
        rate_limits={"few": {"rate": "2/1h", "key": "route"}},
    )
    held = await hold(gateway, service)

    assert [(await gateway.ask(WHOLE)).status for _ in range(3)] == [503] * 3
    script.may_go.release()
    assert (await read_answer(held)).status == 200
    assert [(await gateway.ask(WHOLE)).status for _ in range(2)] == [200, 429]


async def test_a_request_over_the_limit_is_refused_at_once_and_reaches_no_upstream(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    gateway = await start_gateway(routes=[route("api", 2)])
    held = [await hold(gateway, service) for _ in range(2)]

    answer = await gateway.ask(WHOLE)

    assert (answer.status, answer.one(b"retry-after")) == (503, b"1")
    assert b'"overloaded"' in answer.body
    assert len(service.requests) == 2
    assert gateway.metric("gateway_requests_shed_total", limit="route") == 1
    assert gateway.metric("gateway_decisions_total", route="api", reason="overloaded") == 1
    script.may_go.release()
    script.may_go.release()
    assert [(await read_answer(client)).status for client in held] == [200, 200]


async def test_a_full_route_blocks_no_other_and_the_slots_of_the_gateway_are_for_all(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    gateway = await start_gateway(routes=[route("api", 1), route("other")], limits={"requests": 2})
    other = make_request("/other/whole")
    await hold(gateway, service)

    assert (await gateway.ask(WHOLE)).status == 503
    assert (await gateway.ask(other)).status == 200
    await hold(gateway, service, "/other/held")
    assert (await gateway.ask(other)).status == 503
    assert gateway.metric("gateway_requests_shed_total", limit="route") == 1
    assert gateway.metric("gateway_requests_shed_total", limit="gateway") == 1


async def test_the_last_slots_are_reserved_for_higher_priorities(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    priorities = ("low", "normal", "high")
    gateway = await start_gateway(
        routes=[route(name, priority=name) for name in priorities], limits={"requests": 5}
    )

    async def statuses() -> list[int]:
        every: list[Message] = [
            await gateway.ask(make_request(f"/{name}/whole")) for name in priorities
        ]
        return [one.status for one in every]

    for taken, expected in (
        (2, [200, 200, 200]),
        (3, [503, 200, 200]),
        (4, [503, 503, 200]),
        (5, [503, 503, 503]),
    ):
        while len([one for one in service.requests if one.target == b"/high/held"]) < taken:
            await hold(gateway, service, "/high/held")
        assert await statuses() == expected


async def test_a_request_takes_no_slot_before_its_token_is_verified(
    start_gateway: StartGateway, service: Service, script: Script
) -> None:
    guarded = route("api", 1)
    del guarded["public"]
    gateway = await start_gateway(routes=[guarded | {"require": {}}])
    held = await gateway.connect()
    held.send(make_request("/api/held", bearer(make_token())))
    await service.request()

    assert (await gateway.ask(WHOLE)).status == 401
    assert (await gateway.ask(make_request("/api/x", bearer(make_token())))).status == 503


# --- what is learned


class Ended:
    """An exchange with a service that shall answer within a second, sent 100 seconds ago."""

    def __init__(self, upstream_seconds: float | None, status: int = 200) -> None:
        self.sent_at = monotonic() - 100.0
        self.upstream_seconds = upstream_seconds
        self.status = status
        self.upload: Upload | None = None

    def with_body(self, sent_at: float) -> "Ended":
        """Have had a body, whose end was sent then."""
        self.upload = Upload(Still(), 1, None)
        self.upload.sent_at = sent_at
        return self


class Still:
    """A client that is not slowed down."""

    def pause_reading(self) -> None:
        """Do nothing."""

    def resume_reading(self) -> None:
        """Do nothing."""

    def consumed(self, size: int) -> None:
        """Do nothing."""


def unsent() -> Ended:
    ended = Ended(None)
    ended.sent_at = 0.0
    return ended


ENDED = [
    ("in time", Ended(0.5), 1),
    ("late", Ended(2.0), -1),
    ("never", Ended(None), -1),
    ("never sent", unsent(), 0),
    ("too much to do, it says", Ended(0.5, 503), -1),
    ("a gateway behind us says so", Ended(0.5, 504), -1),
    ("its own mistake", Ended(0.5, 500), 1),
    ("in time behind a slow body", Ended(99.0).with_body(monotonic() - 1.5), 1),
    ("late behind a body", Ended(99.0).with_body(monotonic() - 50.0), -1),
    ("the body never ended", Ended(None).with_body(0.0), 0),
]


@pytest.mark.parametrize(("ended", "change"), [one[1:] for one in ENDED], ids=[e[0] for e in ENDED])
def test_the_limit_of_an_upstream_follows_how_it_responds(ended: Ended, change: int) -> None:
    limit = AdaptiveLimit(1.0)
    limit.taken = START
    limits = ConcurrencyLimits({SERVICE: limit}, Priority.NORMAL, None, Metrics())

    limits.release(ended)

    assert (limit.taken, limit.limit) == (START - 1, START + change)


def test_a_request_that_ends_soon_without_a_response_changes_nothing() -> None:
    limit = AdaptiveLimit(1000.0)
    limit.taken = START
    limits = ConcurrencyLimits({SERVICE: limit}, Priority.NORMAL, None, Metrics())

    limits.release(Ended(None))

    assert limit.limit == START
