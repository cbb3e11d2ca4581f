"""The fields of responses: which are forwarded, which are hop-by-hop, and what is too much."""

from dataclasses import dataclass, field

import pytest

from gateway.proxy.upstream.response_reader import DONE, FAULT, MORE, SWITCH, ResponseReader
from tests.proxy.messages import make_answer, undated


@dataclass
class Sink:
    """Takes a response, and keeps its parts."""

    is_head: bool = False
    wants_upgrade: bool = False
    out: list[bytes] = field(default_factory=list)
    logins: int = 0
    trailers: bytes = b""
    interims: list[tuple[int, bytes]] = field(default_factory=list)
    heads: list[tuple[int, bytes, int | None, bool]] = field(default_factory=list)

    def interim_received(self, status: int, fields: bytes) -> None:
        self.interims.append((status, fields))

    def login_received(self) -> None:
        self.logins += 1

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        self.heads.append((status, undated(fields), length, has_body))

    def trailers_received(self, fields: bytes) -> None:
        self.trailers = fields


def read(data: bytes, sink: Sink | None = None) -> tuple[int, Sink, ResponseReader]:
    sink = sink or Sink()
    reader = ResponseReader()
    reader.begin(sink)
    return reader.feed(data), sink, reader


@pytest.mark.parametrize(
    "line",
    [
        b"Connection: keep-alive",
        b"Keep-Alive: timeout=5",
        b"Proxy-Connection: keep-alive",
        b"Proxy-Authenticate: Basic",
        b"Trailer: X",
        b"TE: trailers",
        b"Upgrade: h2c",
        b"Connection: X-Hop\r\nX-Hop: 1",
        b"X-Hop: 1\r\nConnection: foo, x-hop",
    ],
)
def test_fields_of_the_connection_stay_on_it(line: bytes) -> None:
    """9110.1, 9110.2, CVE-2022-31813."""
    outcome, sink, _ = read(make_answer(b"one", line, b"X: 1"))

    assert outcome == DONE
    assert sink.heads == [(200, b"\r\nContent-Length: 3\r\nX: 1\r\nDate: now", 3, True)]


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_a_body_has_none_whatever_it_says(status: int) -> None:
    outcome, sink, reader = read(b"HTTP/1.1 %d X\r\nX: 1\r\n\r\n" % status)

    assert outcome == DONE
    assert sink.heads == [(status, b"\r\nX: 1\r\nDate: now", None, False)]
    assert reader.is_reusable


def test_a_204_has_no_length_and_a_304_may_have_one() -> None:
    """9110.10, RFC 9110 §8.6."""
    _, no_content, _ = read(b"HTTP/1.1 204 X\r\nContent-Length: 0\r\nX: 1\r\n\r\n")
    _, not_modified, _ = read(b"HTTP/1.1 304 X\r\nContent-Length: 9\r\nX: 1\r\n\r\n")

    assert no_content.heads[0][1] == b"\r\nX: 1\r\nDate: now"
    assert not_modified.heads[0][1:] == (b"\r\nContent-Length: 9\r\nX: 1\r\nDate: now", 9, False)


def test_a_response_to_head_has_the_length_of_one_to_get() -> None:
    """9110.10."""
    outcome, sink, reader = read(b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n", Sink(True))

    assert (outcome, sink.out, reader.is_reusable) == (DONE, [], True)
    assert sink.heads == [(200, b"\r\nContent-Length: 9\r\nDate: now", 9, False)]


def test_interim_responses_come_before_the_final_one_and_leave_nothing_in_it() -> None:
    """9110.7."""
    hints = b"HTTP/1.1 103 X\r\nLink: a\r\nConnection: x\r\n\r\n"
    _, sink, _ = read(b"HTTP/1.1 100 X\r\n\r\n" + hints + make_answer(b"", b"X: 1"))

    assert sink.interims == [(103, b"\r\nLink: a")]  # the 100 was sent by us
    assert sink.heads == [(200, b"\r\nContent-Length: 0\r\nX: 1\r\nDate: now", 0, True)]


@pytest.mark.parametrize(
    ("framing", "outcome"),
    [
        (b"Content-Length: 0", DONE),
        (b"Content-Length: 5", FAULT),
        (b"Transfer-Encoding: chunked", FAULT),
    ],
)
@pytest.mark.parametrize("status", [100, 103])
def test_an_interim_response_has_no_body(status: int, framing: bytes, outcome: int) -> None:
    """RFC 9110 §8.6: its length would frame the final response."""
    interim = b"HTTP/1.1 %d X\r\n%b\r\nLink: a\r\n\r\n" % (status, framing)

    open_ended, first, _ = read(interim + b"HTTP/1.1 200 X\r\n\r\nabcdefgh")
    measured, second, _ = read(interim + make_answer(b"abc"))

    if outcome == FAULT:
        assert (open_ended, measured) == (FAULT, FAULT)
        return
    assert first.heads == [(200, b"\r\nDate: now", None, True)]
    assert (measured, second.heads) == (
        DONE,
        [(200, b"\r\nContent-Length: 3\r\nDate: now", 3, True)],
    )
    assert [fields for _, fields in second.interims] == [b"\r\nLink: a"] * (status == 103)


@pytest.mark.parametrize(("count", "outcome"), [(16, DONE), (17, FAULT)])
def test_the_number_of_interim_responses_is_limited(count: int, outcome: int) -> None:
    assert read(b"HTTP/1.1 103 X\r\n\r\n" * count + make_answer())[0] == outcome


@pytest.mark.parametrize(("count", "outcome"), [(255, DONE), (256, FAULT)])
def test_the_number_of_fields_is_limited(count: int, outcome: int) -> None:
    """CVE-2026-34519; Content-Length is one of them."""
    assert read(make_answer(b"", *[b"X: 1"] * count))[0] == outcome


@pytest.mark.parametrize(("size", "outcome"), [(65_000, DONE), (66_000, FAULT)])
def test_the_size_of_a_head_is_limited(size: int, outcome: int) -> None:
    assert read(make_answer(b"x" * 10_000, b"X: " + b"x" * size))[0] == outcome


@pytest.mark.parametrize("version", [b"2.0", b"0.9", b"3.0"])
def test_a_response_in_another_version_is_a_fault(version: bytes) -> None:
    assert read(make_answer(b"x").replace(b"HTTP/1.1", b"HTTP/" + version))[0] == FAULT


def test_trailers_are_not_passed_on() -> None:
    head = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"

    outcome, sink, _ = read(head + b"1\r\na\r\n0\r\nX: late\r\nSet-Cookie: a=b\r\n\r\n")

    assert (outcome, sink.out) == (DONE, [b"a"])
    assert sink.heads == [(200, b"\r\nDate: now", None, True)]


def test_a_switch_is_passed_on_only_if_it_was_asked_for() -> None:
    switch = b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: 1\r\n\r\n"

    outcome, _, reader = read(switch, Sink(wants_upgrade=True))

    assert (outcome, reader.upgrade, reader.switch_lines()) == (
        SWITCH,
        b"websocket",
        [b"\r\nX: ", b"1"],
    )
    assert read(switch)[0] == FAULT


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b"Connection: Upgrade\r\n",
        b"Upgrade: websocket\r\n",
        b"Connection: keep-alive\r\nUpgrade: websocket\r\n",
    ],
)
def test_a_switch_that_names_no_protocol_is_a_fault(lines: bytes) -> None:
    """9110.8: Connection lists Upgrade, and Upgrade names the protocol."""
    switch = b"HTTP/1.1 101 X\r\n%b\r\n" % lines

    assert read(switch + make_answer(b"x"), Sink(wants_upgrade=True))[0] == FAULT


def test_a_switch_to_two_protocols_names_both() -> None:
    switch = b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n\r\n"

    outcome, _, reader = read(switch, Sink(wants_upgrade=True))

    assert (outcome, reader.upgrade) == (SWITCH, b"h2c,websocket")


def test_a_switch_has_no_length() -> None:
    """RFC 9110 §8.6: a peer that believed it would read frames as a body."""
    switch = (
        b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: a\r\nContent-Length: 0\r\nX: 1\r\n\r\n"
    )

    outcome, _, reader = read(switch + b"frames", Sink(wants_upgrade=True))

    assert (outcome, reader.rest) == (SWITCH, b"frames")
    assert reader.switch_lines() == [b"\r\nX: ", b"1"]


def test_a_body_without_length_is_incomplete() -> None:
    outcome, sink, reader = read(b"HTTP/1.1 200 X\r\n\r\nabc")

    assert (outcome, sink.out) == (MORE, [b"abc"])
    assert sink.heads == [(200, b"\r\nDate: now", None, True)]
    assert reader.head_done


@pytest.mark.parametrize("is_head", [False, True])
@pytest.mark.parametrize("status", [200, 204, 304, 404])
def test_a_response_without_a_date_gets_one_and_an_interim_response_none(
    status: int, is_head: bool
) -> None:
    """RFC 9110 §6.6.1: a proxy adds the time at which it came."""
    hints = b"HTTP/1.1 103 X\r\nDate: theirs\r\n\r\nHTTP/1.1 103 X\r\nLink: a\r\n\r\n"
    _, sink, _ = read(hints + b"HTTP/1.1 %d X\r\nX: 1\r\n\r\n" % status, Sink(is_head))

    assert sink.heads[0][1] == b"\r\nX: 1\r\nDate: now"
    assert sink.interims == [(103, b"\r\nDate: theirs"), (103, b"\r\nLink: a")]


@pytest.mark.parametrize("line", [b"Date: theirs", b"date: theirs", b"DATE:theirs"])
def test_a_response_with_a_date_keeps_it(line: bytes) -> None:
    _, sink, reader = read(make_answer(b"one", line))
    for _ in range(2):
        reader.begin(sink)
        reader.feed(make_answer(b"one", line))

    name = line.partition(b":")[0]
    assert {head[1] for head in sink.heads} == {b"\r\nContent-Length: 3\r\n" + name + b": theirs"}


def test_a_date_that_connection_names_is_replaced() -> None:
    """RFC 9110 §7.6.1: what Connection names is not forwarded."""
    _, sink, _ = read(make_answer(b"one", b"Date: theirs", b"Connection: date"))

    assert sink.heads[0][1] == b"\r\nContent-Length: 3\r\nDate: now"


def test_the_date_of_one_response_is_not_taken_for_that_of_the_next() -> None:
    _, sink, reader = read(make_answer(b"one", b"Date: theirs"))
    reader.begin(sink)
    reader.feed(make_answer(b"one"))

    assert sink.heads[1][1] == b"\r\nContent-Length: 3\r\nDate: now"


def test_a_trailer_is_no_date_of_the_next_response() -> None:
    head = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    _, sink, reader = read(head + b"1\r\na\r\n0\r\nDate: late\r\n\r\n")
    reader.begin(sink)
    reader.feed(make_answer(b"one"))

    assert sink.heads[1][1] == b"\r\nContent-Length: 3\r\nDate: now"
