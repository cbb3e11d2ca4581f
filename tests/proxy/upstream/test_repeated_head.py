"""The repeated head of responses changes nothing but the price of reading them."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.upstream.response_reader import FAULT, MORE, RepeatedHead, ResponseReader
from tests.proxy.messages import make_answer, make_chunked, undated


@dataclass
class Sink:
    """Takes a response, and keeps every call."""

    is_head: bool = False
    wants_upgrade: bool = False
    out: list[bytes] = field(default_factory=list)
    logins: int = 0
    calls: list[object] = field(default_factory=list)

    def interim_received(self, status: int, fields: bytes) -> None:
        self.calls.append((status, fields))

    def login_received(self) -> None:
        self.logins += 1

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        self.calls.append((status, undated(fields), length, has_body))

    def trailers_received(self, fields: bytes) -> None:
        self.calls.append(fields)


def read(reader: ResponseReader, sink: Sink, pieces: list[bytes]) -> dict[str, object]:
    """Feed *pieces* until one decides; return everything that came of it."""
    reader.begin(sink)
    outcome = MORE
    for piece in pieces:
        outcome = reader.feed(piece)
        if outcome != MORE:
            break
    return {
        "outcome": outcome,
        "calls": sink.calls,
        "body": b"".join(sink.out),
        "reusable": reader.is_reusable,
        "head done": reader.head_done,
        # What the connection asks when it is closed, and that only while an answer is due.
        "at the end": outcome == MORE and (reader.has_begun, reader.ends_with_connection()),
        "fault": reader.fault if outcome == FAULT else "",
    }


LINES = [
    b"Date: x",
    b"Connection: date",
    b"X: 1",
    b"X: 2",
    b"Connection: close",
    b"Connection: x, X",
    b"Keep-Alive: 5",
    b"Via: a",
]
usual = st.builds(
    lambda body, lines, status: make_answer(body, *lines, status=status),
    st.sampled_from([b"", b"one", b"two", b"longer"]),
    st.sampled_from([[b"X: 1"], [b"X: 1"], [b"Date: x"], []])
    | st.lists(st.sampled_from(LINES), max_size=2),
    st.sampled_from([200, 200, 200, 404, 204, 304, 103]),
)
odd = st.sampled_from(
    [
        b"HTTP/1.1 200 Words\r\nTransfer-Encoding: chunked\r\n\r\n" + make_chunked(b"a", b"b"),
        b"HTTP/1.1 103 Words\r\nLink: a\r\n\r\n" + make_answer(b"one", b"X: 1"),
        make_answer(b"one", b"X: 1") + make_answer(b"one", b"X: 1"),
        make_answer(b"one", b"X: 1")[:-1],
        make_answer(b"one", b"X: 1") + b"x",
        make_answer(b"one").replace(b"HTTP/1.1", b"HTTP/1.0"),
        b"HTTP/1.1 200 Words\r\n\r\nuntil the end",
        b"nonsense\r\n\r\n",
    ]
)


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[bool, list[bytes]]]:
    """Draw responses, to HEAD or not, whole or cut; many repeat the first one, or nearly."""
    first = draw(usual)
    head, _, body = first.partition(b"\r\n\r\n")
    again = [first, first, first[:-1], first + b"x", head + b"\r\n\r\n" + body.upper()]
    others = st.lists(st.sampled_from(again) | usual | odd, min_size=1, max_size=5)
    answers = [first, *draw(others)]
    conversation = []
    for answer in answers:
        cut = draw(st.sampled_from([0, 0, 0]) | st.integers(0, len(answer)))
        is_head = draw(st.sampled_from([False, False, True]))
        conversation.append((is_head, [piece for piece in (answer[:cut], answer[cut:]) if piece]))
    return conversation


@given(conversations())
def test_the_repeated_head_is_invisible(answers: list[tuple[bool, list[bytes]]]) -> None:
    """Any sequence of responses gives the same calls as with a new reader for each."""
    keeping = ResponseReader()
    for is_head, pieces in answers:
        came = read(keeping, Sink(is_head), pieces)

        assert came == read(ResponseReader(), Sink(is_head), pieces)
        if not came["reusable"]:
            keeping = ResponseReader()


def keep(answer: bytes, body: bytes) -> RepeatedHead:
    kept = RepeatedHead()
    kept.keep(answer, 200, [b"\r\nX: ", b"1"], len(body), lacks_date=True)
    return kept


def test_a_repeated_head_is_recognised_with_another_body_of_its_length() -> None:
    kept = keep(make_answer(b"one", b"X: 1"), b"one")

    assert kept.match(make_answer(b"two", b"X: 1")) == b"two"
    assert (kept.status, kept.fields, kept.length) == (200, b"\r\nX: 1", 3)
    assert kept.lacks_date


@pytest.mark.parametrize(
    "data",
    [
        make_answer(b"two", b"X: 2"),
        make_answer(b"longer", b"X: 1"),
        make_answer(b"two", b"X: 1")[:-1],
        make_answer(b"two", b"X: 1") + b"x",
        b"",
    ],
)
def test_anything_else_is_left_to_the_parser(data: bytes) -> None:
    assert keep(make_answer(b"one", b"X: 1"), b"one").match(data) is None


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (make_answer(b"one", b"X: " + b"x" * 2048), b"one"),
        (b"HTTP/1.1 103 W\r\n\r\n" + make_answer(b"one"), b"one"),
    ],
)
def test_a_head_that_is_large_or_did_not_come_alone_is_not_kept(answer: bytes, body: bytes) -> None:
    assert keep(answer, body).match(answer) is None
