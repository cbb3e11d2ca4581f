"""Frames are followed however the bytes are cut, and no beginning of one is guessed."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from gateway.proxy.streams.websocket_frames import FrameTracker, close_frame

CONTROL = (Opcode.PING, Opcode.PONG)
OPCODES = (Opcode.CONT, Opcode.TEXT, Opcode.BINARY, *CONTROL)


def make_frame(opcode: Opcode, size: int, fin: bool, rsv1: bool, masked: bool) -> bytes:
    if opcode in CONTROL:
        size, fin, rsv1 = min(size, 125), True, False
    frame = Frame(opcode, bytes(size), fin).serialize(mask=masked)
    # The library sets this bit only for the compression that it does itself.
    return bytes((frame[0] | 0x40,)) + frame[1:] if rsv1 else frame


def frames_of(masked: bool) -> st.SearchStrategy[list[bytes]]:
    sizes = st.sampled_from((0, 1, 125, 126, 127, 65535, 65536, 70_000)) | st.integers(0, 300)
    frame = st.builds(
        make_frame,
        st.sampled_from(OPCODES),
        sizes,
        st.booleans(),
        st.booleans(),
        st.just(masked),
    )
    return st.lists(frame, max_size=6)


STREAMS = st.booleans().flatmap(lambda masked: st.tuples(st.just(masked), frames_of(masked)))


@given(STREAMS, st.data())
def test_frames_end_where_they_end_however_the_bytes_are_cut(
    stream: tuple[bool, list[bytes]], data: st.DataObject
) -> None:
    masked, pieces = stream
    whole = b"".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=12))
    ends = {sum(map(len, pieces[:count])) for count in range(len(pieces) + 1)}
    frames = FrameTracker(masked=masked)

    for start, end in pairwise(sorted({0, *cuts, len(whole)})):
        frames.follow(whole[start:end])
        assert frames.is_between is (end in ends)

    assert frames.is_between
    assert not frames.is_lost
    assert not frames.has_closed


@given(STREAMS, st.integers(0, 400))
def test_the_end_of_the_current_frame_is_found_in_its_piece(
    stream: tuple[bool, list[bytes]], cut: int
) -> None:
    masked, pieces = stream
    whole = b"".join(pieces)
    ends = [sum(map(len, pieces[: count + 1])) for count in range(len(pieces))]
    frames = FrameTracker(masked=masked)
    frames.follow(whole[:cut])

    at = cut + frames.follow_one(whole[cut:])

    expected = next((end for end in ends if end > cut), None)
    assert at == (expected if expected is not None else max(cut, len(whole)))


@pytest.mark.parametrize("masked", [False, True])
def test_a_frame_is_followed_byte_by_byte(masked: bool) -> None:
    whole = Frame(Opcode.BINARY, bytes(65536)).serialize(mask=masked)
    frames = FrameTracker(masked=masked)

    for at in range(len(whole) - 1):
        frames.follow(whole[at : at + 1])
        assert not frames.is_between
    frames.follow(whole[-1:])

    assert frames.is_between


@pytest.mark.parametrize("cut", range(7))
def test_a_close_frame_is_the_last_that_means_anything(cut: int) -> None:
    whole = Frame(Opcode.CLOSE, Close(1000, "bye").serialize()).serialize(mask=False)
    frames = FrameTracker(masked=False)

    for piece in (whole[:cut], whole[cut:]):
        assert not frames.has_closed
        frames.follow(piece)
        frames.follow(b"")
    assert frames.has_closed

    frames.follow(b"\xff\xff\xff")
    assert frames.has_closed
    assert not frames.is_lost


LONGEST = struct.pack(">Q", (1 << 63) - 1)

MALFORMED = {
    "a reserved opcode": (False, b"\x83\x00"),
    "a reserved control opcode": (False, b"\x8b\x00"),
    "a long ping": (False, b"\x89\x7e\x00\x7e"),
    "a fragmented ping": (False, b"\x09\x00"),
    "a fragmented close": (False, b"\x08\x00"),
    "a masked frame of a server": (False, b"\x81\x80abcd"),
    "a bare frame of a client": (True, b"\x81\x00"),
    "a length that is negative": (False, b"\x82\x7f\x80" + bytes(7)),
}


@pytest.mark.parametrize(("masked", "frame"), MALFORMED.values(), ids=MALFORMED)
def test_after_a_malformed_frame_no_frame_is_known_to_begin(masked: bool, frame: bytes) -> None:
    """RFC 6455 §5.1, §5.2, §5.5."""
    good = Frame(Opcode.TEXT, b"hi").serialize(mask=masked)
    for pieces in ([good + frame + good], [good, *(bytes((byte,)) for byte in frame), good]):
        frames = FrameTracker(masked=masked)
        for piece in pieces:
            frames.follow(piece)

        assert frames.is_lost
        assert not frames.is_between
        assert frames.follow_one(good) == len(good)


def test_the_longest_frame_is_a_frame() -> None:
    frames = FrameTracker(masked=False)

    frames.follow(b"\x82\x7f" + LONGEST + bytes(1000))

    assert not frames.is_lost
    assert not frames.is_between


CODES = (*range(1000, 1004), *range(1007, 1015), *range(3000, 5000))


@pytest.mark.parametrize("mask", [b"", b"\x01\x02\x03\xff"])
def test_a_close_frame_of_ours_is_what_a_library_reads(mask: bytes) -> None:
    for code in CODES:
        reader = StreamReader()
        reader.feed_data(close_frame(code, b"token expired", mask))
        parsing = Frame.parse(reader.read_exact, mask=bool(mask), max_size=None)
        with pytest.raises(StopIteration) as parsed:
            next(parsing)

        frame = parsed.value.value
        assert frame.opcode is Opcode.CLOSE
        assert Close.parse(frame.data) == Close(code, "token expired")


@pytest.mark.parametrize("masked", [False, True])
def test_a_close_frame_of_ours_is_followed(masked: bool) -> None:
    frames = FrameTracker(masked=masked)

    frames.follow(close_frame(1008, b"", b"mask" if masked else b""))

    assert frames.has_closed
