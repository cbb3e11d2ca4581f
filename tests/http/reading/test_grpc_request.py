"""Which requests are calls of gRPC, and how long they may take."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.http.reading.fields import Fields
from gateway.http.reading.grpc_request import (
    NO_TIMEOUT,
    is_grpc,
    read_timeout,
    render_timeout,
    replace_timeout,
)
from gateway.http.reading.request import HTTP_1_1, HTTP_2, Request


def fields_of(name: bytes, *values: bytes) -> Fields:
    fields = Fields()
    for value in values:
        fields.lines += (b"\r\n%b: " % name, value)
    return fields


def request(
    *types: bytes, method: str = "POST", version: int = HTTP_2, name: bytes = b"content-type"
) -> Request:
    made = Request(method, b"/pkg.Svc/Do", fields_of(name, *types))
    made.version = version
    return made


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/grpc",
        b"application/grpc+proto",
        b"Application/GRPC+json",
        b"application/grpc;charset=x",
        b"application/grpc+proto ; a=b",
    ],
)
def test_a_call_is_known_by_its_type(content_type: bytes) -> None:
    assert is_grpc(request(content_type))
    assert is_grpc(request(content_type, name=b"Content-Type"))
    assert not is_grpc(request(content_type, method="PUT"))
    assert not is_grpc(request(content_type, version=HTTP_1_1))


@pytest.mark.parametrize(
    "types",
    [
        (),
        (b"",),
        (b"application/json",),
        (b"application/grpc-web",),
        (b"application/grpc-web+proto",),
        (b"application/grpcx",),
        (b"application/grpc+",),
        (b"text/plain, application/grpc",),
        (b"application/grpc, text/plain",),
        (b"application/grpc", b"application/grpc"),
    ],
)
def test_anything_else_is_a_request_like_others(types: tuple[bytes, ...]) -> None:
    assert not is_grpc(request(*types))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"1H", 3600.0),
        (b"2M", 120.0),
        (b"3S", 3.0),
        (b"250m", 0.25),
        (b"5u", 5e-6),
        (b"0n", 0.0),
        (b"99999999H", 99_999_999 * 3600.0),
    ],
)
def test_a_timeout_is_a_number_with_a_unit(value: bytes, seconds: float) -> None:
    fields = fields_of(b"grpc-timeout", value)
    assert math.isclose(read_timeout(fields), seconds)
    assert fields.fault is None


def test_no_timeout_is_no_limit() -> None:
    assert read_timeout(Fields()) == NO_TIMEOUT


@pytest.mark.parametrize(
    "values",
    [
        (b"",),
        (b"5",),
        (b"S",),
        (b"-5S",),
        (b"5s",),
        (b"1.5S",),
        (b"123456789m",),
        (b"5 S",),
        (b"\xd9\xa5S",),
        (b"5S", b"6S"),
    ],
)
def test_another_timeout_is_malformed(values: tuple[bytes, ...]) -> None:
    fields = fields_of(b"grpc-timeout", *values)

    assert read_timeout(fields) == NO_TIMEOUT

    assert fields.fault is not None
    assert fields.fault.reason is Reason.REQUEST_MALFORMED
    assert "10S" in fields.fault.detail


@given(st.floats(min_value=1e-9, max_value=1e13))
def test_what_is_left_is_forwarded_exactly_enough_and_never_as_more(seconds: float) -> None:
    fields = fields_of(b"grpc-timeout", b"99H")

    replace_timeout(fields, seconds)

    left = read_timeout(fields)
    assert fields.fault is None
    assert left <= seconds * (1 + 1e-12)
    assert left >= min(seconds * (1 - 1e-4) - 1e-9, 99_999_999 * 3600)


def test_a_timeout_that_is_no_smaller_unit_is_in_the_largest() -> None:
    assert render_timeout(1e12) == b"99999999H"
    assert render_timeout(0.05) == b"50000000n"
