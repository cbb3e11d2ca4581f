"""Every fixture of llhttp, the parser we use, on the wire: what is no HTTP never passes.

The fixtures are llhttp's own (MIT, see ``tests/vectors/llhttp``), each with the error its
parser reports. They are played whole and byte by byte, and the verdict must be the same.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.hostile import OPEN_ROUTES, answers_until_end, pour, reason
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Cut, Wire

_FILE = Path(__file__).parents[1] / "vectors" / "llhttp" / "llhttp.json"
_START_LINE = re.compile(rb"^[A-Z-]+ [^\r\n]+ [A-Z]+/\d\.\d\r\n", re.MULTILINE)
_HOST = re.compile(rb"^host ?:", re.MULTILINE | re.IGNORECASE)
_STATUS = re.compile(rb"[A-Z]+/\d\.\d (\d{3})")


class Fixture(NamedTuple):
    """One fixture; *error* is what the parser says of it."""

    id: str
    title: str
    type: str
    mode: list[str]
    raw: bytes
    error: str | None

    @property
    def is_error(self) -> bool:
        """Tell errors from the pauses that a parser makes where a tunnel would begin."""
        return self.error is not None and not self.error.startswith("Pause on")

    @property
    def completed(self) -> bytes:
        """Return *raw* with the end of its last line or section.

        Publishing took the last line end of every fixture away. Those about the end of the
        input are meant to be cut short.
        """
        if self.type.endswith("-finish"):
            return self.raw
        return self.raw + (b"\r\n" if self.raw.endswith(b"\n") else b"\r\n\r\n")

    @property
    def with_host(self) -> bytes:
        """Return the completed request with the Host that every request of HTTP/1.1 needs."""
        if _HOST.search(self.raw):
            return self.completed
        return _START_LINE.sub(lambda line: line[0] + b"Host: gateway.test\r\n", self.completed)


def _read(kind: str) -> list[Fixture]:
    cases = [Fixture(**case) for case in json.loads(_FILE.read_text())]
    mine = [case for case in cases if case.type.split("-")[0] == kind]
    return [case._replace(raw=str(case.raw).encode()) for case in mine]


REQUESTS = _read("request")
ANSWERS = _read("response")

each_request = pytest.mark.parametrize("fixture", REQUESTS, ids=lambda case: case.id)
each_answer = pytest.mark.parametrize("fixture", ANSWERS, ids=lambda case: case.id)
both_ways = pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])


def _ids(prefix: str, *numbers: int) -> list[str]:
    return [f"{prefix}/{number}" for number in numbers]


# Where the parser sees no error, and we refuse all the same.
STRICTER: dict[str, Reason] = {
    "request/uri/8": Reason.PATH_REJECTED,  # a fragment
    **dict.fromkeys(
        [
            # Read by a lenient parser only; ours never is.
            *_ids("request/connection", 9, 11, 13),
            *_ids("request/content-length", 7, 8, 18),
            *_ids("request/invalid", 22, 24),
            *_ids("request/lenient-header-value-relaxed", 1),
            *_ids("request/lenient-headers", 1, 2, 4),
            *_ids("request/lenient-version", 1),
            *_ids("request/sample", 11, 14, 18),
            *_ids("request/transfer-encoding", 14, 18, 19, 27, 29, 31),
            # Behind the body of an upgrade that is ignored, what is no request.
            *_ids("request/connection", 15, 17),
            # Codings before `chunked` (RFC 9112 §6.1): two parsers seldom agree on them.
            *_ids("request/transfer-encoding", 20, 21),
            # The preface of HTTP/2, and HTTP/0.9.
            *_ids("request/method", 15),
            # RTSP, which the parser reads as HTTP/1.0.
            *_ids("request/method", 13),
            *_ids("request/sample", 10),
        ],
        Reason.REQUEST_MALFORMED,
    ),
    **dict.fromkeys(
        [
            # Upgrades that the route does not allow, and CONNECT.
            *_ids("request/connection", 10, 16),
            *_ids("request/method", 2, 3, 4),
            *_ids("request/uri", 9),
            # Methods of ICE and RTSP.
            *_ids("request/method", 11, 12, 14),
        ],
        Reason.NOT_SUPPORTED,
    ),
    **dict.fromkeys(
        [
            # `*`, quotes, and user information before the host.
            *_ids("request/method", 5),
            *_ids("request/uri", 1, 10),
        ],
        Reason.PATH_REJECTED,
    ),
}

# How many whole requests a fixture holds before it ends or errs, where that is not plain.
WHOLE = {
    "request/connection/2": 2,
    "request/connection/3": 1,
    "request/connection/5": 1,
    "request/connection/15": 1,
    "request/connection/17": 1,
    "request/lenient-headers/2": 1,
    "request/pipelining/1": 3,
}

# The error stands behind a request that closes the connection: it is never read.
UNREAD = {"request/connection/3"}

# Requests that never end: a body is announced and does not come, or the head has no end.
UNFINISHED = {
    *_ids("request/content-length", 10, 11, 16),
    *_ids("request/finish", 1, 2, 3),
    *_ids("request/transfer-encoding", 1),
}


def expected_of(fixture: Fixture) -> list[str | None]:
    """Return the reason of every answer; None for one of the service."""
    refusal = STRICTER.get(fixture.id) or (Reason.REQUEST_MALFORMED if fixture.is_error else None)
    if fixture.id in UNREAD:
        refusal = None
    is_whole = refusal is None and fixture.id not in UNFINISHED
    answers: list[str | None] = [None] * WHOLE.get(fixture.id, int(is_whole))
    return answers if refusal is None else [*answers, refusal.code]


def test_all_fixtures_are_played() -> None:
    assert (len(REQUESTS), len(ANSWERS)) == (162, 84)
    assert len({case.id for case in (*REQUESTS, *ANSWERS)}) == 246


def test_every_exception_is_for_a_fixture_that_exists() -> None:
    errors = {case.id for case in (*REQUESTS, *ANSWERS) if case.is_error}
    others = {case.id for case in (*REQUESTS, *ANSWERS) if not case.is_error}

    assert STRICTER.keys() | STRICTER_ANSWERS | UNFINISHED | UNFINISHED_ANSWERS <= others
    assert errors.issuperset(UNREAD | UNREAD_ANSWERS)
    assert WHOLE.keys() <= errors | others


@each_request
@both_ways
async def test_requests_are_forwarded_or_refused_as_the_fixture_says(
    fixture: Fixture, bytewise: bool, service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(routes=OPEN_ROUTES, http2=False)
    wire = await gateway.connect()
    expected = expected_of(fixture)

    await pour(wire, fixture.with_host, bytewise=bytewise)
    is_head = fixture.raw.startswith(b"HEAD")
    answers = [await read_answer(wire, is_head=is_head) for _ in expected]
    if not (wire.is_lost or wire.transport.is_closing()):
        wire.end()

    assert [reason(answer) for answer in answers] == expected
    assert await wire.read_to_end() == b""
    await gateway.stop()
    for connection in service.connections:
        await connection.wait_end()
    assert len(service.requests) == expected.count(None)
    assert all(request.start.split(b" ")[0] in fixture.raw for request in service.requests)


@each_request
@both_ways
async def test_requests_as_published_get_well_formed_responses_or_none(
    fixture: Fixture, bytewise: bool, service: Service, start_gateway: StartGateway
) -> None:
    """Most of them have no Host and no end."""
    gateway = await start_gateway(routes=OPEN_ROUTES, http2=False)
    wire = await gateway.connect()

    await pour(wire, fixture.raw, bytewise=bytewise)
    if not (wire.is_lost or wire.transport.is_closing()):
        wire.end()
    answers = await answers_until_end(wire)

    codes = {one.code for one in Reason}
    assert all(answer.status == 200 or reason(answer) in codes for answer in answers)
    await gateway.stop()
    for connection in service.connections:
        await connection.wait_end()
    assert len(service.requests) <= expected_of(fixture).count(None)


# --- answers of a service

STRICTER_ANSWERS = {
    "response/sample/17",  # HTTP/0.9
    # Read by a lenient parser only.
    *_ids("response/invalid", 9, 17, 19),
    *_ids("response/lenient-version", 1),
    *_ids("response/sample", 11),
    *_ids("response/transfer-encoding", 10),
    # Switching protocols, unasked.
    *_ids("response/connection", 10, 11),
    # The head ends with the connection.
    *_ids("response/finish", 1),
    # Codings that are not one `chunked`.
    *_ids("response/transfer-encoding", 2, 3, 4),
}

# The error stands behind a whole answer: it is dropped with the connection.
UNREAD_ANSWERS = set(_ids("response/connection", 6, 8))

# A body is announced and does not come.
UNFINISHED_ANSWERS = set(_ids("response/content-length", 4))


@each_answer
@both_ways
async def test_responses_are_passed_on_or_refused_as_the_fixture_says(
    fixture: Fixture, bytewise: bool, service: Service, start_gateway: StartGateway
) -> None:
    is_head = "skipBody" in fixture.mode
    passes = fixture.id in UNREAD_ANSWERS or not (
        fixture.is_error or fixture.id in STRICTER_ANSWERS | UNFINISHED_ANSWERS
    )
    statuses = [int(status) for status in _STATUS.findall(fixture.raw)]
    final = next((status for status in statuses if status >= 200), None)

    async def play(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        await pour(wire, fixture.completed, bytewise=bytewise)
        wire.close()

    service.script = play
    gateway = await start_gateway(routes=OPEN_ROUTES, http2=False)
    wire = await gateway.connect()
    wire.send(make_request("/", method="HEAD" if is_head else "GET"))

    status = await _final_status(wire, is_head)

    assert status == (final if passes else 502)
    if not (wire.is_lost or wire.transport.is_closing()):
        wire.end()
    assert status == 502 or await wire.read_to_end() == b""


async def _final_status(wire: Wire, is_head: bool) -> int:
    """Return the status of a whole answer; 502 also where it is cut, its head having passed."""
    try:
        while True:
            answer = await read_answer(wire, is_head=is_head)
            if answer.status >= 200:
                assert answer.status != 502 or reason(answer) == Reason.UPSTREAM_INVALID.code
                return answer.status
    except Cut:
        return 502
