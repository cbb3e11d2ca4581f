"""What gRPC says of a failure: a status, and a message that is one field.

Sources: the protocol of gRPC over HTTP/2 ("Responses"), and its list of status codes.
"""

import re
from enum import IntEnum
from typing import Final

from gateway.decision.reason import Reason


class GrpcStatus(IntEnum):
    """How a call of gRPC ended."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


# Clients send a call again on UNAVAILABLE, and get another token on UNAUTHENTICATED; so each reason
# has the status that makes them do the right thing.
_STATUSES: Final = {
    400: GrpcStatus.INVALID_ARGUMENT,
    401: GrpcStatus.UNAUTHENTICATED,
    403: GrpcStatus.PERMISSION_DENIED,
    404: GrpcStatus.UNIMPLEMENTED,
    405: GrpcStatus.UNIMPLEMENTED,
    408: GrpcStatus.DEADLINE_EXCEEDED,
    413: GrpcStatus.RESOURCE_EXHAUSTED,
    414: GrpcStatus.RESOURCE_EXHAUSTED,
    421: GrpcStatus.UNIMPLEMENTED,
    429: GrpcStatus.RESOURCE_EXHAUSTED,
    431: GrpcStatus.RESOURCE_EXHAUSTED,
    500: GrpcStatus.INTERNAL,
    501: GrpcStatus.UNIMPLEMENTED,
    502: GrpcStatus.UNAVAILABLE,
    503: GrpcStatus.UNAVAILABLE,
    504: GrpcStatus.DEADLINE_EXCEEDED,
}
_EXCEPTIONS: Final = {
    # Not the arguments of the call, which nobody has read: the message that should carry it.
    Reason.REQUEST_MALFORMED: GrpcStatus.INTERNAL,
    Reason.TOKEN_REPEATED: GrpcStatus.UNAUTHENTICATED,
    Reason.LOGIN_FAILED: GrpcStatus.UNAUTHENTICATED,
}

# In a head or trailer section as it is forwarded. More digits are no status.
_STATUS_LINE: Final = re.compile(rb"\r\ngrpc-status: ([0-9]{1,4})(?=\r|\Z)", re.IGNORECASE)

_UNENCODED: Final = frozenset(range(0x20, 0x7F)) - {ord("%")}


def grpc_status_of(reason: Reason) -> GrpcStatus:
    """Return the status of a call that is refused for *reason*."""
    return _EXCEPTIONS.get(reason) or _STATUSES[reason.status]


def encode_message(text: str) -> bytes:
    """Return *text* as the value of ``grpc-message``: percent-encoded UTF-8."""
    return b"".join(
        b"%c" % byte if byte in _UNENCODED else b"%%%02X" % byte for byte in text.encode()
    )


def read_grpc_status(fields: bytes) -> int | None:
    """Return the status in *fields*, lines with the line end before each; None if there is none."""
    found = _STATUS_LINE.search(fields)
    return None if found is None else int(found[1])
