"""Where an event ends: after an empty line, however lines end, and however they are cut."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.streams.event_stream import EventStream

HEAD = b"http/1.1 200 ok\r\ncontent-type: text/event-stream\r\n\r\n"

BORDERS = [b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n", b"\r\n\n", b"\r\r\n", b"\n\r"]
NO_BORDERS = [b"\r\n", b"\n", b"\r", b"", b"\n\ndata", b"\n \n"]


def followed(*pieces: bytes) -> EventStream:
    events = EventStream(HEAD)
    for piece in pieces:
        events.follow(piece)
    return events


@pytest.mark.parametrize("end", BORDERS)
def test_an_empty_line_is_the_end_of_an_event(end: bytes) -> None:
    assert followed(b"data: one" + end).is_between()
    assert followed(b"data: one").first_end(end + b"data: two") == len(end)


@pytest.mark.parametrize("end", NO_BORDERS)
def test_the_end_of_a_line_is_not(end: bytes) -> None:
    assert not followed(b"data: one" + end).is_between()


def test_no_event_is_in_transit_before_the_first() -> None:
    assert followed().is_between()


def test_only_the_end_of_an_event_still_to_come_counts() -> None:
    events = followed(b"data: one\n\nid")

    assert events.first_end(b": 2\ndata: two") is None
    assert events.first_end(b": 2\n\ndata: three\n\n") == 5


def reference(data: bytes) -> list[int]:
    """Return every place after an empty line, line by line."""
    ends, at = [], 0
    for line in re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)", data):
        at += len(line)
        if not line.strip(b"\r\n"):
            ends.append(at)
    return ends


STREAMS = st.lists(st.sampled_from([b"a", b"data: x", b"\n", b"\r", b"\r\n", b"\n\n"])).map(
    b"".join
)


@given(data=STREAMS, cuts=st.lists(st.integers(0, 40)))
def test_however_it_is_cut_up_the_border_is_where_an_empty_line_ends(
    data: bytes, cuts: list[int]
) -> None:
    data = b"data: x" + data
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    events = followed(*(data[start:end] for start, end in pairwise(places)))

    assert events.is_between() == (len(data) in reference(data))


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"identity, gzip"])
def test_in_compressed_data_any_end_of_a_piece_is_a_border(coding: bytes) -> None:
    events = EventStream(HEAD[:-2] + b"content-encoding: " + coding + b"\r\n\r\n")
    events.follow(b"\x1f\x8b...")

    assert events.is_between()


def test_a_response_with_a_length_ends_by_itself() -> None:
    assert EventStream(HEAD).is_endless
    assert not EventStream(HEAD[:-2] + b"content-length: 10\r\n\r\n").is_endless
