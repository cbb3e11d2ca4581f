"""Heads are built from what the parser finds, the same however they are cut."""

from itertools import pairwise

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.http.reading.head_builder import HeadBuilder
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import Request
from gateway.settings.values.configuration import Limits
from tests.proxy.messages import make_request

LIMITS = Limits(
    head_bytes=1024, head_fields=5, target_bytes=30, body_bytes=None, connections=10
)  # fmt: skip


class Heads:
    """A parser with a builder; keeps every head."""

    def __init__(self) -> None:
        self.builder = HeadBuilder(RequestNames(frozenset()), LIMITS)
        self.on_url = self.builder.on_url
        self.on_header = self.builder.on_header
        self.parser = httptools.HttpRequestParser(self)
        self.in_message = False
        self.requests: list[Request] = []

    def on_message_begin(self) -> None:
        self.in_message = True
        self.builder.begin()

    def on_headers_complete(self) -> None:
        self.requests.append(self.builder.complete(self.parser))

    def feed(self, data: bytes) -> None:
        self.builder.add_piece(data, self.in_message)
        self.parser.feed_data(data)

    def cut_short(self) -> Request:
        return self.builder.cut_short(self.parser, self.in_message)


HEAD = make_request("/a?b", "X: 1", "Authorization: c", "Via: 1.0 d", host="e.test")


@given(cuts=st.lists(st.integers(0, len(HEAD)), max_size=5).map(sorted))
def test_a_head_means_the_same_however_it_is_cut(cuts: list[int]) -> None:
    heads = Heads()
    for start, end in pairwise([0, *cuts, len(HEAD)]):
        heads.feed(HEAD[start:end])

    (request,) = heads.requests
    fields = request.fields
    assert (request.method, request.target, fields.host) == ("GET", b"/a?b", b"e.test")
    assert (b"".join(fields.lines), fields.authorization) == (b"\r\nX: 1", (b"c",))
    assert (fields.via, heads.builder.collector.fields) == (b"1.0 d", None)


def test_heads_are_built_one_after_the_other() -> None:
    heads = Heads()
    heads.feed(make_request("/a") + make_request("/b"))

    assert [request.target for request in heads.requests] == [b"/a", b"/b"]


def test_a_head_that_is_cut_short_keeps_its_method_and_target() -> None:
    heads = Heads()
    heads.feed(b"HEAD /a HTTP/1.1\r\nHost")

    request = heads.cut_short()

    assert (request.method, request.target, request.is_plain) == ("HEAD", b"/a", False)
    assert heads.builder.collector.fields is None


def test_a_head_cut_short_before_it_began_has_neither() -> None:
    heads = Heads()
    heads.feed(make_request("/a"))
    heads.in_message = False

    request = heads.cut_short()

    assert (request.method, request.target) == ("", b"")


@pytest.mark.parametrize(
    ("begun", "reason"),
    [
        (b"GET /a HTTP/1.1\r\nX: " + b"x" * 2000, Reason.HEADERS_TOO_LARGE),
        (b"GET /" + b"a" * 2000, Reason.TARGET_TOO_LONG),
    ],
)
def test_an_incomplete_head_has_a_size_limit(begun: bytes, reason: Reason) -> None:
    heads = Heads()
    heads.feed(begun)

    fault = heads.builder.check_incomplete(begun)

    assert fault is not None
    assert fault.reason is reason


def test_bytes_in_front_of_a_head_do_not_count() -> None:
    heads = Heads()
    data = make_request("/a", "X: " + "x" * 900) + b"GET /b HTTP/1.1\r\n"
    heads.feed(data)

    assert heads.builder.check_incomplete(data) is None
