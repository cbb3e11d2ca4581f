"""Frames are read and written as RFC 9113 has them, and credit is exact."""

from collections.abc import Callable, Iterator

import pytest

from gateway.http.reading.field_collector import Section
from gateway.proxy.transport.framing import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    MAX_STREAMS,
    NO_ERROR,
    PROTOCOL_ERROR,
    STREAM_WINDOW_BYTES,
    ClientSink,
    Framing,
    FramingFault,
)
from gateway.settings.values.configuration import Limits
from tests.proxy.h2.frames import (
    PREFACE,
    Flag,
    Frame,
    Kind,
    block,
    body,
    frame,
    headers,
    request_fields,
    rst_stream,
    settings,
)

LIMITS = Limits(
    head_bytes=4096, head_fields=20, target_bytes=200, body_bytes=None, connections=10
)  # fmt: skip
OK = [(b":status", b"200")]


class Sink:
    """Keeps what was read, and gives credit for bodies if told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []
        self.framing = Framing.for_clients(self, LIMITS)

    def head_received(self, stream_id: int, headers: Section, ends: bool) -> None:
        self.seen.append(("head", stream_id, dict(headers)[b":path"], ends))

    def data_received(self, stream_id: int, data: bytes, ends: bool) -> None:
        self.seen.append(("data", stream_id, data, ends))

    def trailers_received(self, stream_id: int, headers: Section) -> None:
        self.seen.append(("trailers", stream_id, headers))

    def reset_received(self, stream_id: int) -> None:
        self.seen.append(("reset", stream_id))

    def stream_closed(self, stream_id: int, error_code: int) -> None:
        self.seen.append(("closed", stream_id, error_code))

    def control_received(self) -> None:
        self.seen.append(("control",))

    def settings_received(self) -> None:
        self.seen.append(("settings",))

    def ping_acknowledged(self) -> None:
        self.seen.append(("pong",))

    def stream_failed(self, stream_id: int, bug: Exception) -> None:
        raise bug

    def streams_refused(self, count: int) -> None:
        self.seen.append(("refused", count))

    def connection_closed(self) -> None:
        self.seen.append(("closed",))

    def take(self) -> list[Frame]:
        return list(split(self.framing.take(1 << 20)))

    def kinds(self) -> list[int]:
        return [one.kind for one in self.take()]


def split(raw: bytes) -> Iterator[Frame]:
    while raw:
        size = int.from_bytes(raw[:3], "big")
        stream = int.from_bytes(raw[5:9], "big")
        yield Frame(raw[3], raw[4], stream, raw[9 : 9 + size])
        raw = raw[9 + size :]


@pytest.fixture
def sink() -> Sink:
    begun = Sink()
    begun.framing.receive(PREFACE + settings())
    begun.take()
    begun.seen.clear()
    return begun


def ask(stream: int = 1, *, ends: bool = True) -> bytes:
    return headers(stream, request_fields(b"/x"), ends=ends)


LATE: dict[str, Callable[[Framing[ClientSink]], object]] = {
    "how many streams it takes": lambda framing: framing.most_streams(),
    "credit": lambda framing: framing.give_credit(1, 4),
    "interim": lambda framing: framing.interim(1, [(b":status", b"103")]),
    "head": lambda framing: framing.begin(1, OK, False),
    "body": lambda framing: framing.send(1, b"late", False),
    "trailers": lambda framing: framing.end_with(1, [(b"x", b"y")]),
    "unsent": lambda framing: framing.unsent_bytes(1),
    "reset": lambda framing: framing.reset(1, CANCEL),
    "ping": lambda framing: framing.ping(),
    "end": lambda framing: framing.announce_end(),
    "refusal": lambda framing: framing.refuse_more(NO_ERROR),
    "leak": lambda framing: framing.has_leaked(),
    "last": lambda framing: framing.end(NO_ERROR),
}


class LateSink(Sink):
    """Says something when it hears of the end of a stream."""

    def __init__(self, say: Callable[[Framing[ClientSink]], object]) -> None:
        super().__init__()
        self._say = say

    def stream_closed(self, stream_id: int, error_code: int) -> None:
        super().stream_closed(stream_id, error_code)
        self._say(self.framing)


@pytest.mark.parametrize("say", LATE.values(), ids=LATE)
def test_what_is_said_behind_the_end_of_the_connection_is_no_error(
    say: Callable[[Framing[ClientSink]], object],
) -> None:
    """RFC 9113 §6.8: GOAWAY ends the connection whose last stream is reset in the same read.

    The library takes nothing more then, before the sink has heard of it.
    """
    sink = LateSink(say)
    sink.framing.receive(PREFACE + settings())
    sink.take()
    opened = ask(ends=False) + body(1, b"four", ends=False)

    sink.framing.receive(opened + rst_stream(1) + frame(Kind.GOAWAY, 0, bytes(8)))

    assert ("closed", 1, CANCEL) in sink.seen
    assert sink.seen[-1] == ("closed",)
    assert sink.framing.is_over


def test_the_library_has_no_limit_of_its_own_for_resets(sink: Sink) -> None:
    """It had one, and ended the connection with INTERNAL_ERROR: ``Patience`` decides."""
    count = 12_000
    for stream in range(1, 2 * count, 2):
        sink.framing.receive(ask(stream, ends=False) + rst_stream(stream))
        sink.take()
    assert not sink.framing.is_over
    assert sum(one[0] == "reset" for one in sink.seen) == count


def test_a_gibibyte_of_body_that_was_taken_is_no_loss(sink: Sink) -> None:
    """The library gives back a half of the window at once; a piece less was taken for a leak."""
    sink.framing.receive(ask(ends=False))
    pieces, size = body(1, bytes(15_000), ends=False) * 4, 60_000
    raised = 0
    for _ in range(2**30 // size + 2):
        sink.framing.receive(pieces)
        assert not sink.framing.has_leaked()
        sink.framing.give_credit(1, size)
        sink.seen.clear()
        raised += sum(one.kind == Kind.WINDOW_UPDATE and not one.stream for one in sink.take())
    assert raised == 1


def test_the_first_frame_says_what_the_client_may_do() -> None:
    first, update = Sink().take()
    assert (first.kind, update.kind) == (Kind.SETTINGS, Kind.WINDOW_UPDATE)
    values = {first.payload[at + 1]: first.payload[at + 2 : at + 6] for at in range(0, 30, 6)}
    assert int.from_bytes(values[3], "big") == MAX_STREAMS
    assert int.from_bytes(values[4], "big") == STREAM_WINDOW_BYTES
    assert int.from_bytes(values[6], "big") == 4096 + 20 * 32
    assert int.from_bytes(values[8], "big") == 1


def test_requests_and_bodies_go_to_the_sink_in_their_order(sink: Sink) -> None:
    sink.framing.receive(ask(1, ends=False) + ask(3) + body(1, b"abc"))
    assert sink.seen == [
        ("head", 1, b"/x", False),
        ("head", 3, b"/x", True),
        ("data", 1, b"abc", True),
    ]
    assert sink.framing.last_stream_id == 3


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_frames_mean_the_same_in_pieces(sink: Sink, size: int) -> None:
    raw = ask(1, ends=False) + body(1, b"abc", ends=False) + frame(Kind.PING, 0, bytes(8))
    raw += headers(1, [(b"x", b"y")])
    for at in range(0, len(raw), size):
        sink.framing.receive(raw[at : at + size])
    assert [one[0] for one in sink.seen] == ["head", "data", "control", "trailers"]


def test_a_response_is_a_head_and_a_body(sink: Sink) -> None:
    sink.framing.receive(ask())
    sink.framing.begin(1, OK, False)
    sink.framing.send(1, b"hello", True)
    head, data = sink.take()
    assert (head.kind, head.stream, head.has(Flag.END_STREAM)) == (Kind.HEADERS, 1, False)
    assert (data.kind, data.payload, data.has(Flag.END_STREAM)) == (Kind.DATA, b"hello", True)
    assert sink.seen[-1] == ("closed", 1, NO_ERROR)


def test_what_is_more_than_the_client_has_room_for_waits(sink: Sink) -> None:
    sink.framing.receive(ask())
    sink.framing.begin(1, OK, False)
    sink.framing.send(1, bytes(100_000), False)
    sent = sum(len(one.payload) for one in sink.take() if one.kind == Kind.DATA)
    assert sent == 65_535
    assert sink.framing.unsent_bytes(1) == 100_000 - 65_535


def test_credit_is_given_for_what_was_consumed_alone(sink: Sink) -> None:
    sink.framing.receive(ask(ends=False) + body(1, bytes(40_000), ends=False))
    assert sink.kinds() == []
    sink.framing.give_credit(1, 39_000)
    (update,) = sink.take()
    assert (update.kind, update.stream, update.number) == (Kind.WINDOW_UPDATE, 1, 39_000)


def test_credit_of_a_closed_stream_is_the_connections(sink: Sink) -> None:
    sink.framing.receive(ask(ends=False) + body(1, bytes(40_000), ends=False) + rst_stream(1))
    sink.framing.give_credit(1, 40_000)
    assert not sink.framing.has_leaked()
    with pytest.raises(ValueError, match="unacknowledged"):
        sink.framing.give_credit(1, 1)


def test_what_is_written_to_a_stream_that_was_just_closed_is_dropped(sink: Sink) -> None:
    sink.framing.receive(ask() + rst_stream(1))
    sink.framing.interim(1, [(b":status", b"103")])
    sink.framing.begin(1, OK, False)
    sink.framing.send(1, b"x", True)
    sink.framing.reset(1, CANCEL)
    assert Kind.DATA not in sink.kinds()


def test_a_reset_is_told_with_its_code(sink: Sink) -> None:
    sink.framing.receive(ask())
    sink.framing.reset(1, CANCEL)
    (one,) = sink.take()
    assert (one.kind, one.number) == (Kind.RST_STREAM, CANCEL)
    assert sink.seen[-1] == ("closed", 1, CANCEL)


def test_an_end_is_announced_and_then_final(sink: Sink) -> None:
    sink.framing.receive(ask(5))
    sink.framing.announce_end()
    sink.framing.ping()
    sink.framing.refuse_more(NO_ERROR)
    frames = {one.kind: one for one in sink.take()}
    assert set(frames) == {Kind.GOAWAY, Kind.PING}
    assert frames[Kind.GOAWAY].payload[:4] == (5).to_bytes(4, "big")


def test_vu_421644_continuation_without_end_ends_the_connection(sink: Sink) -> None:
    flood = frame(Kind.CONTINUATION, 1, block([(b"x", b"y")])) * 10
    with pytest.raises(FramingFault) as fault:
        sink.framing.receive(frame(Kind.HEADERS, 1, block(request_fields(b"/x"))) + flood)
    assert fault.value.error_code == ENHANCE_YOUR_CALM
    (last,) = split(fault.value.last_bytes)
    assert (last.kind, last.number) == (Kind.GOAWAY, ENHANCE_YOUR_CALM)


def test_fields_far_over_the_limits_end_the_connection_with_its_last_frame(sink: Sink) -> None:
    sink.framing.receive(ask(1))
    with pytest.raises(FramingFault) as fault:
        sink.framing.receive(headers(3, request_fields(b"/x", *[(b"x", b"y")] * 81)))
    assert fault.value.error_code == ENHANCE_YOUR_CALM
    (last,) = split(fault.value.last_bytes)
    assert last.payload == (1).to_bytes(4, "big") + ENHANCE_YOUR_CALM.to_bytes(4, "big")
    sink.framing.receive(ask(5))
    assert sink.framing.take(100) == b""


def test_fields_over_the_limits_are_the_sinks_to_judge(sink: Sink) -> None:
    sink.framing.receive(headers(1, request_fields(b"/x", *[(b"x", b"y")] * 60)) + ask(3))
    assert [one[:2] for one in sink.seen] == [("head", 1), ("head", 3)]


def test_what_is_no_preface_ends_the_connection() -> None:
    with pytest.raises(FramingFault) as fault:
        Sink().framing.receive(b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n" + settings())
    assert fault.value.error_code == PROTOCOL_ERROR


def test_after_the_end_nothing_is_read_or_written(sink: Sink) -> None:
    sink.framing.receive(ask())
    (last,) = split(sink.framing.end(NO_ERROR))
    assert (last.kind, last.number) == (Kind.GOAWAY, NO_ERROR)
    framing = sink.framing
    framing.receive(ask(3))
    framing.begin(1, OK, True)
    framing.interim(1, OK)
    framing.send(1, b"x", True)
    framing.reset(1, CANCEL)
    framing.ping()
    framing.announce_end()
    framing.refuse_more(NO_ERROR)
    framing.give_credit(1, 5)
    assert (framing.take(100), framing.end(NO_ERROR), framing.has_leaked()) == (b"", b"", False)
