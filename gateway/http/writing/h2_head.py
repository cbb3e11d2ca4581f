"""Write heads for HTTP/2, from the lines that HTTP/1.1 would have."""

from typing import Final

from gateway.decision.routes.remembered import Remembered

Header = tuple[bytes, bytes]

# Lines of all upstreams and of our own responses; most responses differ in one or two.
_REMEMBERED_LINES: Final = 2048
_REMEMBERED_LINE_BYTES: Final = 256
_UNIQUE: Final = b"X-Request-Id:"

# RFC 9113 §8.2.2: HTTP/2 has no such fields. Services send them, too; none is forwarded.
_OF_CONNECTIONS: Final = frozenset(
    (b"connection", b"upgrade", b"keep-alive", b"proxy-connection", b"transfer-encoding")
)


class ResponseLines(Remembered[bytes, Header | None]):
    """Reads lines, `Name: value`, as fields of HTTP/2: names are in lower case (RFC 9113 §8.2.1).

    A line that HTTP/2 does not have is None.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_REMEMBERED_LINES)

    def __missing__(self, line: bytes) -> Header | None:
        if line.startswith(_UNIQUE):
            return _read(line)
        header = self.recall(line)
        if header is None:
            header = _read(line)
            if len(line) <= _REMEMBERED_LINE_BYTES:
                self.keep(line, header)
        return header


def _read(line: bytes) -> Header | None:
    name, _, value = line.partition(b":")
    name = name.lower()
    return None if name in _OF_CONNECTIONS else (name, value.strip(b" \t"))


_LINES: Final = ResponseLines()
_STATUSES: Final = {status: (b":status", b"%d" % status) for status in range(100, 1000)}


def render_h2_head(status: int, fields: bytes) -> list[Header]:
    """Return the head with *status* and *fields*, which are lines with the line end before each."""
    headers = [_STATUSES[status]]
    lines = _LINES
    for line in fields.split(b"\r\n")[1:]:
        header = lines[line]
        if header is not None:
            headers.append(header)
    return headers


def render_h2_trailers(fields: bytes) -> list[Header]:
    """Return the trailer section with *fields*: a head without a status."""
    return render_h2_head(200, fields)[1:]


class RequestLines(Remembered[bytes, Header | None]):
    """Reads lines of requests to services; those that differ by request are not remembered.

    A line that HTTP/2 does not have is None.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_REMEMBERED_LINES)

    def __missing__(self, line: bytes) -> Header | None:
        header = self.recall(line)
        if header is None:
            header = _read(line)
            if len(line) <= _REMEMBERED_LINE_BYTES and not line.startswith(_OF_ONE_REQUEST):
                self.keep(line, header)
        return header


_OF_ONE_REQUEST: Final = (b"X-Request-Id:", b"Authorization:", b"traceparent:", b"grpc-timeout:")
_REQUEST_LINES: Final = RequestLines()
_HOST: Final = b"Host: "
_TE_TRAILERS: Final = (b"te", b"trailers")


def render_h2_request(head: bytes, scheme: bytes, takes_trailers: bool) -> list[Header]:
    """Return the fields of the request with *head*, which is as ``render_request_head`` writes it.

    Its Host is the first field. *takes_trailers* says that trailers of the response are passed on.
    """
    request_line, host, *lines = head[:-4].split(b"\r\n")
    method, target, _ = request_line.split(b" ")
    headers: list[Header] = [
        (b":method", method),
        (b":scheme", scheme),
        (b":authority", host[len(_HOST) :]),
        (b":path", target),
    ]
    known = _REQUEST_LINES
    for line in lines:
        header = known[line]
        if header is not None:
            headers.append(header)
    if takes_trailers:
        headers.append(_TE_TRAILERS)
    return headers
