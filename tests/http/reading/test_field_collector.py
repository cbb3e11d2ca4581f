"""Fields are collected the same, whatever protocol brings them, and are bounded."""

import pytest

from gateway.decision.reason import Reason
from gateway.http.reading.faults import StopParsing
from gateway.http.reading.field_collector import FieldCollector
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import HTTP_2, Request
from gateway.settings.values.configuration import Limits

NAMES = RequestNames(frozenset([b"x-user"]))
LIMITS = Limits(
    head_bytes=100, head_fields=3, target_bytes=30, body_bytes=None, connections=10
)  # fmt: skip


def collect(*fields: tuple[bytes, bytes], head_bytes: int = 0, target: bytes = b"/") -> Request:
    collector = FieldCollector(NAMES, LIMITS)
    collector.fields = Fields()
    request = Request("GET", target, collector.fields)
    for name, value in fields:
        collector.on_header(name, value)
    collector.settle(request, head_bytes)
    return request


def test_usual_fields_are_forwarded_and_identity_fields_are_not() -> None:
    request = collect((b"host", b"a"), (b"accept", b"*/*"), (b"x-user", b"root"))
    assert request.fields.lines == [b"\r\naccept: ", b"*/*"]
    assert request.is_plain


def test_a_request_of_http_2_can_be_plain() -> None:
    request = collect((b"host", b"a"))
    collector = FieldCollector(NAMES, LIMITS)
    request.version = HTTP_2
    collector.settle(request, 0)
    assert request.is_plain


@pytest.mark.parametrize("name", [b"accept", b"via", b"x-user"])
def test_more_fields_than_the_limit_are_too_many_whatever_they_are(name: bytes) -> None:
    field = (name, b"1")
    assert collect((b"host", b"a"), field).fields.fault is None

    fault = collect((b"host", b"a"), field, field, field, field).fields.fault
    assert fault is not None
    assert fault.reason is Reason.HEADERS_TOO_LARGE
    assert fault.detail == "more than 3 fields"


def test_the_size_is_counted_only_if_it_may_be_too_much() -> None:
    large = (b"accept", b"a" * 120)
    assert collect((b"host", b"a"), large, head_bytes=100).fields.fault is None
    fault = collect((b"host", b"a"), large, head_bytes=101).fields.fault
    assert fault is not None
    assert fault.detail == "the head is too large"


def test_a_target_that_is_too_long_is_said_before_a_head_that_is_too_large() -> None:
    assert collect((b"host", b"a"), head_bytes=101, target=b"/" * 200).fields.fault is None


def test_the_fields_being_read_are_judged_again_under_another_configuration() -> None:
    collector = FieldCollector(NAMES, LIMITS)
    collector.fields = Fields()
    collector.on_header(b"x-role", b"admin")
    collector.use(RequestNames(frozenset([b"x-role"])), LIMITS)
    assert collector.fields.lines == []


def test_trailers_are_counted_for_each_body_alone() -> None:
    collector = FieldCollector(NAMES, LIMITS)
    for _ in range(2):
        for _ in range(3):
            collector.on_header(b"x-user", b"root")
        assert collector.trailer_fault() is None
        assert collector.take_trailers() == ((b"x-user", b"root"),) * 3
    assert collector.take_trailers() == ()


@pytest.mark.parametrize(
    ("count", "size", "reason"),
    [(4, 1, Reason.HEADERS_TOO_LARGE), (2, 50, Reason.REQUEST_MALFORMED)],
)
def test_trailers_over_the_limits_of_a_head_are_read_no_further(
    count: int, size: int, reason: Reason
) -> None:
    collector = FieldCollector(NAMES, LIMITS)
    for _ in range(count - 1):
        collector.on_header(b"x", b"a" * size)
    with pytest.raises(StopParsing):
        collector.on_header(b"x", b"a" * size)
    fault = collector.trailer_fault()
    assert fault is not None
    assert fault.reason is reason
