"""An internal error is reported as one: it allows no request, is no verdict, and is not kept."""

import asyncio
import errno
import json
import resource
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from gateway.decision.keys import KeySet
from gateway.decision.token import SignedToken
from gateway.proxy.port import Vouched
from gateway.telemetry.tracing.spans import Span
from tests.faulty_key import FAULTS, FaultyKey, faulty_keys
from tests.proxy.conftest import StartGateway
from tests.proxy.exchange.test_response_stream import ask, stream
from tests.proxy.exchange.test_response_stream import token as lasting
from tests.proxy.gateways import (
    AUDIENCE,
    ISSUER,
    ROUTES,
    RunningGateway,
    bearer,
    make_token,
)
from tests.proxy.hostile import reason
from tests.proxy.messages import make_request, read_answer
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Service, echo
from tests.tokens import make_private, mint

__all__ = ["log"]  # a fixture

REPORTED = {
    "name": "reported",
    "match": {"path_prefix": "/reported/"},
    "upstream": "main",
    "require": {},
    "mode": "report",
}


def make_issuer(**more: Any) -> dict[str, Any]:
    algorithms = ["ES256", "EdDSA"]
    return {
        "main": {
            "issuer": ISSUER,
            "jwks_file": "keys.json",
            "audiences": [AUDIENCE],
            "algorithms": algorithms,
            **more,
        }
    }


def edwards(which: int = 0) -> bytes:
    """Return an Authorization line with a good token, signed by the key number *which*."""
    claims = json.loads(urlsafe_b64decode(make_token().split(b".")[1] + b"=="))
    return bearer(mint(make_private("Ed25519", which), "EdDSA", claims))


def use_keys(gateway: RunningGateway, keys: KeySet) -> None:
    """Let *gateway* have *keys*, as if they had just been fetched."""
    live = gateway.gateway._fetched.keyring.keys
    assert isinstance(live, dict)
    live["main"] = keys


def break_keys(gateway: RunningGateway, fault: Exception | None) -> FaultyKey:
    material, keys = faulty_keys(fault)
    use_keys(gateway, keys)
    return material


@pytest.fixture
async def reports() -> list[dict[str, Any]]:
    """What was reported."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: reported.append(told))
    return reported


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_an_error_while_checking_is_500_once_and_is_not_remembered(
    service: Service, start_gateway: StartGateway, reports: list[dict[str, Any]], fault: Exception
) -> None:
    """Descriptors that ran out made good tokens `signature_invalid` until the next key set."""
    service.script = echo
    gateway = await start_gateway(issuers=make_issuer())
    key = break_keys(gateway, fault)
    good, forged = edwards(), edwards(1)
    client = await gateway.connect()

    for line in (good, forged, good):
        client.send(make_request("/api/x", line))
        answer = await read_answer(client)
        assert (answer.status, reason(answer)) == (500, "internal_error")
        assert not answer.all(b"www-authenticate")
    assert service.requests == []

    key.fault = None
    client.send(make_request("/api/x", good))
    assert (await read_answer(client)).status == 200
    client.send(make_request("/api/x", forged))
    assert reason(await read_answer(client)) == "signature_invalid"
    assert [told["exception"] for told in reports] == 3 * [fault]
    assert gateway.metric("gateway_decisions_total", route="", reason="internal_error") == 3


@pytest.mark.parametrize("target", ["/api/x", "/maybe/x", "/reported/x"])
@pytest.mark.parametrize("mode", ["enforce", "report"])
async def test_an_internal_error_allows_no_request_in_report_mode(
    service: Service,
    start_gateway: StartGateway,
    reports: list[dict[str, Any]],
    target: str,
    mode: str,
) -> None:
    gateway = await start_gateway(routes=[*ROUTES, REPORTED], issuers=make_issuer(mode=mode))
    break_keys(gateway, OSError("no descriptor"))

    answer = await gateway.ask(make_request(target, edwards()))

    assert (answer.status, reason(answer)) == (500, "internal_error")
    assert service.received == b""
    assert len(reports) == 1


async def test_an_internal_error_is_one_line_of_the_log_with_its_reason(
    start_gateway: StartGateway, log: Log, reports: list[dict[str, Any]]
) -> None:
    gateway = await start_gateway(access_log="stdout", issuers=make_issuer())
    break_keys(gateway, MemoryError())

    answer = await gateway.ask(make_request("/api/x", edwards()))
    (line,) = await log.lines(gateway)

    assert (line["status"], line["reason"]) == (500, "internal_error")
    assert line["id"].encode() == answer.one(b"x-request-id")
    assert len(reports) == 1


async def test_an_error_while_signing_the_assertion_is_500_and_the_connection_stays(
    service: Service, gateway: RunningGateway, reports: list[dict[str, Any]]
) -> None:
    """It ended the connection, and was written down as a client that went away."""
    client = await gateway.connect()
    client.send(make_request("/open/"))
    assert (await read_answer(client)).status == 200  # a connection to the service is kept

    def sign_assertion(token: SignedToken, upstream: str, exchange: Vouched) -> bytes:
        raise OSError("no descriptor")

    gateway.gateway.data._serving.port.sign_assertion = sign_assertion
    client.send(make_request("/api/x", bearer()))
    refused = await read_answer(client)
    client.send(make_request("/open/"))

    assert (refused.status, reason(refused)) == (500, "internal_error")
    assert (await read_answer(client)).status == 200
    assert [request.target for request in service.requests] == [b"/open/", b"/open/"]
    assert [told["message"] for told in reports] == ["a request failed"]


async def test_a_stream_that_cannot_be_compared_with_a_list_does_not_count_as_revoked(
    service: Service, start_gateway: StartGateway, log: Log, reports: list[dict[str, Any]]
) -> None:
    """It was written down as a client that went away, or as a token that had expired."""
    service.script = stream()
    gateway = await start_gateway(access_log="stdout")
    client = await ask(gateway, lasting())
    admission = gateway.gateway.data._serving.port.admission

    class Lost:
        """Knows no list any more."""

        def find_revocation(self, _token: SignedToken) -> None:
            raise OSError("no descriptor")

    gateway.gateway.data._serving.port.admission = Lost()  # type: ignore[assignment]
    gateway.gateway.data.compare_streams()
    gateway.pass_time(0)
    await client.wait_end()
    gateway.gateway.data._serving.port.admission = admission
    (line,) = await log.lines(gateway)

    assert (line["status"], line["reason"], line["route"]) == (200, "internal_error", "api")
    assert len(reports) == 1


class Broken:
    """An access log and an exporter of spans that fail, for want of memory."""

    def write(self, _line: bytes) -> None:
        raise MemoryError

    def export(self, _span: Span) -> None:
        raise MemoryError


@pytest.mark.parametrize("what", ["log", "spans"])
@pytest.mark.parametrize(
    ("target", "lines", "status"),
    [
        pytest.param("/open/x", (), 200, id="public"),
        pytest.param("/api/x", (bearer(),), 200, id="allowed"),
        pytest.param("/api/x", (), 401, id="refused"),
        pytest.param("/api/x", (bearer(b"a.b.c"),), 401, id="refused for its token"),
        pytest.param("/none", (), 404, id="without a route"),
    ],
)
async def test_a_request_that_cannot_be_recorded_gets_its_response_and_so_do_the_next_ones(
    service: Service,
    start_gateway: StartGateway,
    reports: list[dict[str, Any]],
    what: str,
    target: str,
    lines: tuple[bytes, ...],
    status: int,
) -> None:
    """The connection answered nothing any more and stayed open, or was cut with the answer."""
    service.script = echo
    tracing = {"otlp": "http://127.0.0.1:1/v1/traces", "sample": 1.0}
    gateway = await start_gateway(access_log="stdout", tracing=tracing)
    port = gateway.gateway.data._serving.port
    assert port.tracer is not None
    if what == "log":
        port.log = replace(port.log, json=Broken())  # type: ignore[arg-type]
    else:
        port.tracer.export = Broken().export
    client = await gateway.connect()

    for _ in range(3):
        client.send(make_request(target, *lines))
        assert (await read_answer(client)).status == status
    client.send(make_request("/open/") + make_request("/api/x") + make_request("/open/"))
    statuses = [(await read_answer(client)).status for _ in range(3)]

    assert statuses == [200, 401, 200]
    assert {told["message"] for told in reports} == {"a request could not be recorded"}
    assert {type(told["exception"]) for told in reports} == {MemoryError}


def fail_to_observe(_method: str, _status: int, _seconds: float) -> None:
    raise MemoryError


async def test_an_error_while_reading_a_response_is_no_failure_of_the_service(
    service: Service, start_gateway: StartGateway, log: Log, reports: list[dict[str, Any]]
) -> None:
    """It was 502 `upstream_unreachable`, counted against the service, and sent a second time."""
    service.script = echo
    gateway = await start_gateway(access_log="stdout")
    client = await gateway.connect()
    client.send(make_request("/open/"))
    assert (await read_answer(client)).status == 200  # a connection to the service is kept
    (member,) = gateway.gateway.data._serving.port.routes[0].pool._members.all
    observe, member.pool.observe = member.pool.observe, fail_to_observe

    client.send(make_request("/open/lost"))
    refused = await read_answer(client)
    member.pool.observe = observe
    client.send(make_request("/open/found"))

    assert (refused.status, reason(refused)) == (500, "internal_error")
    assert (await read_answer(client)).status == 200
    targets = [request.target for request in service.requests]
    assert targets == [b"/open/", b"/open/lost", b"/open/found"]
    lines = await log.lines(gateway)
    assert [line["reason"] for line in lines] == [None, "internal_error", None]
    assert [told["message"] for told in reports] == ["a request failed"]
    assert "gateway_upstream_failures_total{" not in gateway.page()


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let this process, and so the gateway in it, open nothing."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("more", [{}, {"max_connections": 1}])
async def test_running_out_of_descriptors_is_no_failure_of_the_service(
    service: Service,
    start_gateway: StartGateway,
    reports: list[dict[str, Any]],
    more: dict[str, Any],
) -> None:
    """The circuit breaker opened, and stayed open when there were descriptors again."""
    service.script = echo
    gateway = await start_gateway(upstream={"breaker": {"requests": 3, "open": "60s"}, **more})
    client = await gateway.connect()
    client.send(make_request("/none"))
    assert (await read_answer(client)).status == 404

    with no_descriptors():
        for _ in range(6):
            client.send(make_request("/open/"))
            refused = await read_answer(client)
            assert (refused.status, reason(refused)) == (500, "internal_error")
    client.send(make_request("/open/"))

    assert (await read_answer(client)).status == 200
    assert gateway.metric("gateway_upstream_breaker_opened_total", upstream="main") == 0
    assert "gateway_upstream_failures_total{" not in gateway.page()
    causes = {told["exception"].__cause__.errno for told in reports}
    assert causes == {errno.EMFILE}


async def test_a_health_check_without_a_descriptor_says_nothing_about_the_service(
    service: Service, start_gateway: StartGateway
) -> None:
    """It failed, and the server was left out until two checks held in a row."""
    service.script = echo
    reports: list[dict[str, Any]] = []
    health = {"path": "/health", "interval": "1s", "unhealthy_after": 1}
    gateway = await start_gateway(upstream={"health": health})
    client = await gateway.connect()
    is_over = asyncio.Event()

    def report(_loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        reports.append(told)
        is_over.set()

    asyncio.get_running_loop().set_exception_handler(report)
    with no_descriptors():
        await is_over.wait()
    client.send(make_request("/open/"))

    assert (await read_answer(client)).status == 200
    assert {told["message"] for told in reports} == {"unexpected error in a health check"}
    failed = [line for line in gateway.page().splitlines() if "failed_checks_total{" in line]
    assert [line.rpartition(" ")[2] for line in failed] == ["0.0"]
