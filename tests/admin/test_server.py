import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.admin.server import AdminServer
from gateway.reloading.report import ReloadOutcome, ReloadReport, report_as_json
from gateway.reloading.requests import ReloadRequests
from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.settings.values.configuration import Address, Admin
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.exposition import Exposition
from tests.admin.peers import AdminPort, FakeGateway, admin_port


async def test_livez_is_ok_even_when_not_ready() -> None:
    """A gateway that drains or waits for keys must not be killed for it."""
    async with admin_port() as port:
        port.gateway.not_ready = ("draining",)
        answer = await port.ask("/livez")

    assert (answer.status, answer.body) == (200, b"ok")


async def test_readyz_is_ok_when_nothing_is_missing() -> None:
    async with admin_port() as port:
        answer = await port.ask("/readyz")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.body) == {
        "ready": True,
        "not_ready": [],
        "issuers": [],
        "revocations": [],
    }


@pytest.mark.parametrize(("not_ready", "status"), [((), 200), (("draining",), 503)])
async def test_readyz_tells_how_the_keys_of_every_issuer_stand(
    not_ready: tuple[str, ...], status: int
) -> None:
    issuers = ({"name": "main", "stale": True, "age_seconds": 1.5}, {"name": "other"})
    async with admin_port() as port:
        port.gateway.not_ready, port.gateway.issuers = not_ready, issuers
        answer = await port.ask("/readyz")

    assert answer.status == status
    assert json.loads(answer.body)["issuers"] == list(issuers)


async def test_readyz_names_all_that_is_missing() -> None:
    """Keys never loaded means not ready, never open."""
    async with admin_port() as port:
        port.gateway.not_ready = ("issuer main: no keys", "draining")
        answer = await port.ask("/readyz")

    assert answer.status == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(answer.body)["not_ready"] == ["issuer main: no keys", "draining"]


async def test_readyz_follows_the_gateway() -> None:
    async with admin_port() as port:
        port.gateway.not_ready = ("draining",)
        before = await port.ask("/readyz")
        port.gateway.not_ready = ()
        after = await port.ask("/readyz")

    assert (before.status, after.status) == (503, 200)


async def test_status_is_what_the_gateway_says() -> None:
    members = {"version": "1.2.3", "draining": False, "issuers": [{"name": "m\u00e9"}]}
    async with admin_port() as port:
        port.gateway.members = members
        answer = await port.ask("/status")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.body) == members


async def test_metrics_are_read_by_prometheus() -> None:
    exposition = Exposition(
        issuers=tuple, revocations=tuple, pids=tuple, restarts=tuple, is_ready=bool, digest=str
    )
    async with admin_port() as port:
        port.gateway.page = exposition.expose(Metrics())
        answer = await port.ask("/metrics")

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(answer.body.decode())}
    assert "gateway_connections_open" in names


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/status"])
async def test_head_has_no_body(path: str) -> None:
    async with admin_port() as port:
        answer = await port.ask(path, "HEAD")

    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "line", [b"Authorization: Bearer hush\0", b"Authorization: hush" + b"." * 20_000, b"hush"]
)
async def test_a_broken_request_is_one_line_in_the_log_and_nothing_of_it(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """6750.10: a token is never logged."""
    async with admin_port("x" * 32) as port:
        reader, writer = await asyncio.open_connection(*port.server.address)
        writer.write(b"GET /status HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n")
        answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.0 400 ")
    assert caplog.messages == ["Error handling request from 127.0.0.1"]
    assert "hush" not in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_port_in_use_is_an_os_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = Address("127.0.0.1", taken.getsockname()[1])

        with pytest.raises(OSError, match="address already in use"):
            await AdminServer(Admin(address, None), FakeGateway(), ReloadRequests()).start()


async def test_a_stopped_port_takes_no_connections() -> None:
    async with admin_port() as port:
        host, number = port.server.address
        await port.server.stop()

        with socket.socket() as client:
            assert client.connect_ex((host, number)) != 0


JSON = {"Content-Type": "application/json"}


async def test_however_many_ask_one_explanation_is_made_at_a_time() -> None:
    """Each compares thousands of routes: together they would take requests' time."""
    async with admin_port() as port:
        asked = [port.ask("/explain", "POST", JSON, b'{"url": "https://a/b"}') for _ in range(5)]
        answers = await asyncio.gather(*asked)

    assert [answer.status for answer in answers] == [200] * 5
    assert port.gateway.explained_at_once == 1


async def test_what_would_become_of_a_request_is_explained() -> None:
    async with admin_port() as port:
        answer = await port.ask("/explain", "POST", JSON, b'{"url": "https://a/b", "token": "x"}')

    assert (answer.status, json.loads(answer.body)) == (200, {"verdict": "allow"})
    (question,) = port.gateway.questions
    assert (question.request.line, question.token) == ("GET a/b", b"x")


@pytest.mark.parametrize(
    ("headers", "body", "status", "detail"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415, "the body is application/json"),
        (JSON, b"", 400, "the body is not a JSON object: not valid JSON"),
        (
            JSON,
            b'{"url": "hush"}',
            400,
            "not a URL: write it like https://api.example.com/orders/7",
        ),
        (JSON, b'{"token": "' + b"h" * 65_536 + b'"}', 413, "the body has at most 65536 bytes"),
        (
            {**JSON, "Content-Encoding": "gzip"},
            b'{"token": "hush"}',
            400,
            "the body is not encoded as its head declares",
        ),
    ],
)
async def test_what_is_no_question_is_a_problem(
    headers: dict[str, str], body: bytes, status: int, detail: str
) -> None:
    async with admin_port() as port:
        answer = await port.ask("/explain", "POST", headers, body)

    assert (answer.status, json.loads(answer.body)["detail"]) == (status, detail)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert port.gateway.questions == []


async def test_who_leaves_in_the_middle_of_a_question_is_no_bug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with admin_port() as port:
        _, writer = await asyncio.open_connection(*port.server.address)
        writer.write(
            b"POST /explain HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b'Content-Length: 50\r\n\r\n{"token": "hush'
        )
        await writer.drain()
        await port.ask("/livez")
        writer.close()
        await writer.wait_closed()
        await port.ask("/livez")

    assert caplog.messages == []


async def test_explanations_and_refusals_are_asked_for_in_one_way_each() -> None:
    async with admin_port() as port:
        got = await port.ask("/explain")
        posted = await port.ask("/decisions/x", "POST", JSON, b"{}")

    assert [(one.status, one.headers["Allow"]) for one in (got, posted)] == [
        (405, "POST"),
        (405, "GET, HEAD"),
    ]


async def test_a_refusal_that_is_remembered_is_shown_and_another_is_not() -> None:
    async with admin_port() as port:
        port.gateway.decisions = {"0123456789abcd-000000001": {"reason": "token_missing"}}
        known = await port.ask("/decisions/0123456789abcd-000000001")
        unknown = await port.ask("/decisions/hush%22%0a")

    assert (known.status, json.loads(known.body)) == (200, {"reason": "token_missing"})
    assert unknown.status == 404
    assert b"hush" not in unknown.body


# --- reloads

APPLIED = ReloadReport(ReloadOutcome.APPLIED, "ab" * 32)
WARNING = Fault(Place("a.yaml", 3, 4), Code.UNUSED_ISSUER, "nobody", Severity.WARNING)
INVALID = ReloadReport(ReloadOutcome.INVALID, None, "cannot read a.yaml", (WARNING,))


@asynccontextmanager
async def reloading(port: AdminPort, report: ReloadReport) -> AsyncIterator[list[ReloadReport]]:
    """Answer every reload with *report*; yield those that were answered so far."""
    answered: list[ReloadReport] = []

    async def serve() -> None:
        with port.reloads.serve():
            while True:
                turn = await port.reloads.next()
                answered.append(report)
                turn.finish(report)

    task = asyncio.create_task(serve())
    await asyncio.sleep(0)
    try:
        yield answered
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("body", [b"", b"{}", b" { } "])
async def test_a_reload_is_answered_with_what_became_of_it(body: bytes) -> None:
    async with admin_port() as port, reloading(port, APPLIED):
        answer = await port.ask("/reload", "POST", JSON, body)

    assert answer.status == 200
    assert json.loads(answer.body) == report_as_json(APPLIED)


async def test_a_reload_that_is_refused_is_a_problem_with_all_that_is_wrong() -> None:
    """So that `curl --fail` fails."""
    async with admin_port() as port, reloading(port, INVALID):
        answer = await port.ask("/reload", "POST", JSON, b"{}")

    assert answer.status == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = json.loads(answer.body)
    assert told["detail"] == "the previous configuration stays active"
    assert report_as_json(INVALID).items() <= told.items()


@pytest.mark.parametrize(
    ("body", "is_forced"),
    [(b"", False), (b"{}", False), (b'{"force": false}', False), (b'{"force": true}', True)],
)
async def test_a_reload_is_forced_only_by_a_body_that_says_so(body: bytes, is_forced: bool) -> None:
    async with admin_port() as port:
        with port.reloads.serve():
            asking = asyncio.create_task(port.ask("/reload", "POST", JSON, body))
            turn = await port.reloads.next()
            turn.finish(APPLIED)
            answer = await asking

    assert (answer.status, turn.is_forced) == (200, is_forced)


RELOAD_BODY = 'the body is {}, {"force": true} or nothing'


@pytest.mark.parametrize(
    ("headers", "body", "status", "detail"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415, "the body is application/json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"", 415, None),
        (JSON, b'{"file": "/etc/passwd"}', 400, RELOAD_BODY),
        (JSON, b'{"force": true, "file": "/etc/passwd"}', 400, RELOAD_BODY),
        (JSON, b'{"force": 1}', 400, RELOAD_BODY),
        (JSON, b'{"force": true, "force": true}', 400, RELOAD_BODY),
        (JSON, b"[]", 400, RELOAD_BODY),
        (JSON, b" " * 65_537, 413, "the body has at most 65536 bytes"),
    ],
)
async def test_what_a_website_could_send_or_says_more_than_reload_is_refused(
    headers: dict[str, str], body: bytes, status: int, detail: str | None
) -> None:
    async with admin_port() as port, reloading(port, APPLIED) as answered:
        answer = await port.ask("/reload", "POST", headers, body)

    assert answer.status == status
    assert detail in {None, json.loads(answer.body)["detail"]}
    assert answered == []


async def test_a_reload_is_for_those_with_the_token_alone() -> None:
    async with admin_port("x" * 32) as port, reloading(port, APPLIED) as answered:
        without = await port.ask("/reload", "POST", JSON, b"{}")
        known = {**JSON, "Authorization": f"Bearer {'x' * 32}"}
        having = await port.ask("/reload", "POST", known, b"{}")

    assert (without.status, having.status) == (401, 200)
    assert len(answered) == 1


async def test_where_nobody_reads_the_file_again_that_is_said_at_once() -> None:
    async with admin_port() as port:
        answer = await port.ask("/reload", "POST", JSON, b"{}")

    assert answer.status == 503


async def test_to_get_a_reload_changes_nothing() -> None:
    """A page, or a preview of a link, gets what it likes."""
    async with admin_port() as port, reloading(port, APPLIED) as answered:
        answer = await port.ask("/reload")

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert answered == []
