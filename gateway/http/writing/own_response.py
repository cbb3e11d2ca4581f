"""Write a response of the gateway's own that is made for one request, such as a page of a login."""

from collections.abc import Iterable
from typing import Final

from gateway.http.writing.http_date import http_date
from gateway.http.writing.status_line import STATUS_LINES

# What is written here, for every response.
_WRITTEN: Final = frozenset(
    ("cache-control", "connection", "content-length", "date", "transfer-encoding", "x-request-id")
)

_BODILESS: Final = frozenset((204, 304))


def render_own_response(  # noqa: PLR0913, PLR0917 - all that a response depends on
    status: int,
    fields: Iterable[tuple[str, str]],
    body: bytes,
    request_id: bytes,
    now: float,
    is_head: bool,
    close: bool,
    more: bytes = b"",
) -> bytes:
    """Return the whole response; for HEAD without the body (RFC 9110 §9.3.2).

    *fields* are pairs of name and value; *more* are whole lines, each with a leading line end.
    It is never stored by a cache. Raises ValueError for a field that is not one line of ASCII.
    """
    lines = b"".join(_line(name, value) for name, value in fields if name.lower() not in _WRITTEN)
    length = b"" if status in _BODILESS else b"\r\nContent-Length: %d" % len(body)
    head = b"%b\r\nDate: %b%b%b\r\nCache-Control: no-store\r\nX-Request-Id: %b%b%b\r\n\r\n" % (
        STATUS_LINES[status],
        http_date(int(now)),
        lines,
        length,
        request_id,
        more,
        b"\r\nConnection: close" if close else b"",
    )
    return head if is_head or status in _BODILESS else head + body


def _line(name: str, value: str) -> bytes:
    """Return one field with a leading line end; no value begins another."""
    line = f"{name}: {value}"
    if not line.isascii() or not line.isprintable():
        raise ValueError(f"the value of {name} is not one line of ASCII")
    return b"\r\n" + line.encode("ascii")
