"""What a trace collector and the upstreams learn about a request."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import AUTHORITY, serving
from tests.http.reading.test_trace_context import MALFORMED
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, make_token
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_answer, make_request, read_answer, read_head
from tests.proxy.service import Service, serve
from tests.proxy.tls_service import running_tls_service
from tests.proxy.wire import Wire
from tests.telemetry.collector import Collector, Seen, running_collector

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SAMPLED = f"traceparent: 00-{TRACE}-{PARENT}-01"
UNSAMPLED = f"traceparent: 00-{TRACE}-{PARENT}-00"


MALFORMED_ON_THE_WIRE = [value for value in MALFORMED.values() if b"\n" not in value]


@pytest.fixture(name="collector")
async def make_collector() -> AsyncIterator[Collector]:
    async with running_collector() as collector:
        yield collector


def tracing(collector: Collector, sample: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"tracing": {"otlp": collector.url, "sample": sample, **more}}


async def spans_of(gateway: RunningGateway, collector: Collector) -> list[Seen]:
    """Return the spans of *gateway*, which is stopped."""
    await gateway.stop()
    return collector.spans


async def one_of(gateway: RunningGateway, collector: Collector) -> Seen:
    """Return the only span of *gateway*, which is stopped."""
    (span,) = await spans_of(gateway, collector)
    return span


def as_bytes(line: bytes | str) -> bytes:
    return line if isinstance(line, bytes) else line.encode()


def told(service: Service, number: int = 0) -> list[str]:
    """Return the parts of the traceparent that a service got."""
    return service.requests[number].one(b"traceparent").decode().split("-")


async def test_a_request_is_a_span_and_so_is_the_request_to_the_upstream(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    gateway = await start_gateway(**tracing(collector))
    await gateway.ask(make_request("/api/orders/1?secret=1", bearer(), host="a.test:8080"))

    asked, sent = await spans_of(gateway, collector)

    assert (asked.name, asked.kind, asked.failed) == ("GET /api/*", "SERVER", False)
    assert asked.attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/api/orders/1",
        "server.address": "a.test",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "gateway.request_id": service.requests[0].one(b"x-request-id").decode(),
        "http.route": "/api/*",
        "gateway.route": "api",
        "gateway.upstream": "main",
        "http.response.status_code": 200,
    }
    host, port = service.address
    assert (sent.name, sent.kind, sent.failed) == ("GET", "CLIENT", False)
    assert sent.attributes == {
        "http.request.method": "GET",
        "url.full": f"http://{host}:{port}/api/orders/1",
        "server.address": host,
        "server.port": port,
        "network.protocol.version": "1.1",
        "gateway.upstream": "main",
        "http.response.status_code": 200,
    }
    assert asked.start_ns <= sent.start_ns <= sent.end_ns <= asked.end_ns


async def test_upstreams_continue_below_the_span_of_the_request_to_them(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    gateway = await start_gateway(**tracing(collector))
    await gateway.ask(make_request("/open/x"))

    asked, sent = await spans_of(gateway, collector)

    assert told(service) == ["00", asked.trace_id, sent.span_id, "01"]
    assert (asked.parent_id, sent.parent_id) == ("", asked.span_id)
    assert sent.trace_id == asked.trace_id


async def test_the_caller_s_span_is_the_parent(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    gateway = await start_gateway(**tracing(collector, sample=0))
    await gateway.ask(make_request("/open/x", SAMPLED, "tracestate: foo=1, bar=2"))

    asked, sent = await spans_of(gateway, collector)

    assert (asked.trace_id, asked.parent_id, asked.tracestate) == (TRACE, PARENT, "foo=1,bar=2")
    assert told(service) == ["00", TRACE, sent.span_id, "01"]
    assert service.requests[0].one(b"tracestate") == b"foo=1,bar=2"


async def test_an_unsampled_request_has_no_span_and_the_upstream_learns_that(
    service: Service,
    start_gateway: StartGateway,
    collector: Collector,
    capfd: pytest.CaptureFixture[str],
) -> None:
    gateway = await start_gateway(**tracing(collector, sample=0), access_log="stdout")
    for lines in ([], [UNSAMPLED], ["traceparent: 00", "tracestate: foo=1"]):
        await gateway.ask(make_request("/open/x", *lines))

    assert await spans_of(gateway, collector) == []

    begun, unchanged, restarted = (told(service, number) for number in range(3))
    assert unchanged == ["00", TRACE, PARENT, "00"]
    assert (begun[3], restarted[3]) == ("00", "00")
    assert not service.requests[2].has(b"tracestate")
    logged = [json.loads(line)["trace_id"] for line in capfd.readouterr().out.splitlines()]
    assert logged == [begun[1], TRACE, restarted[1]]
    assert len(set(logged)) == 3


async def test_strangers_are_sampled_at_a_bounded_rate_and_trusted_proxies_always(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    strange = await start_gateway(**tracing(collector, sample=0, asked_per_second=0))
    await strange.ask(make_request("/open/x", SAMPLED))
    assert await spans_of(strange, collector) == []
    version, trace_id, parent_id, flags = told(service)
    assert (version, trace_id, flags) == ("00", TRACE, "00")
    assert parent_id != PARENT

    trusting = await start_gateway(
        **tracing(collector, sample=0, asked_per_second=0), trusted_proxies=["127.0.0.1"]
    )
    await trusting.ask(make_request("/open/x", SAMPLED, "X-Forwarded-For: 192.0.2.7"))
    asked, _ = await spans_of(trusting, collector)
    assert asked.parent_id == PARENT
    assert asked.attributes["client.address"] == "192.0.2.7"


@pytest.mark.parametrize(
    "lines",
    [
        *([b"traceparent: " + value, b"tracestate: foo=1"] for value in MALFORMED_ON_THE_WIRE),
        [f"traceparent: 00-{TRACE}-{PARENT}-01", f"traceparent: 00-{TRACE}-{PARENT}-01"],
        [f"trace-parent: 00-{TRACE}-{PARENT}-01", f"trace.parent: 00-{TRACE}-{PARENT}-01"],
    ],
)
async def test_an_invalid_trace_is_replaced_by_a_new_one(
    service: Service, start_gateway: StartGateway, collector: Collector, lines: list[bytes | str]
) -> None:
    """§4.3, and the test suite of the W3C."""
    gateway = await start_gateway(**tracing(collector))
    await gateway.ask(make_request("/open/x", *lines))

    asked, sent = await spans_of(gateway, collector)

    assert told(service) == ["00", asked.trace_id, sent.span_id, "01"]
    assert asked.trace_id not in b" ".join(map(as_bytes, lines)).decode("latin-1")
    assert asked.parent_id == asked.tracestate == ""
    assert not service.requests[0].has(b"tracestate")


async def test_a_span_says_that_tls_was_used(
    start_gateway: StartGateway, collector: Collector, tmp_path: Path
) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with running_tls_service(serving(AUTHORITY.issue_cert("127.0.0.1"))) as service:
        gateway = await start_gateway(
            [service.url], **tracing(collector), upstream={"tls": {"ca": "ca.pem"}}
        )
        await gateway.ask(make_request("/open/x?q"))

        _, sent = await spans_of(gateway, collector)

    assert sent.attributes["url.full"] == f"{service.url}/open/x"


REFUSED: list[tuple[bytes, int, str, str | None]] = [
    (make_request("/api/x"), 401, "token_missing", "api"),
    (make_request("/api/x", bearer(make_token("other"))), 403, "scope_missing", "api"),
    (make_request("/api/x", method="POST", body=b"x"), 401, "token_missing", "api"),
    (make_request("/nowhere"), 404, "route_not_found", None),
    (make_request("/api/../x"), 400, "path_rejected", None),
    (make_request("/api/x", method="TRACE"), 501, "not_supported", None),
    (make_request("/api/x", host="a,b"), 400, "request_malformed", None),
]


@pytest.mark.parametrize(("request_bytes", "status", "reason", "route"), REFUSED)
async def test_a_refusal_is_a_span_with_its_reason(
    start_gateway: StartGateway,
    collector: Collector,
    request_bytes: bytes,
    status: int,
    reason: str,
    route: str | None,
) -> None:
    """Semantic conventions: what is the client's fault is no error of the server's."""
    gateway = await start_gateway(**tracing(collector))
    await gateway.ask(request_bytes)

    span = await one_of(gateway, collector)

    assert span.attributes["gateway.reason"] == reason
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes.get("gateway.route") == route
    assert ("http.route" in span.attributes) == (route is not None)
    assert span.failed == (status >= 500)
    assert span.attributes.get("error.type") == (reason if status >= 500 else None)


async def test_an_unreachable_upstream_is_an_error(
    start_gateway: StartGateway, collector: Collector
) -> None:
    gateway = await start_gateway(["http://127.0.0.1:1"], **tracing(collector))
    await gateway.ask(make_request("/open/x"))

    span = await one_of(gateway, collector)

    assert span.failed
    assert span.attributes["error.type"] == "upstream_unreachable"


@pytest.mark.parametrize(
    ("status", "asked_failed", "sent_failed"), [(404, False, True), (500, True, True)]
)
async def test_a_failed_response_is_an_error_of_the_side_that_caused_it(
    service: Service,
    start_gateway: StartGateway,
    collector: Collector,
    status: int,
    asked_failed: bool,
    sent_failed: bool,
) -> None:
    service.script = serve(make_answer(status=status))
    gateway = await start_gateway(**tracing(collector))
    await gateway.ask(make_request("/open/x"))

    asked, sent = await spans_of(gateway, collector)

    assert (asked.failed, sent.failed) == (asked_failed, sent_failed)
    assert asked.attributes["http.response.status_code"] == status
    assert sent.attributes["http.response.status_code"] == status
    assert sent.attributes["error.type"] == str(status)


async def test_an_invalid_response_has_no_status_of_the_upstream(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    service.script = serve(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")
    gateway = await start_gateway(**tracing(collector))
    await gateway.ask(make_request("/open/x"))

    asked, sent = await spans_of(gateway, collector)

    assert asked.attributes["http.response.status_code"] == 502
    assert asked.failed
    assert "http.response.status_code" not in sent.attributes
    assert sent.attributes["error.type"] == "upstream_invalid"


async def test_a_client_that_disconnected_is_recorded(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    async def never_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)

    service.script = never_answer
    gateway = await start_gateway(**tracing(collector))
    wire = await gateway.connect()
    wire.send(make_request("/open/x"))
    await service.request()
    wire.reset()
    await (await service.connection()).wait_end()

    asked, sent = await spans_of(gateway, collector)

    assert asked.attributes["error.type"] == "client_gone"
    assert "http.response.status_code" not in asked.attributes | sent.attributes
    assert not asked.failed


async def test_a_refusal_in_report_mode_is_recorded(
    start_gateway: StartGateway, collector: Collector
) -> None:
    route = {
        "name": "api", "match": {"path": "/api/{id}"}, "upstream": "main",
        "require": {"scopes": ["api:read"]}, "mode": "report",
    }  # fmt: skip
    gateway = await start_gateway(**tracing(collector), routes=[route])
    await gateway.ask(make_request("/api/x"))

    asked, _ = await spans_of(gateway, collector)

    assert asked.attributes["gateway.would_deny"] == "token_missing"
    assert asked.attributes["http.route"] == "/api/{id}"
    assert "gateway.reason" not in asked.attributes


async def test_a_tunnel_is_a_span_as_long_as_it_lasted(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(SWITCHED)
        await wire.wait_end()

    service.script = switch
    gateway = await start_gateway(**tracing(collector))
    wire = await gateway.connect()
    wire.send(make_request("/open-socket/x", *UPGRADE))
    await read_head(wire)
    wire.transport.abort()
    await (await service.connection()).wait_end()

    asked, sent = await spans_of(gateway, collector)

    assert asked.attributes["http.response.status_code"] == 101
    assert sent.attributes["http.response.status_code"] == 101


async def test_an_unknown_method_is_an_attribute_of_its_own(
    start_gateway: StartGateway, collector: Collector
) -> None:
    gateway = await start_gateway(**tracing(collector))
    await gateway.ask(make_request("/open/x", method="PURGE"))

    asked, _ = await spans_of(gateway, collector)

    assert asked.name == "HTTP /open/*"
    assert asked.attributes["http.request.method"] == "_OTHER"
    assert asked.attributes["http.request.method_original"] == "PURGE"


async def test_each_request_of_a_connection_has_a_trace_of_its_own(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    gateway = await start_gateway(**tracing(collector, sample=0))
    wire = await gateway.connect()
    for _ in range(4):  # the last ones repeat what was read before, byte for byte
        wire.send(make_request("/api/x", bearer()))
        await read_answer(wire)

    traces = [told(service, number)[1] for number in range(4)]
    assert len(set(traces)) == 4


@pytest.mark.parametrize("fault", ["hangs", "refuses", "is gone"])
async def test_an_unavailable_collector_does_not_affect_requests(
    start_gateway: StartGateway, fault: str
) -> None:
    async with running_collector() as collector:
        gateway = await start_gateway(**tracing(collector))
        collector.is_hanging = fault == "hangs"
        collector.statuses = [503]
        if fault != "is gone":
            await ask_often(gateway)
    if fault == "is gone":
        await ask_often(gateway)

    dropped = gateway.metric("gateway_spans_dropped_total", cause="queue_full")
    assert dropped > 0
    assert gateway.metric("gateway_spans_exported_total") == 0
    await gateway.stop()


async def ask_often(gateway: RunningGateway) -> None:
    """Ask so often that more spans result than may wait; every request is answered."""
    wires = [await gateway.connect() for _ in range(4)]

    async def ask(wire: Wire) -> None:
        for _ in range(400):
            wire.send(make_request("/open/x"))
            assert (await read_answer(wire)).status == 200

    await asyncio.gather(*map(ask, wires))


async def test_a_reload_turns_tracing_on_and_off(
    service: Service, start_gateway: StartGateway, collector: Collector
) -> None:
    gateway = await start_gateway()
    traced = await start_gateway(**tracing(collector))
    off, on = (one.gateway.data._serving.settings for one in (gateway, traced))
    await traced.stop()

    for settings in (off, on, off):
        await gateway.gateway.reload(settings)
        await gateway.ask(make_request("/open/x"))

    assert [request.has(b"traceparent") for request in service.requests] == [False, True, False]
    assert len(await spans_of(gateway, collector)) == 2
