"""What a rehearsal reads and writes; a law of the data port says that it is what is sent."""

from pathlib import Path
from typing import Any

import pytest

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, NeedKeys, Publish
from gateway.http.rehearsal import Rehearsal
from tests.proxy.gateways import bearer, load, write_config
from tests.proxy.messages import make_request

DECIDED = {"path", "route", "credential"}
NOW = 784111777.9  # the example of RFC 9110 §5.6.7


@pytest.fixture(name="directory")
def make_directory(tmp_path: Path) -> Path:
    return tmp_path


def rehearsal(directory: Path, client: str = "192.0.2.1", **changes: Any) -> Rehearsal:
    return Rehearsal(load(write_config(directory, ["http://a.test"], changes)), client)


def allow(directory: Path, target: bytes = b"/open/x") -> Allow:
    settings = load(write_config(directory, ["http://a.test"], {}))
    return Allow(settings.policy.routes.routes[0], target, None, b"X-Gateway-Subject: a\r\n")


def test_a_service_gets_what_a_rehearsal_writes(directory: Path) -> None:
    stage = rehearsal(directory)
    head = make_request("/open/x", "Accept: */*", "X-Gateway-Subject: forged", "Via: 1.0 b")

    assert stage.render(stage.read(head), allow(directory), NOW) == (
        b"GET /open/x HTTP/1.1\r\nHost: gateway.test\r\nAccept: */*\r\nX-Gateway-Subject: a\r\n"
        b"X-Request-Id: xxxxxxxxxxxxxx-xxxxxxxxx\r\n"
        b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
        b"X-Forwarded-Host: gateway.test\r\n"
        b'Forwarded: for=192.0.2.1;host="gateway.test";proto=http\r\n'
        b"Via: 1.0 b, 1.1 jwt-gateway-xxxxxxxx\r\n\r\n"
    )


def test_what_a_trusted_proxy_says_of_the_client_is_kept(directory: Path) -> None:
    stage = rehearsal(directory, "10.0.0.1", trusted_proxies=["10.0.0.0/8"])
    request = stage.read(make_request("/open/x", "X-Forwarded-For: 203.0.113.9"))

    written = stage.render(request, allow(directory), NOW)

    assert b"X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\n" in written


def test_an_answer_is_written_whole_and_to_head_without_its_body(directory: Path) -> None:
    stage = rehearsal(directory)
    deny = Deny(Reason.TOKEN_MISSING, "no bearer token was sent")

    whole = stage.render(stage.read(make_request("/api/x")), deny, NOW)
    head = stage.render(stage.read(make_request("/api/x", method="HEAD")), deny, NOW)

    start, _, body = whole.partition(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 401 Unauthorized\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
    assert f"Content-Length: {len(body)}".encode() in start
    assert head == start + b"\r\n\r\n"


def test_a_document_is_an_answer_too(directory: Path) -> None:
    stage = rehearsal(directory)

    answer = stage.render(stage.read(make_request("/x")), Publish(b'{"a": 1}'), NOW)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'\r\n\r\n{"a": 1}')


@pytest.mark.parametrize(
    ("request_bytes", "closes"),
    [
        (make_request("/api/x"), False),
        (make_request("/api/x", "Connection: close"), True),
        (make_request("/api/x", version="1.0"), True),
        (make_request("/api/x", "Content-Length: 65536", method="POST"), False),
        (make_request("/api/x", "Content-Length: 65537", method="POST"), True),
        (make_request("/api/x", "Content-Length: 5", "Expect: 100-continue", method="PUT"), True),
        (make_request("/api/x", "Transfer-Encoding: chunked", method="POST"), True),
        (make_request("/api/x", "Connection: upgrade", "Upgrade: websocket"), True),
    ],
)
def test_an_answer_says_whether_the_connection_ends(
    directory: Path, request_bytes: bytes, closes: bool
) -> None:
    stage = rehearsal(directory)
    deny = Deny(Reason.TOKEN_MISSING, "no bearer token was sent")

    answer = stage.render(stage.read(request_bytes), deny, NOW)

    assert (b"\r\nConnection: close\r\n" in answer) is closes


@pytest.mark.parametrize(
    ("head", "reason", "detail"),
    [
        (b"nonsense\r\n\r\n", Reason.REQUEST_MALFORMED, "invalid method encountered"),
        (make_request("/x", host=None), Reason.REQUEST_MALFORMED, "no Host field"),
        (make_request("/x", host="a b"), Reason.REQUEST_MALFORMED, "the Host field is not a host"),
        (make_request("/x", host="a@b"), Reason.REQUEST_MALFORMED, "the Host field is not a host"),
        (make_request("/x", "Host: b"), Reason.REQUEST_MALFORMED, "more than one Host field"),
        (make_request("/x", "X-A: \x01"), Reason.REQUEST_MALFORMED, "invalid header value char"),
        (make_request("/x", method="TRACE"), Reason.NOT_SUPPORTED, "TRACE is not supported"),
        (make_request("/x#y"), Reason.PATH_REJECTED, "the target has a fragment"),
        (make_request("/" + "x" * 9000), Reason.TARGET_TOO_LONG, "the target is over 8192 bytes"),
        (make_request("/" + "x" * 40000), Reason.TARGET_TOO_LONG, "the target is too long"),
        (
            make_request("/x", "X-A: " + "a" * 40000),
            Reason.HEADERS_TOO_LARGE,
            "the head is too large",
        ),
        (make_request("/x")[:-2], Reason.REQUEST_TIMEOUT, "the head did not arrive in time"),
    ],
)
def test_what_is_wrong_with_a_head_stands_in_its_fields(
    directory: Path, head: bytes, reason: Reason, detail: str
) -> None:
    fault = rehearsal(directory).read(head).fields.fault

    assert fault is not None
    assert (fault.reason, fault.detail) == (reason, detail)


def test_a_request_that_came_through_here_before_is_known_by_its_pseudonym(
    directory: Path,
) -> None:
    settings = load(write_config(directory, ["http://a.test"], {}))
    stage = Rehearsal(settings, pseudonym=b"jwt-gateway-12345678")

    fault = stage.read(make_request("/x", "Via: 1.1 jwt-gateway-12345678")).fields.fault

    assert fault is not None
    assert fault.reason is Reason.REQUEST_MALFORMED


@pytest.mark.parametrize(
    ("lines", "reason", "steps"),
    [
        (["Content-Length: 5000"], Reason.BODY_TOO_LARGE, ["request", "body"]),
        (["Connection: upgrade", "Upgrade: h2c"], None, ["request"]),
        (
            ["Connection: upgrade", "Upgrade: websocket"],
            Reason.NOT_SUPPORTED,
            ["request", "upgrade"],
        ),
        (["Content-Length: 5"], None, ["request", "body"]),
        (["X: 1"], None, ["request"]),
        (["Host: second"], Reason.REQUEST_MALFORMED, ["request"]),
    ],
)
def test_what_is_checked_besides_the_decision_has_steps_too(
    directory: Path, lines: list[str], reason: Reason | None, steps: list[str]
) -> None:
    stage = rehearsal(directory, limits={"body": "4KiB"})
    request = stage.read(make_request("/open/x", *lines, method="POST"))

    explanation = stage.explain(request, {}, NOW, {})

    verdict = explanation.verdict
    assert (verdict.reason if isinstance(verdict, Deny) else None) is reason
    assert {step.check.value for step in explanation.steps} - DECIDED == set(steps)
    assert [step.reason for step in explanation.steps if not step.holds] == [reason][: bool(reason)]


def test_keys_that_may_be_had_are_asked_for_or_taken_for_gone(directory: Path) -> None:
    stage = rehearsal(directory)
    request = stage.read(make_request("/api/x", bearer()))

    asking = stage.explain(request, {}, NOW, {}, is_final=False)
    final = stage.explain(request, {}, NOW, {})

    assert isinstance(asking.verdict, NeedKeys)
    assert asking.verdict.issuer_name == "main"
    assert isinstance(final.verdict, Deny)
    assert final.verdict.reason is Reason.KEYS_UNAVAILABLE
    assert asking.steps == final.steps


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        (None, f"00-{'x' * 32}-{'x' * 16}-xx"),
        (f"00-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-{'x' * 16}-01"),
        (f"00-{TRACE}-00f067aa0ba902b7-00", f"00-{TRACE}-00f067aa0ba902b7-00"),
    ],
)
def test_of_a_trace_that_is_recorded_only_its_ids_are_not_known(
    directory: Path, came: str | None, goes: str
) -> None:
    stage = rehearsal(directory, tracing={"otlp": "http://127.0.0.1:4318/v1/traces"})
    lines = [] if came is None else [f"traceparent: {came}", "tracestate: a=1"]

    written = stage.render(stage.read(make_request("/open/x", *lines)), allow(directory), NOW)

    assert b"\r\ntraceparent: %b\r\n" % goes.encode() in written
    assert (b"\r\ntracestate: a=1\r\n" in written) == (came is not None)
