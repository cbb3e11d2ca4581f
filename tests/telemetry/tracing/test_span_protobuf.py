"""Spans as a collector reads them."""

import asyncio

from gateway import __version__
from gateway.telemetry.tracing.span_protobuf import count_rejected, write_spans
from gateway.telemetry.tracing.spans import Span, SpanKind
from tests.telemetry.collector import Seen, read_resource, read_spans

TRACE, SPAN, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "b7ad6b7169203331"


def make_span(number: int = 0, *, failed: bool = False) -> Span:
    return Span(
        SpanKind.SERVER,
        TRACE.encode(),
        SPAN.encode(),
        PARENT.encode() if number % 2 else b"",
        b"foo=1",
        f"GET /{number}",
        1_790_000_000_123_456_789 + number,
        1_790_000_001_123_456_789 + number,
        failed,
        (("url.path", f"/{number}"), ("http.response.status_code", 200)),
    )


async def test_what_was_said_of_a_request_is_what_a_collector_reads() -> None:
    body = await write_spans([make_span(failed=True), make_span(1)], "edge", "abc")

    failed, child = read_spans(body)
    assert failed == Seen(
        "GET /0", "SERVER", TRACE, SPAN, "", "foo=1", 1_790_000_000_123_456_789,
        1_790_000_001_123_456_789, True, {"url.path": "/0", "http.response.status_code": 200},
    )  # fmt: skip
    assert (child.parent_id, child.failed) == (PARENT, False)
    assert read_resource(body) == {
        "service.name": "edge",
        "service.version": __version__,
        "service.instance.id": "abc",
    }


async def test_others_get_their_turns_while_many_spans_are_written() -> None:
    spans = [make_span(number) for number in range(512)]
    writing = asyncio.create_task(write_spans(spans, "edge", "abc"))
    turns = 0
    while not writing.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns >= 512 / 16
    assert [span.name for span in read_spans(await writing)] == [span.name for span in spans]


async def test_an_answer_that_says_nothing_rejects_nothing() -> None:
    assert count_rejected(b"") == 0
    assert count_rejected(b"\xff not protobuf") == 0
