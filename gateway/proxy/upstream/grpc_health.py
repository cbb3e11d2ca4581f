"""Ask a server by gRPC whether it is healthy: the messages of grpc.health.v1, byte for byte.

See https://github.com/grpc/grpc/blob/master/doc/health-checking.md and, for the bytes, the
encoding of Protocol Buffers. Two messages of one field each need no library.
"""

import struct
from collections.abc import Iterator
from typing import Final

METHOD: Final = "/grpc.health.v1.Health/Check"

# `HealthCheckResponse.ServingStatus`.
_SERVING: Final = 1
_STATUSES: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}

# https://grpc.github.io/grpc/core/md_doc_statuscodes.html
_CODES: Final = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip

# Whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message").
_PREFIX: Final = struct.Struct(">BI")

# The first field of either message, as text and as a number.
_SERVICE_TAG: Final = b"\x0a"
_STATUS_FIELD: Final = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

# An answer has two bytes, and a later version of the message may add fields.
MAX_ANSWER_BYTES: Final = 4096


class _Malformed(Exception):  # noqa: N818 - a finding about the answer
    """The bytes are no message."""


def encode_check(service: str) -> bytes:
    """Return the request about *service*, or about the whole server if it is empty."""
    name = service.encode("ascii")
    message = b"" if not name else _SERVICE_TAG + _encode_varint(len(name)) + name
    return _PREFIX.pack(0, len(message)) + message


def _encode_varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def judge_call(code: bytes | None) -> str | None:
    """Return why a call with the grpc-status *code* says nothing good; None if it is OK."""
    if code is None:
        return "its health check was answered without grpc-status"
    if code == b"0":
        return None
    if not code.isdigit() or len(code) > 2 or int(code) >= len(_CODES):
        return "its health check was answered with an unknown grpc-status"
    return f"its health check failed with gRPC status {int(code)} ({_CODES[int(code)]})"


def judge_answer(body: bytes) -> str | None:
    """Return why a server whose answer is *body* is unhealthy; None if it is SERVING."""
    try:
        status = _read_status(body)
    except _Malformed:
        return "the answer to its health check is not one message of grpc.health.v1"
    if status == _SERVING:
        return None
    return f"it is {_STATUSES.get(status, 'in an unknown state')}"


def _read_status(body: bytes) -> int:
    """Return the status in *body*: 0 if it is left out, the last one if it is repeated."""
    if len(body) < _PREFIX.size:
        raise _Malformed
    compressed, length = _PREFIX.unpack_from(body)
    message = body[_PREFIX.size :]
    if compressed or length != len(message):
        raise _Malformed
    status = 0
    for number, kind, value in _read_fields(message):
        if number != _STATUS_FIELD:
            continue
        if kind != _VARINT:
            raise _Malformed
        status = value
    return status


def _read_fields(message: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the number, the kind and, if it is a varint, the value of each field."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        number, kind, value = tag >> 3, tag & 7, 0
        if not number:
            raise _Malformed
        if kind == _VARINT:
            value, at = _read_varint(message, at)
        elif kind == _BYTES:
            size, at = _read_varint(message, at)
            at += size
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        else:
            raise _Malformed
        if at > len(message):
            raise _Malformed
        yield number, kind, value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at*, and where it ends; it has ten bytes at most."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise _Malformed
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise _Malformed
