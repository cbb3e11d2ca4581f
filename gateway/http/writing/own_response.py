"""Write a response of the gateway's own that is made for one request, such as a page of a login."""

from collections.abc import Iterable
from typing import Final

from gateway.http.writing.http_date import http_date

# What is written here, for every response.
_WRITTEN: Final = frozenset(
    ("cache-control", "connection", "content-length", "date", "transfer-encoding", "x-request-id")
)

_BODILESS: Final = frozenset((204, 304))


def has_no_body(status: int) -> bool:
    """Return whether a response with *status* has no body (RFC 9110 §6.4.1)."""
    return status in _BODILESS


def own_response_fields(
    status: int, fields: Iterable[tuple[str, str]], length: int, request_id: bytes, now: float
) -> bytes:
    """Return the fields of a response whose body has *length* bytes; each begins with a line end.

    *fields* are pairs of name and value. The response is never stored by a cache. Raises ValueError
    for a field that is not one line of ASCII.
    """
    lines = b"".join(_line(name, value) for name, value in fields if name.lower() not in _WRITTEN)
    framing = b"" if has_no_body(status) else b"\r\nContent-Length: %d" % length
    return b"\r\nDate: %b%b%b\r\nCache-Control: no-store\r\nX-Request-Id: %b" % (
        http_date(int(now)),
        lines,
        framing,
        request_id,
    )


def _line(name: str, value: str) -> bytes:
    """Return one field with a leading line end; no value begins another."""
    line = f"{name}: {value}"
    if not line.isascii() or not line.isprintable():
        raise ValueError(f"the value of {name} is not one line of ASCII")
    return b"\r\n" + line.encode("ascii")
