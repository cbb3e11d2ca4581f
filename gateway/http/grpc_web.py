"""Translate between gRPC-Web, which browsers can speak, and gRPC (PROTOCOL-WEB of gRPC)."""

import re
from binascii import Error, a2b_base64, b2a_base64
from copy import copy
from typing import Final, NamedTuple

from gateway.http.reading.fields import Fields
from gateway.http.reading.request import Request

# The type of requests and responses; its suffix says what messages are written in: `+proto`.
_WEB_TYPE: Final = re.compile(
    rb"application/grpc-web(-text(?:-base64)?)?(\+[!#$&^_.+0-9A-Za-z-]+)?[ \t]*(?:;.*)?",
    re.IGNORECASE | re.DOTALL,
)
_TEXT_WANTED: Final = re.compile(rb"(?:\A|,)[ \t]*application/grpc-web(-text)?", re.IGNORECASE)

# In fields that are lines, each with the line end before it.
_GRPC_TYPE: Final = re.compile(
    rb"(\r\ncontent-type: *application/grpc)(\+[^\r;]*|)[ \t]*(?=[\r;]|\Z)", re.IGNORECASE
)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[^\r]*", re.IGNORECASE)
_STATUS: Final = re.compile(rb"\r\ngrpc-status:", re.IGNORECASE)

# What comes before each message: flags, and the length as 4 bytes.
_HEAD_BYTES: Final = 5
_MOST_FLAGS: Final = 1  # the lowest bit says that the message is compressed
_TRAILERS_FLAG: Final = b"\x80"

_GROUP_CHARACTERS: Final = 4  # of base64; they stand for up to three bytes

# gRPC, "Status codes": a client takes a response that ends without a status for UNKNOWN.
_NO_STATUS: Final = b"\r\ngrpc-status: 2\r\ngrpc-message: the service sent no grpc-status"


class WebForm(NamedTuple):
    """The form of a gRPC-Web call: what of it is base64, and the *suffix* of its type."""

    is_text: bool
    wants_text: bool
    suffix: bytes

    @property
    def response_type(self) -> bytes:
        """Return the type of its response, without a suffix."""
        return b"application/grpc-web-text" if self.wants_text else b"application/grpc-web"


def find_web_form(request: Request) -> WebForm | None:
    """Return the form of *request* if it is a gRPC-Web call, else None.

    Accept says whether the response shall be text; if it names no type of gRPC-Web, the response is
    as the request.
    """
    if request.method != "POST":
        return None
    found = _WEB_TYPE.fullmatch(request.fields.only(b"content-type").strip(b" \t"))
    if found is None:
        return None
    is_text = found[1] is not None
    wanted = _TEXT_WANTED.search(request.fields.only(b"accept"))
    wants_text = is_text if wanted is None else wanted[1] is not None
    return WebForm(is_text, wants_text, found[2] or b"")


def grpc_fields(fields: Fields, form: WebForm) -> Fields:
    """Return a copy of the *fields* of a gRPC-Web call that makes it one of gRPC.

    Its body has no length if it is decoded on its way, and its response may have trailers.
    """
    changed = copy(fields)
    changed.is_plain, changed.joined, changed.by_session = False, None, None
    lines: list[bytes] = []
    for prefix, value in zip(fields.lines[::2], fields.lines[1::2], strict=True):
        name = prefix[2:-2].lower()
        if name == b"content-type":
            lines += (prefix, b"application/grpc" + form.suffix)
        elif name != b"accept":  # the service has none of the types in it
            lines += (prefix, value)
    changed.lines = lines
    if form.is_text:
        changed.content_length, changed.is_chunked = None, True
    changed.accepts_trailers = True
    changed.connection = b"te" if not fields.connection else fields.connection + b",te"
    return changed


def web_fields(fields: bytes, form: WebForm) -> bytes | None:
    """Return the *fields* of a gRPC response as gRPC-Web has them, without the length of its body.

    None if it is no gRPC response. Each field begins with the end of the line before.
    """
    changed, count = _GRPC_TYPE.subn(
        lambda found: b"\r\nContent-Type: " + form.response_type + (found[2] or form.suffix),
        fields,
        count=1,
    )
    return _LENGTH.sub(b"", changed) if count else None


def has_status(fields: bytes) -> bool:
    """Return whether *fields*, lines with the line end before each, have a grpc-status."""
    return _STATUS.search(fields) is not None


def trailers_frame(fields: bytes) -> bytes:
    """Return the frame that ends a body: the trailers *fields*, lines with the end before each.

    A response without a status has failed in an unknown way, so the frame says that.
    """
    if not has_status(fields):
        fields += _NO_STATUS
    pairs = (line.partition(b":") for line in fields.split(b"\r\n")[1:])
    block = b"".join(
        b"%b: %b\r\n" % (name.strip(b" \t").lower(), value.strip(b" \t"))
        for name, _, value in pairs
    )
    return _TRAILERS_FLAG + len(block).to_bytes(_HEAD_BYTES - 1) + block


def encode_piece(data: bytes) -> bytes:
    """Return *data* in base64, padded: a body in text form is a sequence of such pieces."""
    return b2a_base64(data, newline=False)


class MalformedText(Exception):  # noqa: N818 - about what a client sent
    """A body that is not base64."""


class TextDecoder:
    """Decodes a body in base64, as it comes; it may be padded after any group of characters."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""  # the beginning of a group

    def decode(self, data: bytes) -> bytes:
        """Return what is complete with *data*; raise MalformedText if it is not base64."""
        data = self._rest + data if self._rest else data
        end = len(data) - len(data) % _GROUP_CHARACTERS
        self._rest = data[end:]
        padding = data.find(b"=", 0, end)
        if padding < 0:
            return _decode(data[:end])
        pieces, start = [], 0
        while padding >= 0:
            next_start = padding - padding % _GROUP_CHARACTERS + _GROUP_CHARACTERS
            pieces.append(_decode(data[start:next_start]))
            start = next_start
            padding = data.find(b"=", start, end)
        pieces.append(_decode(data[start:end]))
        return b"".join(pieces)

    def end(self) -> None:
        """Raise MalformedText if the body ends within a group."""
        if self._rest:
            raise MalformedText


def _decode(text: bytes) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except Error:
        raise MalformedText from None


class MessageBorders:
    """Where one message of a gRPC body ends and the next begins; nothing of them is kept.

    *is_lost* says that there was something else than a message, so that no border is known.
    """

    __slots__ = ("_head", "_left", "is_lost")

    def __init__(self) -> None:
        self._head = b""
        self._left = 0  # bytes of the message that are still to come
        self.is_lost = False

    @property
    def is_between(self) -> bool:
        """Return whether a message could begin here."""
        return not (self._left or self._head or self.is_lost)

    def follow(self, data: bytes) -> None:
        """Note that *data* passes."""
        at, end = 0, len(data)
        while at < end and not self.is_lost:
            if self._left:
                taken = min(self._left, end - at)
                self._left -= taken
                at += taken
                continue
            head = self._head + data[at : at + _HEAD_BYTES - len(self._head)]
            at += len(head) - len(self._head)
            self.is_lost = head[0] > _MOST_FLAGS
            if len(head) < _HEAD_BYTES:
                self._head = head
                return
            self._head = b""
            self._left = int.from_bytes(head[1:])
