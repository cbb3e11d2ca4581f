"""What is different about a request that is a call of gRPC: its content type, and its deadline."""

import re
from typing import Final

from gateway.decision.reason import Reason
from gateway.http.reading.fields import Fields
from gateway.http.reading.request import HTTP_2, Request

# Any message format (`+proto`, `+json`), any parameters; not `application/grpc-web`, which HTTP/1.1
# can carry and is another protocol.
_CONTENT_TYPE: Final = re.compile(rb"application/grpc(?:\+[^;, \t]+)?[ \t]*(?:;|\Z)", re.IGNORECASE)

_TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNIT_SECONDS: Final = {b"n": 1e-9, b"u": 1e-6, b"m": 1e-3, b"S": 1.0, b"M": 60.0, b"H": 3600.0}
_MOST_UNITS: Final = 10**8 - 1

NO_TIMEOUT: Final = float("inf")


def is_grpc(request: Request) -> bool:
    """Return whether *request*, which has a body, is a call of gRPC: by HTTP/2, POST and its type.

    Several types are none: readers disagree about which of them counts.
    """
    if request.method != "POST" or request.version != HTTP_2:
        return False
    return _CONTENT_TYPE.match(request.fields.only(b"content-type")) is not None


def read_timeout(fields: Fields) -> float:
    """Return ``grpc-timeout`` in seconds, or NO_TIMEOUT; note a fault in one that is malformed."""
    value = fields.all(b"grpc-timeout")
    if not value:
        return NO_TIMEOUT
    found = _TIMEOUT.fullmatch(value)
    if found is None:
        fields.find(
            Reason.REQUEST_MALFORMED,
            "grpc-timeout is not one number of at most 8 digits with a unit, such as 500m or 10S",
        )
        return NO_TIMEOUT
    return int(found[1]) * _UNIT_SECONDS[found[2]]


def replace_timeout(fields: Fields, seconds: float) -> None:
    """Forward *seconds*, which are left of it, as ``grpc-timeout`` of *fields*, which have one."""
    lines = fields.lines
    for at in range(0, len(lines), 2):
        if lines[at].lower() == b"\r\ngrpc-timeout: ":
            lines[at + 1] = render_timeout(seconds)
            fields.joined = None


def render_timeout(seconds: float) -> bytes:
    """Return *seconds*, which are more than 0, as ``grpc-timeout``, never as more.

    The unit is the smallest in which the number is not too long.
    """
    for unit, unit_seconds in _UNIT_SECONDS.items():
        count = int(seconds / unit_seconds)
        if count <= _MOST_UNITS:
            return b"%d%b" % (count, unit)
    return b"%dH" % _MOST_UNITS
