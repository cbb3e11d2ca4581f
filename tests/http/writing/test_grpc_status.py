"""The status and the message of a call that failed, as clients of gRPC read them."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.http.writing.grpc_status import (
    GrpcStatus,
    encode_message,
    grpc_status_of,
    read_grpc_status,
)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_failure_of_the_fitting_kind(reason: Reason) -> None:
    status = grpc_status_of(reason)

    assert status is not GrpcStatus.OK
    if reason.status == 401:
        assert status is GrpcStatus.UNAUTHENTICATED
    elif reason.status == 403:
        assert status is GrpcStatus.PERMISSION_DENIED
    elif reason.status in (502, 503):
        assert status is GrpcStatus.UNAVAILABLE
    else:  # clients would send the call again, or the token
        assert status is not GrpcStatus.UNAVAILABLE


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.TOKEN_REPEATED, GrpcStatus.UNAUTHENTICATED),
        (Reason.ROUTE_NOT_FOUND, GrpcStatus.UNIMPLEMENTED),
        (Reason.METHOD_NOT_ALLOWED, GrpcStatus.UNIMPLEMENTED),
        (Reason.RATE_LIMITED, GrpcStatus.RESOURCE_EXHAUSTED),
        (Reason.BODY_TOO_LARGE, GrpcStatus.RESOURCE_EXHAUSTED),
        (Reason.UPSTREAM_TIMEOUT, GrpcStatus.DEADLINE_EXCEEDED),
        (Reason.DEADLINE_EXCEEDED, GrpcStatus.DEADLINE_EXCEEDED),
        (Reason.REQUEST_MALFORMED, GrpcStatus.INTERNAL),
        (Reason.PATH_REJECTED, GrpcStatus.INVALID_ARGUMENT),
        (Reason.INTERNAL_ERROR, GrpcStatus.INTERNAL),
    ],
)
def test_the_status_is_the_one_of_the_documentation(reason: Reason, status: GrpcStatus) -> None:
    assert grpc_status_of(reason) is status


@given(st.text())
def test_a_message_is_one_field_that_reads_as_it_was(text: str) -> None:
    encoded = encode_message(text)

    assert all(0x20 <= byte <= 0x7E for byte in encoded)
    assert unquote(encoded.decode("ascii"), errors="strict") == text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"\r\ngrpc-status: 0", 0),
        (b"\r\nGrpc-Status: 14\r\ngrpc-message: x", 14),
        (b"\r\nx: 1\r\ngrpc-status: 5", 5),
        (b"\r\ngrpc-status: five", None),
        (b"\r\ngrpc-status: 5 6", None),
        (b"\r\ngrpc-status: 123456789", None),
        (b"\r\nx-grpc-status: 5", None),
        (b"", None),
    ],
)
def test_the_status_is_read_where_it_is_a_number(fields: bytes, status: int | None) -> None:
    assert read_grpc_status(fields) == status
