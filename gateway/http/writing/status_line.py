"""The text of responses in HTTP/1.1: the first line, and a whole response of the gateway's own."""

from http import HTTPStatus
from typing import Final


class _StatusLines(dict[int, bytes]):
    """Status lines without their line end; an unknown status has no phrase (RFC 9112 §4)."""

    def __missing__(self, status: int) -> bytes:
        return b"HTTP/1.1 %d " % status


# Of forwarded responses: with the standard phrase, not the upstream's.
STATUS_LINES: Final = _StatusLines(
    {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
)

# With the phrases of RFC 9110 in any version of Python.
OWN_STATUS_LINES: Final = _StatusLines(
    STATUS_LINES | {413: b"HTTP/1.1 413 Content Too Large", 414: b"HTTP/1.1 414 URI Too Long"}
)


def render_response(status: int, fields: bytes, body: bytes, close: bool, more: bytes) -> bytes:
    """Return the text of a response of the gateway's own; for HEAD, *body* is empty.

    *fields* and *more* are lines, each with the line end before it; Content-Length is one of them.
    *close* says that the connection ends with it.
    """
    connection = b"\r\nConnection: close" if close else b""
    line = OWN_STATUS_LINES[status]
    return b"%b%b%b%b\r\n\r\n%b" % (line, fields, connection, more, body)
