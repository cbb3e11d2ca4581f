import json
import os
import select
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.telemetry.access_log import AccessLog, format_line
from gateway.telemetry.quoting import NULL, Json, quote
from tests.telemetry.pipes import Pipe, fill, make_pipe

# Long enough for any machine: only a failing test ever waits for it.
PATIENCE_SECONDS = 60.0

LINE = b"x" * 99 + b"\n"


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with make_pipe() as pipe:
        yield pipe


def read_some(pipe: Pipe) -> bytes:
    ready, _, _ = select.select([pipe.read_fd], [], [], PATIENCE_SECONDS)
    assert ready, "nothing arrived"
    return os.read(pipe.read_fd, 65536)


def test_lines_arrive_in_order(pipe: Pipe) -> None:
    log = AccessLog(pipe.write_fd)
    lines = [b"%d\n" % number for number in range(1000)]

    for line in lines:
        log.write(line)
    log.close(PATIENCE_SECONDS)

    pipe.close(pipe.write_fd)
    assert pipe.read_all() == b"".join(lines)
    assert (log.written, log.dropped) == (1000, 0)


def test_a_line_arrives_without_a_further_one_or_a_close(pipe: Pipe) -> None:
    log = AccessLog(pipe.write_fd)

    for number in range(5):  # between two of them the thread goes to sleep
        log.write(b"%d\n" % number)
        assert read_some(pipe) == b"%d\n" % number
    log.close(PATIENCE_SECONDS)


def test_a_reader_that_never_reads_costs_lines_over_capacity_and_no_time(pipe: Pipe) -> None:
    """The loop goes on: were a write to wait for the pipe, this test would never end."""
    fill(pipe.write_fd)
    log = AccessLog(pipe.write_fd, capacity_bytes=1000)

    for _ in range(25):
        log.write(LINE)

    assert (log.written, log.dropped) == (0, 15)
    log.close(0)
    assert (log.written, log.dropped) == (0, 25)


def test_close_ends_in_time_though_the_reader_never_reads(pipe: Pipe) -> None:
    fill(pipe.write_fd)
    log = AccessLog(pipe.write_fd)
    log.write(LINE)

    log.close(0.01)
    log.close(0.01)

    assert (log.written, log.dropped) == (0, 1)


def test_lines_flow_again_when_the_reader_does(pipe: Pipe) -> None:
    filled = fill(pipe.write_fd)
    log = AccessLog(pipe.write_fd, capacity_bytes=1000)
    for _ in range(25):
        log.write(LINE)

    received = b""
    while len(received) < filled + 10 * len(LINE):
        received += read_some(pipe)
    log.close(PATIENCE_SECONDS)

    assert received[filled:] == 10 * LINE
    assert (log.written, log.dropped) == (10, 15)


def test_a_reader_that_went_away_costs_every_line(pipe: Pipe) -> None:
    pipe.close(pipe.read_fd)
    log = AccessLog(pipe.write_fd)

    for _ in range(10):
        log.write(LINE)
    log.close(PATIENCE_SECONDS)

    assert (log.written, log.dropped) == (0, 10)


def test_a_full_disk_costs_every_line() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    log = AccessLog(full)

    log.write(LINE)
    log.close(PATIENCE_SECONDS)

    os.close(full)
    assert (log.written, log.dropped) == (0, 1)


def test_a_log_that_is_off_drops_nothing_and_writes_nothing() -> None:
    log = AccessLog(None)

    log.write(LINE)
    log.close(0)

    assert (log.enabled, log.written, log.dropped) == (False, 0, 0)


def test_a_line_after_close_is_dropped(pipe: Pipe) -> None:
    log = AccessLog(pipe.write_fd)
    log.close(PATIENCE_SECONDS)

    log.write(LINE)

    assert (log.written, log.dropped) == (0, 1)


def test_every_line_is_either_read_once_in_order_or_counted_as_dropped(pipe: Pipe) -> None:
    log = AccessLog(pipe.write_fd, capacity_bytes=64 * 1024)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.extend(pipe.read_all().splitlines()))
    reader.start()

    for number in range(200_000):
        log.write(b"%07d\n" % number)
    log.close(PATIENCE_SECONDS)

    pipe.close(pipe.write_fd)
    reader.join()
    assert len(received) == log.written
    assert log.written + log.dropped == 200_000
    assert received == sorted(set(received))
    assert all(len(line) == 7 for line in received)


def test_lines_of_two_processes_never_run_into_each_other_in_one_pipe(pipe: Pipe) -> None:
    """Two logs stand for two processes: a pipe takes writes over PIPE_BUF in parts (POSIX)."""
    logs = [AccessLog(pipe.write_fd, shared=True) for _ in range(2)]
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.extend(pipe.read_all().splitlines()))
    for log, mark in zip(logs, (b"a", b"b"), strict=True):
        for _ in range(5000):
            log.write(mark * 300 + b"\n")

    reader.start()
    for log in logs:
        log.close(PATIENCE_SECONDS)

    pipe.close(pipe.write_fd)
    reader.join()
    assert sorted(received) == [b"a" * 300] * 5000 + [b"b" * 300] * 5000


class Parts(NamedTuple):
    """The arguments of ``format_line``, those of an allowed request."""

    now: float = 1_790_000_000.1234
    request_id: bytes = b"0123456789abcdef"
    client: bytes = b"203.0.113.7"
    method: bytes = b"GET"
    host: bytes = b"api.example.com"
    path: bytes = b"/tenants/acme/orders/1"
    route: Json = quote("read-order")
    upstream: Json = quote("orders")
    status: int = 200
    reason: Reason | None = None
    detail: str | None = None
    subject: bytes = b'"alice"'
    issuer: Json = quote("main")
    sent_bytes: int = 220
    received_bytes: int = 0
    duration_ms: float = 1.2345
    upstream_ms: float | None = 0.98765


REFUSED = Parts(
    status=401,
    reason=Reason.TOKEN_EXPIRED,
    detail='expired, at "noon"',
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
            detail=detail, reason=reason, upstream_ms=upstream_ms,
        )
    )  # fmt: skip

    assert list(read(line)) == list(read(format_line(*Parts())))
