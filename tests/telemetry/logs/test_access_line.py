"""The line of a request: one line of JSON, whatever was sent."""

import json
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.telemetry.logs.access_line import (
    format_allowed,
    format_line,
    format_reason,
    format_refused,
    recall_reason,
)
from gateway.telemetry.logs.quoting import NULL, Json, quote


class Parts(NamedTuple):
    """The arguments of ``format_line``, those of an allowed request."""

    now: float = 1_790_000_000.1234
    request_id: bytes = b"0123456789abcdef"
    trace_id: bytes = b""
    client: bytes = b"203.0.113.7"
    method: bytes = b"GET"
    host: bytes = b"api.example.com"
    path: bytes = b"/tenants/acme/orders/1"
    route: Json = quote("read-order")
    upstream: Json = quote("orders")
    status: int = 200
    reason: Reason | None = None
    detail: Json = NULL
    subject: bytes = b'"alice"'
    issuer: Json = quote("main")
    sent_bytes: int = 220
    received_bytes: int = 0
    duration_ms: float = 1.2345
    upstream_ms: float | None = 0.98765
    would_deny: Reason | None = None


REFUSED = Parts(
    status=401,
    reason=Reason.TOKEN_EXPIRED,
    detail=quote('expired, at "noon"'),
    upstream=NULL,
    subject=NULL,
    issuer=NULL,
    upstream_ms=None,
)


def refuse_constant(name: str) -> object:
    raise ValueError(name)


def read(line: bytes) -> dict[str, object]:
    assert line.endswith(b"\n")
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])
    members = json.loads(line, parse_constant=refuse_constant)
    assert isinstance(members, dict)
    return members


def test_an_allowed_request_is_one_line_with_every_member_in_order() -> None:
    assert format_line(*Parts()) == (
        b'{"time":"2026-09-21T14:13:20.123Z","id":"0123456789abcdef","client":"203.0.113.7",'
        b'"method":"GET","host":"api.example.com","path":"/tenants/acme/orders/1",'
        b'"route":"read-order","upstream":"orders","status":200,"reason":null,"detail":null,'
        b'"subject":"alice","issuer":"main","sent_bytes":220,"received_bytes":0,'
        b'"duration_ms":1.234,"upstream_ms":0.988}\n'
    )


def test_a_refused_request_has_the_same_members_in_the_same_order() -> None:
    allowed, refused = read(format_line(*Parts())), read(format_line(*REFUSED))

    assert list(refused) == list(allowed)
    assert refused["reason"] == "token_expired"
    assert refused["detail"] == 'expired, at "noon"'
    assert refused["upstream_ms"] is None


def test_a_refusal_that_was_only_reported_is_a_member_of_its_lines_alone() -> None:
    reported = Parts(would_deny=Reason.TOKEN_EXPIRED, detail=REFUSED.detail)

    line, usual = read(format_line(*reported)), read(format_line(*Parts()))

    assert (line["reason"], line.pop("would_deny")) == (None, "token_expired")
    assert line.pop("detail") == 'expired, at "noon"'
    assert line == {name: value for name, value in usual.items() if name != "detail"}


def test_the_trace_is_a_member_of_the_lines_that_have_one_alone() -> None:
    traced = Parts(trace_id=b"4bf92f3577b34da6a3ce929d0e0e4736")

    line, usual = read(format_line(*traced)), read(format_line(*Parts()))

    assert line.pop("trace_id") == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert line == usual


def test_what_is_not_known_is_null() -> None:
    line = read(format_line(*REFUSED._replace(method=b"", host=b"", path=b"", route=NULL)))

    assert [line[name] for name in ("method", "host", "path", "route")] == [None] * 4


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_written_as_its_code(reason: Reason) -> None:
    assert read(format_line(*REFUSED._replace(reason=reason)))["reason"] == reason.code


@pytest.mark.parametrize(
    "path",
    [b"/orders?access_token=eyJhbGciOi", b"/orders#access_token=eyJhbGciOi", b"/orders?#?eyJ"],
)
@pytest.mark.parametrize("parts", [Parts(), REFUSED])
def test_a_query_or_fragment_is_never_written(parts: Parts, path: bytes) -> None:
    """6750.9, 6750.10: a token in the query ends up in no log."""
    assert read(format_line(*parts._replace(path=path)))["path"] == "/orders"


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (b'/a\r\n{"status":200}', '/a\r\n{"status":200}'),
        (b'/a","status":200,"x":"', '/a","status":200,"x":"'),
        (b"/\x1b]0;owned\x07", "/\x1b]0;owned\x07"),
        (b"/a\\", "/a\\"),
        ("/é".encode(), "/é"),
        (b"/\xff", "/\\xff"),
    ],
)
def test_no_path_splits_or_forges_a_line(path: bytes, written: str) -> None:
    """CVE-2020-7694: CR, LF and ESC in a target went into the log as they were."""
    assert read(format_line(*Parts(path=path)))["path"] == written


@pytest.mark.parametrize("now", [0.0, 1_790_000_000.0, 1_790_000_000.9999, 253_402_300_799.999])
def test_time_is_rfc_3339_in_utc_with_milliseconds(now: float) -> None:
    time = read(format_line(*Parts(now=now)))["time"]

    assert isinstance(time, str)
    assert len(time) == len("2026-09-21T14:13:20.123Z")
    assert time.endswith(f".{int(now * 1000) % 1000:03d}Z")


@given(
    outside=st.tuples(*[st.binary(max_size=40)] * 5),
    names=st.tuples(*[st.text(st.characters(), max_size=20)] * 4),
    detail=st.none() | st.text(st.characters(), max_size=40),
    reason=st.none() | st.sampled_from(Reason),
    upstream_ms=st.none() | st.floats(0, 1e9),
)
def test_any_bytes_in_any_field_make_one_line_of_json(
    outside: tuple[bytes, ...],
    names: tuple[str, ...],
    detail: str | None,
    reason: Reason | None,
    upstream_ms: float | None,
) -> None:
    request_id, client, method, host, path = outside
    route, upstream, subject, issuer = map(quote, names)

    line = format_line(
        *Parts(
            request_id=request_id, client=client, method=method, host=host, path=path,
            route=route, upstream=upstream, subject=subject, issuer=issuer,
            detail=quote(detail), reason=reason, upstream_ms=upstream_ms,
        )
    )  # fmt: skip

    assert list(read(line)) == list(read(format_line(*Parts())))


# What the decision has let through: nothing in it needs escaping, and a query is cut off.
CANONICAL = st.text("abz09-._~/%", min_size=1, max_size=20).map(str.encode)
TRACES = st.sampled_from([b"", b"4bf92f3577b34da6a3ce929d0e0e4736"])
SIZES = st.integers(0, 2**60)
MILLISECONDS = st.floats(0, 1e9)


@given(
    outside=st.tuples(CANONICAL, CANONICAL, CANONICAL, CANONICAL),
    names=st.tuples(*[st.text(st.characters(), max_size=20)] * 4),
    trace_id=TRACES,
    now=st.floats(0, 253_402_300_799),
    sizes=st.tuples(SIZES, SIZES),
    milliseconds=st.tuples(MILLISECONDS, MILLISECONDS),
)
def test_the_quick_line_of_an_allowed_request_is_the_one_that_any_request_has(
    outside: tuple[bytes, bytes, bytes, bytes],
    names: tuple[str, ...],
    trace_id: bytes,
    now: float,
    sizes: tuple[int, int],
    milliseconds: tuple[float, float],
) -> None:
    request_id, client, host, path = outside
    route, upstream, subject, issuer = map(quote, names)
    both = b'"route":%b,"upstream":%b' % (route, upstream)

    line = format_allowed(
        now, request_id, trace_id, client, "GET", host, path, both, 200, subject, issuer, *sizes,
        *milliseconds,
    )  # fmt: skip

    assert line == format_line(
        now, request_id, trace_id, client, b"GET", host, path, route, upstream, 200, None, NULL,
        subject, issuer, *sizes, *milliseconds,
    )  # fmt: skip


@given(
    outside=st.tuples(CANONICAL, CANONICAL, CANONICAL, CANONICAL),
    names=st.tuples(*[st.text(st.characters(), max_size=20)] * 4),
    trace_id=TRACES,
    reason=st.sampled_from(Reason),
    detail=st.text(st.characters(), max_size=40),
    received_bytes=SIZES,
    duration_ms=MILLISECONDS,
)
def test_the_quick_line_of_a_refused_request_is_the_one_that_any_request_has(
    outside: tuple[bytes, bytes, bytes, bytes],
    names: tuple[str, ...],
    trace_id: bytes,
    reason: Reason,
    detail: str,
    received_bytes: int,
    duration_ms: float,
) -> None:
    request_id, client, host, path = outside
    route, upstream, subject, issuer = map(quote, names)
    both = b'"route":%b,"upstream":%b' % (route, upstream)

    told = recall_reason(both, reason, detail)
    assert told == format_reason(both, reason, quote(detail))

    line = format_refused(
        1.0, request_id, trace_id, client, "GET", host, path, told, subject, issuer,
        received_bytes, duration_ms,
    )  # fmt: skip

    assert line == format_line(
        1.0, request_id, trace_id, client, b"GET", host, path, route, upstream, reason.status,
        reason, quote(detail), subject, issuer, 0, received_bytes, duration_ms, None,
    )  # fmt: skip
