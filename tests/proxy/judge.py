"""Judge messages by a parser that is not ours (h11), and by the strict grammar of RFC 9112."""

import re
from dataclasses import dataclass

import h11

_MAX_HEAD_BYTES = 1 << 20

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_FIELD = re.compile(_TOKEN + rb": ?[^\x00-\x08\x0a-\x1f\x7f]*")
_REQUEST_LINE = re.compile(_TOKEN + rb" /[\x21-\x7e]* HTTP/1\.1")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 [1-9][0-9]{2} [ -~]*")
_CHUNK_LINE = re.compile(rb"[0-9a-f]+\r\n")


class Malformed(AssertionError):  # noqa: N818 - reads as a sentence where it is caught
    """What was written is not what it should be."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as the judge understood it; *is_whole* says that its end was there."""

    start: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    is_whole: bool
    trailers: tuple[tuple[bytes, bytes], ...] = ()

    def all(self, name: bytes) -> list[bytes]:
        """Return the value of every field called *name* (in lower case)."""
        return [value for field, value in self.fields if field == name]

    @property
    def status(self) -> int:
        """Return the status of an answer."""
        return int(self.start.split(b" ")[1])

    @property
    def method(self) -> bytes:
        """Return the method of a request."""
        return self.start.split(b" ")[0]

    @property
    def target(self) -> bytes:
        """Return the target of a request."""
        return self.start.split(b" ")[1]


def read_request(data: bytes) -> tuple[Seen | None, bytes]:
    """Return the request that opens *data*, perhaps not whole, and what is behind it.

    None where not even its head is whole. Raises Malformed.
    """
    head = _head(data, _REQUEST_LINE)
    if head is None:
        return None, data
    peer = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
    return _message(peer, data, head)


def read_answers(data: bytes, *, has_ended: bool, heads: bool) -> tuple[list[Seen], bytes | None]:
    """Return the answers in *data*, and the bytes of a tunnel where the last one began one.

    *heads*: some requests may have been HEAD, whose answers have a length and no body. Raises
    Malformed.
    """
    answers: list[Seen] = []
    while data:
        head = _head(data, _STATUS_LINE)
        if head is None:
            answers.append(Seen(b"HTTP/1.1 000 cut", (), b"", False))
            return answers, None
        behind = data[len(head) :]
        bodiless = heads and (not behind or behind.startswith(b"HTTP/1.1 "))
        peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        _ask(peer, b"HEAD" if bodiless else b"GET")
        answer, rest = _message(peer, data, head, has_ended=has_ended)
        answers.append(answer)
        if answer.trailers:
            raise Malformed(f"trailers: {answer.trailers!r}")
        if not answer.is_whole:
            return answers, None
        if answer.status == 101:
            return answers, rest
        closes = b"close" in b",".join(answer.all(b"connection"))
        if answer.status >= 200 and closes and rest:
            raise Malformed(f"bytes behind the last answer: {rest[:200]!r}")
        data = rest
    return answers, None


def _ask(peer: h11.Connection, method: bytes) -> None:
    fields = [(b"Host", b"h"), (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    peer.send(h11.Request(method=method, target=b"/", headers=fields))
    peer.send(h11.EndOfMessage())


def _head(data: bytes, start_line: re.Pattern[bytes]) -> bytes | None:
    """Return the head that opens *data*, if it is whole; raises Malformed."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    start, *lines = data[:end].split(b"\r\n")
    if start_line.fullmatch(start) is None:
        raise Malformed(f"a start line: {start[:200]!r}")
    for line in lines:
        if _FIELD.fullmatch(line) is None:
            raise Malformed(f"a field line: {line[:200]!r}")
    names = [line.partition(b":")[0].lower() for line in lines]
    if names.count(b"content-length") + names.count(b"transfer-encoding") > 1:
        raise Malformed(f"more than one framing field: {data[:end]!r}")
    return data[: end + 4]


def _message(  # noqa: C901 - one case for each event
    peer: h11.Connection, data: bytes, head: bytes, *, has_ended: bool = False
) -> tuple[Seen, bytes]:
    """Return the message that opens *data*, and what is behind it; raises Malformed."""
    start = head[: head.find(b"\r\n")]
    fields: tuple[tuple[bytes, bytes], ...] = ()
    body = bytearray()
    peer.receive_data(data)
    if has_ended:
        peer.receive_data(b"")
    try:
        while True:
            event = peer.next_event()
            match event:
                case h11.InformationalResponse():
                    fields = tuple(event.headers)
                    if event.status_code != 101:
                        return Seen(start, fields, b"", True), data[len(head) :]
                    return Seen(start, fields, b"", True), peer.trailing_data[0]
                case h11.Request() | h11.Response():
                    fields = tuple(event.headers)
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    rest = peer.trailing_data[0]
                    raw_body = data[len(head) : len(data) - len(rest)]
                    _check_body(fields, raw_body, bytes(body))
                    return Seen(start, fields, bytes(body), True, tuple(event.headers)), rest
                case _:
                    return Seen(start, fields, bytes(body), False), b""
    except h11.RemoteProtocolError as error:
        if has_ended and "without sending complete message body" in str(error):
            return Seen(start, fields, bytes(body), False), b""
        if has_ended and "before full message" in str(error):
            return Seen(start, fields, bytes(body), False), b""
        raise Malformed(f"h11: {error}: {data[:400]!r}") from None


def _check_body(fields: tuple[tuple[bytes, bytes], ...], raw: bytes, body: bytes) -> None:
    """Read chunks more strictly than h11: nothing but sizes and lines ends (RFC 9112 §7.1)."""
    if not any(name == b"transfer-encoding" for name, _ in fields) or not raw:
        if raw != body:
            raise Malformed(f"a body: {raw[:200]!r}")
        return
    pieces = []
    at = 0
    while True:
        line = _CHUNK_LINE.match(raw, at)
        if line is None:
            raise Malformed(f"a chunk: {raw[at : at + 200]!r}")
        size = int(line[0], 16)
        if size == 0:
            at = line.end()
            break
        pieces.append(raw[line.end() : line.end() + size])
        at = line.end() + size + 2
        if raw[at - 2 : at] != b"\r\n":
            raise Malformed(f"the end of a chunk: {raw[at - 2 : at + 200]!r}")
    if b"".join(pieces) != body:
        raise Malformed(f"chunks: {raw[:200]!r}")
    *trailers, last, end = raw[at:].split(b"\r\n")
    if last or end or any(_FIELD.fullmatch(line) is None for line in trailers):
        raise Malformed(f"trailers: {raw[at : at + 200]!r}")
