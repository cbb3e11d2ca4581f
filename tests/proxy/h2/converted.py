"""Cases of the corpus of HTTP/1.1 as a client of HTTP/2 would send them, where it can."""

from dataclasses import dataclass
from functools import cache

from tests.proxy.corpus import RequestCase, request_cases
from tests.proxy.h2.frames import Field
from tests.proxy.messages import Message
from tests.proxy.recorder import split_body

# What belongs to a connection, and what HTTP/2 frames itself (RFC 9113 §8.2.2).
OF_CONNECTION = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"),
}


@dataclass(frozen=True, slots=True)
class Converted:
    """One case with the fields, the body and the trailers that it has in HTTP/2.

    A *content* of None is no body.
    """

    case: RequestCase
    fields: tuple[Field, ...]
    content: bytes | None
    trailers: tuple[Field, ...] = ()

    @property
    def is_of_connection(self) -> bool:
        """Return whether a field is there that no request of HTTP/2 may have."""
        sent = (*self.fields, *self.trailers)
        te = [value for name, value in sent if name == b"te"]
        return any(name in OF_CONNECTION for name, _ in sent) or te not in (
            [],
            [b"trailers"],
        )


@cache
def converted_cases() -> tuple[Converted, ...]:
    """Return every case that has a form in HTTP/2: one request, framed without a fault."""
    found = (convert(case) for case in request_cases())
    return tuple(one for one in found if one is not None)


def convert(case: RequestCase) -> Converted | None:
    """Return *case* in HTTP/2; None where its point is how HTTP/1.1 frames or ends things."""
    head, mark, rest = case.sent.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    words = start.split(b" ")
    if not (mark and case.answers and len(words) == 3 and words[2] == b"HTTP/1.1"):
        return None
    method, target, _ = words
    if not target.startswith((b"/", b"*")) or not all(map(_is_field, lines)):
        return None
    listed = [_split(line) for line in lines]
    found = _find_body(listed, rest)
    if found is None:
        return None
    hosts = [value for name, value in listed if name == b"host"]
    fields = [
        *((b":method", method), (b":scheme", b"http"), (b":path", target)),
        *((b":authority", host) for host in hosts if len(hosts) == 1),
        *((name, value) for name, value in listed if name != b"host" or len(hosts) != 1),
    ]
    is_chunked = (b"transfer-encoding", b"chunked") in fields
    if is_chunked and not case.forwarded:
        return None  # the fault is one of chunks
    if is_chunked:
        fields.remove((b"transfer-encoding", b"chunked"))
    has_length = any(name == b"content-length" for name, _ in listed)
    trailers = tuple((name.lower(), value) for name, value in found.trailers)
    return Converted(
        case, tuple(fields), found.body if is_chunked or has_length else None, trailers
    )


def _is_field(line: bytes) -> bool:
    return b":" in line and not line.startswith((b" ", b"\t"))


def _split(line: bytes) -> Field:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")


def _find_body(listed: list[Field], rest: bytes) -> Message | None:
    """Return a message with the body; None where it is not whole, or more is behind it."""
    try:
        found = split_body(Message(b"", tuple(listed)), rest)
    except ValueError:
        return None
    if found is None or found[1]:
        return None
    return found[0]
