"""Reading responses: the same one however the bytes are cut, and nothing that follows it."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.upstream.response_reader import DONE, FAULT, MORE, SWITCH, ResponseReader
from tests.proxy.messages import make_answer, make_chunked


@dataclass
class Sink:
    """Takes a response, and keeps its pieces."""

    is_head: bool = False
    wants_upgrade: bool = False
    interims: list[int] = field(default_factory=list)
    status: int = 0
    fields: bytes = b""
    length: int | None = None
    has_body: bool = False
    out: list[bytes] = field(default_factory=list)
    logins: int = 0
    trailers: bytes = b""

    @property
    def body(self) -> bytes:
        return b"".join(self.out)

    def interim_received(self, status: int, fields: bytes) -> None:
        self.interims.append(status)

    def login_received(self) -> None:
        self.logins += 1

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        self.status, self.fields, self.length, self.has_body = status, fields, length, has_body

    def trailers_received(self, fields: bytes) -> None:
        self.trailers = fields


def read(sink: Sink, *pieces: bytes) -> tuple[int, ResponseReader]:
    """Feed *pieces* until one of them decides; return the outcome."""
    reader = ResponseReader()
    reader.begin(sink)
    outcome = MORE
    for piece in pieces:
        outcome = reader.feed(piece)
        if outcome != MORE:
            break
    return outcome, reader


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + make_chunked(b"one", b"two")
WHOLE = {
    "length": (make_answer(b"onetwo", b"X: 1"), b"onetwo"),
    "empty": (make_answer(b"", b"X: 1"), b""),
    "chunked": (CHUNKED, b"onetwo"),
    "interim": (b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + make_answer(b"onetwo"), b"onetwo"),
    "no_content": (b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", b""),
}


# RFC 9110 §6.5.1: what routes or controls the message, or says who may read it. The parser itself
# refuses what frames it.
BAD_TRAILERS = (
    b"Trailer: X-A", b"Upgrade: h2c",
    b"Content-Type: text/html", b"content-encoding: gzip", b"Set-Cookie: a=b", b"Vary: a",
    b"Cache-Control: public", b"Date: now", b"Location: /", b"WWW-Authenticate: Basic",
    b"Access-Control-Allow-Origin: *", b"X-Request-Id: 1", b"Keep-Alive: 5", b"Named: 1",
)  # fmt: skip


@given(cuts=st.lists(st.integers(0, 600), max_size=6))
def test_trailers_are_taken_but_those_that_belong_in_a_head(cuts: list[int]) -> None:
    """9110.15."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: named\r\n\r\n"
    trailers = (b"grpc-status: 0", *BAD_TRAILERS, b"X-Sum: 12")
    answer = head + b"3\r\none\r\n0\r\n" + b"".join(one + b"\r\n" for one in trailers) + b"\r\n"
    borders = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    sink = Sink()

    outcome, reader = read(sink, *(answer[a:b] for a, b in pairwise(borders) if a < b))

    assert (outcome, sink.body, reader.is_reusable) == (DONE, b"one", True)
    assert sink.trailers == b"\r\ngrpc-status: 0\r\nX-Sum: 12"
    assert b"Sum" not in sink.fields


@pytest.mark.parametrize("count", [256, 257])
def test_too_many_trailers_are_dropped_together(count: int) -> None:
    sink = Sink()

    outcome, _ = read(sink, CHUNKED[:-2] + b"X: 1\r\n" * count + b"\r\n")

    assert (outcome, sink.body) == (DONE, b"onetwo")
    assert sink.trailers.count(b"X: 1") == (count if count == 256 else 0)


def test_trailers_of_one_response_are_not_those_of_the_next() -> None:
    sink, reader = Sink(), ResponseReader()
    reader.begin(sink)
    assert reader.feed(CHUNKED[:-2] + b"X: 1\r\n\r\n") == DONE
    later = Sink()
    reader.begin(later)

    assert reader.feed(CHUNKED) == DONE

    assert (sink.trailers, later.trailers) == (b"\r\nX: 1", b"")


@pytest.mark.parametrize(("answer", "body"), WHOLE.values(), ids=WHOLE)
@given(cuts=st.lists(st.integers(0, 120), max_size=6))
def test_the_same_response_is_read_however_the_bytes_are_cut(
    answer: bytes, body: bytes, cuts: list[int]
) -> None:
    borders = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    pieces = [answer[a:b] for a, b in pairwise(borders) if a < b]
    sink = Sink()

    outcome, reader = read(sink, *pieces)

    assert (outcome, sink.body, reader.is_reusable) == (DONE, body, True)


@pytest.mark.parametrize(("answer", "body"), WHOLE.values(), ids=WHOLE)
def test_a_reader_reads_one_response_after_the_other(answer: bytes, body: bytes) -> None:
    reader = ResponseReader()
    for _ in range(3):
        sink = Sink()
        reader.begin(sink)
        assert reader.feed(answer) == DONE
        assert (sink.body, reader.is_reusable) == (body, True)


@pytest.mark.parametrize(("answer", "body"), WHOLE.values(), ids=WHOLE)
def test_what_follows_a_response_ends_the_connection(answer: bytes, body: bytes) -> None:
    sink = Sink()

    outcome, reader = read(sink, answer + make_answer(b"canary"))

    assert (outcome, sink.body, reader.is_reusable) == (DONE, body, False)


UNUSUAL = {
    **{name: answer for name, (answer, _) in WHOLE.items()},
    "head_in_two": make_answer(b"one", b"X: 1"),
    "named_fields": make_answer(b"one", b"Connection: x-hop", b"X-Hop: 1"),
    "upgrade_field": make_answer(b"one", b"Upgrade: h2c"),
    "not_modified": b"HTTP/1.1 304 X\r\nContent-Length: 900\r\n\r\n",
}


@pytest.mark.parametrize("answer", UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.parametrize("cut", [10, 30, 60])
def test_nothing_of_a_response_is_left_for_the_next_one(answer: bytes, cut: int) -> None:
    reader = ResponseReader()
    reader.begin(Sink())
    if reader.feed(answer[:cut]) == MORE:
        assert reader.feed(answer[cut:]) == DONE
    sink = Sink()

    reader.begin(sink)

    assert reader.feed(make_answer(b"next", b"X-Hop: 2", b"X-One: 1")) == DONE
    assert (sink.body, sink.length, sink.interims, reader.is_reusable) == (b"next", 4, [], True)
    assert b"\r\nX-Hop: " in sink.fields
    assert reader.upgrade == b""


def test_a_body_without_framing_lasts_until_the_connection_ends() -> None:
    outcome, reader = read(Sink(), b"HTTP/1.1 200 OK\r\n\r\n", b"one", b"two")

    assert outcome == MORE
    assert reader.ends_with_connection()


@pytest.mark.parametrize(
    "piece", [b"", b"HTTP/1.1 200 OK\r\n", CHUNKED[:-5], make_answer(b"x")[:-1]]
)
def test_a_response_cut_short_does_not_end_with_the_connection(piece: bytes) -> None:
    outcome, reader = read(Sink(), *([piece] if piece else []))

    assert outcome == MORE
    assert not reader.ends_with_connection()
    assert reader.has_begun is bool(piece)


@pytest.mark.parametrize("length", [[], [b"Content-Length: 5"]])
def test_a_response_to_head_ends_with_its_head(length: list[bytes]) -> None:
    sink = Sink(is_head=True)
    head = b"\r\n".join((b"HTTP/1.1 200 OK", *length, b"", b""))

    outcome, reader = read(sink, head)

    assert (outcome, sink.has_body, reader.is_reusable) == (DONE, False, True)


@pytest.mark.parametrize(
    "answer",
    [
        make_answer(b"x", b"Connection: close"),
        make_answer(b"x", b"Connection: foo, Close"),
        make_answer(b"x").replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
def test_a_connection_that_will_be_closed_is_not_reusable(answer: bytes) -> None:
    outcome, reader = read(Sink(), answer)

    assert (outcome, reader.is_reusable) == (DONE, False)


CODING = b"Transfer-Encoding: chunked\r\n\r\n"
FAULTS = {
    "nonsense": b"SSH-2.0-OpenSSH\r\n",
    "length_and_chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n" + CODING,
    "two_codings": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    "unasked_101": b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "interims": b"HTTP/1.1 103 X\r\n\r\n" * 17,
    "bad_chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n",
}


@pytest.mark.parametrize("answer", FAULTS.values(), ids=FAULTS)
def test_an_invalid_response_is_a_fault_with_a_reason(answer: bytes) -> None:
    """9112.6, 9112.8, CVE-2024-23326."""
    outcome, reader = read(Sink(), answer)

    assert outcome == FAULT
    assert reader.fault


def test_a_head_without_end_is_a_fault() -> None:
    outcome, _ = read(Sink(), b"HTTP/1.1 200 OK\r\nX: ", *[b"a" * 1000] * 70)

    assert outcome == FAULT


def test_chunk_framing_that_dwarfs_its_body_is_a_fault() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    outcome, _ = read(Sink(), head, *[b"1;" + b"x" * 4000 + b"\r\na\r\n"] * 100)

    assert outcome == FAULT


def test_a_101_that_was_asked_for_hands_over_what_follows() -> None:
    sink = Sink(wants_upgrade=True)
    fields = b"Connection: Upgrade, X-Hop\r\nUpgrade: websocket\r\nX-Hop: 1\r\nX: 2\r\n\r\n"
    head = b"HTTP/1.1 101 X\r\n" + fields

    outcome, reader = read(sink, head + b"frames")

    assert outcome == SWITCH
    assert (reader.upgrade, reader.rest) == (b"websocket", b"frames")
    assert reader.switch_lines() == [b"\r\nX: ", b"2"]


def test_trailers_are_dropped() -> None:
    sink = Sink()

    outcome, _ = read(sink, CHUNKED[:-2] + b"Set-Cookie: canary=1\r\n\r\n")

    assert outcome == DONE
    assert b"canary" not in sink.fields + sink.body
