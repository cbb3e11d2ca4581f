"""The access log and the counts: one line and one count for each request, without its secrets."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from jwt.algorithms import ECAlgorithm

from gateway.telemetry.logs.access_line import recall_reason
from tests.keyring.peers import body, gate, issuer_peer
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import (
    AUDIENCE,
    ISSUER,
    RunningGateway,
    bearer,
    good_token,
    make_token,
)
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_answer, make_request, read_answer, read_head
from tests.proxy.service import Script, Service, serve
from tests.proxy.wire import Wire
from tests.tokens import make_private, mint


class Log:
    """The access log of a gateway, whole once it is stopped."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.text = ""

    async def lines(self, gateway: RunningGateway) -> list[dict[str, Any]]:
        """Stop *gateway* and return its lines."""
        await gateway.stop()
        self.text += self._capture.readouterr().out
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Log:
    return Log(capfd)


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("target", ["/api/x", "/admin/x", "/nowhere", "/api/x%"])
@pytest.mark.parametrize("lines", [[bearer()], []], ids=["with a token", "without"])
async def test_a_line_names_the_trace_of_its_request_whatever_becomes_of_it(
    start_gateway: StartGateway, log: Log, target: str, lines: list[bytes]
) -> None:
    gateway = await start_gateway(access_log="stdout")
    await gateway.ask(make_request(target, *lines, f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01"))
    await gateway.ask(make_request(target, *lines, f"traceparent: 00-{TRACE}-00f067aa0ba902b7-1"))

    with_trace, without = await log.lines(gateway)

    assert list(with_trace)[:3] == ["time", "id", "trace_id"]
    assert with_trace["trace_id"] == TRACE
    assert "trace_id" not in without


async def test_an_allowed_request_is_one_line(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(access_log="stdout")
    await gateway.ask(make_request("/api/orders?secret=1", bearer(), method="POST", body=b"12345"))

    (line,) = await log.lines(gateway)

    assert line.pop("time").endswith("Z")
    assert line.pop("duration_ms") >= line.pop("upstream_ms") > 0
    assert line == {
        "id": service.requests[0].one(b"x-request-id").decode(),
        "client": "127.0.0.1",
        "method": "POST",
        "host": "gateway.test",
        "path": "/api/orders",
        "route": "api",
        "upstream": "main",
        "status": 200,
        "reason": None,
        "detail": None,
        "subject": "alice",
        "issuer": "main",
        "sent_bytes": 5,
        "received_bytes": 5,
    }


async def test_a_refused_request_is_one_line_that_says_why(
    start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(access_log="stdout")
    answer = await gateway.ask(make_request("/admin/x?a=b", bearer()))

    (line,) = await log.lines(gateway)

    assert line["id"] == answer.one(b"x-request-id").decode()
    assert (line["status"], line["reason"]) == (403, "scope_missing")
    assert (line["route"], line["subject"], line["issuer"]) == ("admin", "alice", "main")
    assert (line["path"], line["upstream_ms"]) == ("/admin/x", None)
    assert line["detail"]


async def test_each_pipelined_request_is_one_line_in_order(
    start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(access_log="stdout")
    client = await gateway.connect()
    client.send(
        make_request("/open/1") + make_request("/api/2") + make_request("/open/3", host=None)
    )
    await client.wait_end()

    lines = await log.lines(gateway)

    assert [(line["path"], line["status"]) for line in lines] == [
        ("/open/1", 200),
        ("/api/2", 401),
        ("/open/3", 400),
    ]


async def test_a_malformed_request_is_one_line(start_gateway: StartGateway, log: Log) -> None:
    gateway = await start_gateway(access_log="stdout")
    await gateway.ask(b"\x16\x03\x01 this is no HTTP\r\n\r\n")

    (line,) = await log.lines(gateway)

    assert (line["status"], line["reason"]) == (400, "request_malformed")
    assert (line["route"], line["method"]) == (None, None)


async def test_a_client_that_left_is_499(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    async def never_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)

    service.script = never_answer
    gateway = await start_gateway(access_log="stdout")
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await service.request()
    client.reset()
    await (await service.connection()).wait_end()

    (line,) = await log.lines(gateway)

    assert (line["status"], line["reason"], line["upstream_ms"]) == (499, None, None)


async def test_a_client_that_left_before_the_decision_does_not_count_as_allowed(
    start_gateway: StartGateway, log: Log
) -> None:
    """Nobody knows, for the key that its token asks for did not come yet."""
    jwk = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)
    good = body(json.dumps({"keys": [{**jwk, "kid": "k1", "alg": "ES256"}]}).encode())
    waiting, opened = gate(good)
    asked = asyncio.Event()

    async def ask_and_wait(request: web.Request) -> web.StreamResponse:
        asked.set()
        return await waiting(request)

    async with issuer_peer() as issuer:
        issuer.answer = good
        main = {"issuer": ISSUER, "jwks_url": f"{issuer.url}/jwks", "audiences": [AUDIENCE]}
        gateway = await start_gateway(access_log="stdout", issuers={"main": main})
        issuer.answer = ask_and_wait
        client = await gateway.connect()
        client.send(make_request("/api/x", wanting("k9")))
        await asked.wait()
        client.reset()
        await gateway.wait_still(lambda: int(gateway.metric("gateway_connections_open")))
        opened.set()

        line, *others = await log.lines(gateway)

    assert (line["path"], line["status"], line["reason"]) == ("/api/x", 499, None)
    assert {other["path"] for other in others} == {"/nowhere"}
    assert gateway.metric("gateway_decisions_total", route="", reason="allow") == 0
    assert gateway.metric("gateway_decisions_total", route="api", reason="allow") == 0


async def test_a_response_cut_short_is_one_line_with_the_reason(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    async def cut_short(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await head_arrived.wait()
        wire.close()

    head_arrived = asyncio.Event()
    service.script = cut_short
    gateway = await start_gateway(access_log="stdout")
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await read_head(client)
    head_arrived.set()
    await client.wait_end()

    (line,) = await log.lines(gateway)

    assert (line["status"], line["reason"]) == (200, "upstream_invalid")


async def test_a_tunnel_is_one_line_when_it_ends(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    async def switch(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.send(SWITCHED + b"from service")
        await wire.read(4)
        wire.close()

    service.script = switch
    gateway = await start_gateway(access_log="stdout")
    client = await gateway.connect()
    client.send(make_request("/open-socket/", *UPGRADE))
    await read_head(client)
    client.send(b"ping")
    await client.wait_end()
    client.close()
    await gateway.wait_still(lambda: int(gateway.metric("gateway_tunnels_open")))

    line, *others = await log.lines(gateway)

    assert (line["status"], line["sent_bytes"], line["received_bytes"]) == (101, 12, 4)
    assert {other["path"] for other in others} == {"/nowhere"}


async def test_no_line_has_a_token_or_a_query(start_gateway: StartGateway, log: Log) -> None:
    """6750.10, CVE-2020-7694: and nothing from outside splits a line."""
    gateway = await start_gateway(access_log="stdout")
    token = good_token().decode()
    hostile = make_token(sub='a"\n{"status": 200}\r\x1b[31m')
    for request in (
        make_request(f"/open/?access_token={token}"),
        make_request("/api/x", bearer()),
        make_request("/api/x", bearer(hostile)),
        make_request("/api/x", f"Authorization: Bearer {token}x"),
        make_request("/api/x", f"Authorization: {token}"),
        make_request("/api/x", bearer(), bearer()),
        make_request("/open/%0d%0a%1b", host='a"b'),
    ):
        await gateway.ask(request)

    lines = await log.lines(gateway)

    assert len(lines) == 7
    assert "eyJ" not in log.text
    assert "access_token" not in log.text
    assert log.text.isprintable() or set(log.text) - {"\n"} <= set(map(chr, range(32, 127)))


# --- a key that is not known


def wanting(kid: str | None) -> bytes:
    """Return the credentials of a token that wants the key *kid*."""
    return bearer(mint(make_private("ES256"), "ES256", {"iss": ISSUER}, kid=kid))


async def test_an_unknown_key_is_named_with_the_known_ones(
    start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(access_log="stdout")
    answer = await gateway.ask(make_request("/api/x", wanting("k9")))

    (line,) = await log.lines(gateway)

    *told, age = line["detail"].split("; ")
    assert told == [
        "no key of the issuer matches the token's key id and algorithm",
        "wanted from main: 'k9' for ES256",
        "keys held: 'k1'",
    ]
    assert age.startswith("fetched ")
    assert (line["reason"], line["subject"], line["issuer"]) == ("key_unknown", None, None)
    said = b"%b %b" % (answer.body, b" ".join(value for _, value in answer.fields))
    assert b"k9" not in said
    assert b"k1" not in said


async def test_the_error_of_fetching_a_key_is_in_the_line(
    start_gateway: StartGateway, log: Log
) -> None:
    async with issuer_peer() as issuer:
        jwk = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)
        keys = [{**jwk, "kid": kid, "alg": "ES256"} for kid in ("a", "b")]
        issuer.answer = body(json.dumps({"keys": keys}).encode())
        main = {"issuer": ISSUER, "jwks_url": f"{issuer.url}/jwks", "audiences": [AUDIENCE]}
        gateway = await start_gateway(access_log="stdout", issuers={"main": main})
        issuer.answer = body(b"", status=500)

        await gateway.ask(make_request("/api/x", wanting("k9")))

        (line,) = await log.lines(gateway)

    named = line["detail"].split("; ")
    assert named[1:3] == ["wanted from main: 'k9' for ES256", "keys held: 'a', 'b'"]
    assert named[-1] == f"last error: {issuer.url}/jwks: status 500 instead of 200"


async def test_no_key_id_forges_a_line_shows_a_token_or_evicts_what_is_remembered(
    start_gateway: StartGateway, log: Log
) -> None:
    """6750.10, 8725.8, CVE-2020-7694: it is text that strangers choose."""
    gateway = await start_gateway(access_log="stdout")
    token = good_token().decode()
    hostile = [
        'k"}\n{"status":200}', "k\r\nX", "\x1b[31m", "\u202e", "\x7f", "\x00", "é" * 64, "k" * 1024,
        token[:1024], token.split(".")[0], token.split(".")[1], "'; keys held: 'k9", "../../etc",
    ]  # fmt: skip
    await gateway.ask(make_request("/api/x", wanting("k9")))
    misses = recall_reason.cache_info().misses

    for kid in hostile:
        assert (await gateway.ask(make_request("/api/x", wanting(kid)))).status == 401

    assert recall_reason.cache_info().misses == misses
    lines = await log.lines(gateway)
    assert {line["reason"] for line in lines} == {"key_unknown"}
    assert "eyJ" not in log.text
    assert set(log.text) - {"\n"} <= set(map(chr, range(32, 127)))
    told = [line["detail"].split("; wanted from main: ")[1] for line in lines]
    assert len(told) == len(hostile) + 1
    assert all(detail.count(" for ES256; keys held: 'k1'; fetched ") == 1 for detail in told)


async def test_the_client_behind_a_trusted_proxy_is_the_one_it_names(
    start_gateway: StartGateway, log: Log
) -> None:
    gateway = await start_gateway(access_log="stdout", trusted_proxies=["127.0.0.1/32"])
    await gateway.ask(make_request("/open/", "X-Forwarded-For: 203.0.113.9"))
    await gateway.ask(make_request("/open/"))

    lines = await log.lines(gateway)

    assert [line["client"] for line in lines] == ["203.0.113.9", "127.0.0.1"]


def answers(gateway: RunningGateway, **labels: str) -> float:
    """Return how many GET requests were answered so."""
    count = "http_server_request_duration_seconds_count"
    return gateway.metric(count, http_request_method="GET", **labels)


async def test_requests_are_counted_by_route_and_outcome(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = serve(make_answer(b"", status=201))
    client = await gateway.connect()
    for request in (
        *[make_request("/open/")] * 3,
        *[make_request("/api/x")] * 2,
        make_request("/nowhere"),
    ):
        client.send(request)
        await read_answer(client)

    def decisions(route: str, reason: str) -> float:
        return gateway.metric("gateway_decisions_total", route=route, reason=reason)

    assert decisions("open", "allow") == 3
    assert decisions("api", "token_missing") == 2
    assert decisions("", "route_not_found") == 1
    assert answers(gateway, http_route="open", http_response_status_code="201") == 3
    assert answers(gateway, http_route="api", http_response_status_code="401") == 2
    assert gateway.metric("http_server_active_requests") == 0
    assert gateway.metric("gateway_connections_open") == 1


# --- what services took, and what the gateway did


def begun(gateway: RunningGateway, method: str, status: str) -> float:
    """Return how many answers the service began so."""
    count = "http_client_request_duration_seconds_count"
    labels = {"http_request_method": method, "http_response_status_code": status}
    return gateway.metric(count, upstream="main", **labels)


async def test_responses_of_upstreams_are_counted_by_upstream_method_and_status(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = serve(make_answer(b"", status=201), make_answer(b"", status=404))
    await gateway.ask(make_request("/open/", method="POST", body=b"1"))
    await gateway.ask(make_request("/open/"))
    await gateway.ask(make_request("/api/"))  # which no service sees

    assert (begun(gateway, "POST", "201"), begun(gateway, "GET", "404")) == (1, 1)
    assert gateway.metric("http_client_request_duration_seconds_count", upstream="main") == 0


async def test_a_response_counts_as_the_upstream_sent_it_even_if_the_client_left(
    service: Service, gateway: RunningGateway
) -> None:
    async def answer_half(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        await wire.wait_end()

    service.script = answer_half
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await client.read_until(b"12345")
    client.reset()
    await (await service.connection()).wait_end()

    assert begun(gateway, "GET", "200") == 1
    assert answers(gateway, http_route="open", http_response_status_code="499") == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SMTP\r\n\r\n", "upstream_invalid"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "upstream_invalid"),
        (None, "upstream_unreachable"),
    ],
)
async def test_a_request_without_a_response_is_a_failure_of_the_upstream(
    answer: bytes | None, reason: str, service: Service, gateway: RunningGateway
) -> None:
    async def fail(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        if answer is not None:
            wire.send(answer)
        wire.close()

    service.script = fail
    client = await gateway.connect()
    client.send(make_request("/open/"))
    await client.read_until(b"\r\n\r\n")

    def failures() -> int:
        labels = {"upstream": "main", "reason": reason}
        return int(gateway.metric("gateway_upstream_failures_total", **labels))

    assert await gateway.wait_still(failures) == 1


async def test_a_refusal_is_no_failure_of_an_upstream(gateway: RunningGateway) -> None:
    await gateway.ask(make_request("/api/"))
    await gateway.ask(make_request("/api/", bearer(b"x")))

    assert "gateway_upstream_failures_total{" not in gateway.page()


def measured(gateway: RunningGateway) -> float:
    """Return how many requests told what the gateway took for itself."""
    return gateway.metric("gateway_overhead_seconds_count")


PLAIN = make_request("/open/")


async def test_overhead_is_measured_on_requests_that_waited_for_the_upstream_alone(
    gateway: RunningGateway,
) -> None:
    client = await gateway.connect()
    for _ in range(10):
        client.send(PLAIN)
        await read_answer(client)

    assert measured(gateway) == 2  # the second and the tenth
    total = gateway.metric("gateway_overhead_seconds_sum")
    assert (
        0
        < total
        < gateway.metric(
            "http_server_request_duration_seconds_sum",
            http_route="open",
            http_request_method="GET",
            http_response_status_code="200",
        )
    )


async def in_pieces(service: Service, wire: Wire) -> None:
    """Answer the first request whole, and all others in two pieces."""
    await service.read_request(wire)
    wire.send(make_answer(b"hello"))
    while True:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12")
        await asyncio.sleep(0.02)
        wire.send(b"34")


SOCKET = make_request("/open-socket/")


@pytest.mark.parametrize(
    ("requests", "script"),
    [
        ([PLAIN, make_request("/open/", method="POST", body=b"1")], serve(make_answer(b""))),
        ([PLAIN, PLAIN], in_pieces),
        ([SOCKET, make_request("/open-socket/", *UPGRADE)], serve(make_answer(b""), SWITCHED)),
        ([PLAIN + PLAIN], serve(make_answer(b""))),
        ([make_request("/api/x")] * 3, serve(make_answer(b""))),
    ],
    ids=["a body", "an answer in pieces", "a tunnel", "one behind another", "refusals"],
)
async def test_requests_that_waited_for_others_do_not_count_as_overhead(
    requests: list[bytes], script: Script, service: Service, gateway: RunningGateway
) -> None:
    """In each case the second would be measured else: it has a connection to the service."""
    service.script = script
    client = await gateway.connect()
    for request in requests:
        client.send(request)
        for _ in range(request.count(b"HTTP/1.1")):
            await client.read_until(b"\r\n\r\n")
    client.reset()

    assert await gateway.wait_still(lambda: int(measured(gateway))) == 0
