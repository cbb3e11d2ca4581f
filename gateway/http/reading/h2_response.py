"""Read the field sections of responses in HTTP/2: hostile input, like those of requests."""

from typing import Final, NamedTuple

from gateway.http.reading.field_collector import Section
from gateway.http.reading.h2_head import find_section_fault
from gateway.http.reading.names import (
    CONTENT_LENGTH,
    DATE,
    LOGIN,
    ResponseNames,
    trailers_only,
)

_NAMES: Final = ResponseNames()

_LENGTH: Final = b"\r\nContent-Length: "
_DIGITS: Final = b"0123456789"

# Longer ones are no length that anything has.
_MAX_LENGTH_DIGITS: Final = 18

# RFC 9110 §15: any other status is to be treated as an error of the server.
_MAX_STATUS: Final = 599
_SWITCHING: Final = 101
_NO_CONTENT: Final = 204

# The most memory that a remembered section takes, on each connection.
_MAX_REMEMBERED_BYTES: Final = 2048


class ResponseHead(NamedTuple):
    r"""The head of a response, as HTTP/1.1 would have it.

    *fields* are lines, each with the line end before it; *length* is Content-Length, None without
    one. *lacks_date* says that Date is not among the fields. It is a NamedTuple because one is made
    for most responses, which takes less time than a dataclass.
    """

    status: int
    fields: bytes
    length: int | None
    lacks_date: bool


class H2ResponseReader:
    """Reads the sections on one connection, and remembers the last head and the last trailers.

    A server under load sends many that are the same; such a section is not read again. What is
    wrong with a section is returned in words (RFC 9113 §8.1.1).
    """

    __slots__ = (
        "_head",
        "_max_bytes",
        "_max_fields",
        "_section",
        "_trailer_section",
        "_trailers",
    )

    def __init__(self, max_bytes: int, max_fields: int) -> None:
        self._max_bytes = max_bytes
        self._max_fields = max_fields
        self._section: Section | None = None
        self._head: ResponseHead | None = None
        self._trailer_section: Section | None = None
        self._trailers = b""

    def read(self, headers: Section) -> ResponseHead | str:
        """Return the head that *headers* are, final or interim, or what is wrong with it."""
        if headers == self._section and self._head is not None:
            return self._head
        size = _size(headers)
        if size > self._max_bytes or len(headers) > self._max_fields:
            return "the response head is too large"
        status = _read_status(headers)
        if status is None:
            return "an invalid status code"
        head = _read_head(status, headers[1:])
        if size <= _MAX_REMEMBERED_BYTES and not isinstance(head, str):
            self._section, self._head = headers, head
        return head

    def read_trailers(self, headers: Section) -> bytes | str:
        """Return *headers* as lines, each with the line end before it, or what is wrong with them.

        None of them if they are too large: no response needs its trailers to be understood.
        """
        if headers == self._trailer_section:
            return self._trailers
        fault = find_section_fault([name for name, _ in headers], [value for _, value in headers])
        if fault is not None:
            return fault
        size = _size(headers)
        if len(headers) > self._max_fields or size > self._max_bytes:
            return b""
        lines: list[bytes] = []
        for name, value in headers:
            kind = _NAMES[name]
            if type(kind) is bytes:
                lines += (kind, value)
        trailers = b"".join(trailers_only(lines))
        if size <= _MAX_REMEMBERED_BYTES:
            self._trailer_section, self._trailers = headers, trailers
        return trailers


def _read_head(status: int, section: Section) -> ResponseHead | str:
    fault = find_section_fault([name for name, _ in section], [value for _, value in section])
    if status == _SWITCHING:
        fault = "switching protocols, which HTTP/2 does not know"
    length = _read_length(section)
    if fault is not None or isinstance(length, str):
        return fault or str(length)
    if status < 200 or status == _NO_CONTENT:  # RFC 9110 §8.6: they have neither
        if length:
            return "a length of a response that has no body"
        length = None
    lines: list[bytes] = []
    lacks_date = True
    for name, value in section:
        kind = _NAMES[name]
        if type(kind) is bytes:
            lines += (kind, value)
        elif kind == CONTENT_LENGTH:
            lines += () if length is None else (_LENGTH, b"%d" % length)
        elif kind == DATE:
            lacks_date = False
            lines += (b"\r\nDate: ", value)
        elif kind == LOGIN and not name.startswith(b"proxy-"):
            # Those are for the gateway alone (RFC 9110 §11.7.1).
            lines += (b"\r\n%b: " % name, value)
    return ResponseHead(status, b"".join(lines), length, lacks_date)


def _read_length(section: Section) -> int | str | None:
    lengths = [value for name, value in section if name == b"content-length"]
    if not lengths:
        return None
    value = lengths[0]
    if len(lengths) > 1 or not 0 < len(value) <= _MAX_LENGTH_DIGITS:
        return "an invalid Content-Length"
    return "an invalid Content-Length" if value.translate(None, _DIGITS) else int(value)


def _size(headers: Section) -> int:
    return sum(len(name) + len(value) for name, value in headers) + 4 * len(headers)


def _read_status(headers: Section) -> int | None:
    """Return the status, which is the one pseudo-field that a response has (RFC 9113 §8.3.2)."""
    if not headers:
        return None
    name, value = headers[0]
    if name != b":status" or len(value) != 3 or value.translate(None, _DIGITS):
        return None
    status = int(value)
    return status if 100 <= status <= _MAX_STATUS else None
