"""Read the application protocols (ALPN, RFC 7301) that a ClientHello offers."""

from collections.abc import Iterator
from typing import Final

_HANDSHAKE_RECORD: Final = 22
_CLIENT_HELLO: Final = b"\x01"
_ALPN: Final = 16

# The bytes before the session id: the version, and the random bytes.
_FIXED_BYTES: Final = 2 + 32


class _CutError(Exception):
    """The message is truncated."""


class _Octets:
    """A cursor over octets."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            raise _CutError
        self._at += count
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Take a length of *size* octets, and as many octets as it says."""
        return self.take(self.number(size))


def offered_protocols(octets: bytes) -> tuple[bytes, ...] | None:
    """Return the protocols that the ClientHello in *octets* offers; empty if it offers none.

    None if it is incomplete. Anything else offers none: OpenSSL reports what is wrong with it.
    """
    try:
        hello = _read_hello(_Octets(octets))
    except _CutError:
        return None
    try:
        return tuple(_read_protocols(_Octets(hello)))
    except _CutError:
        return ()


def _read_hello(records: _Octets) -> bytes:
    """Return the first handshake message, which may be spread over several records."""
    message = b""
    while True:
        if records.number(1) != _HANDSHAKE_RECORD:
            return b""
        records.take(2)  # a legacy version, ignored (RFC 8446 §5.1)
        message += records.vector(2)
        if message[:1] not in {b"", _CLIENT_HELLO}:
            return b""
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return message[4 : 4 + int.from_bytes(message[1:4], "big")]


def _read_protocols(hello: _Octets) -> Iterator[bytes]:
    if not hello:
        return
    hello.take(_FIXED_BYTES)
    hello.vector(1)  # the session id
    hello.vector(2)  # the ciphers
    hello.vector(1)  # the compressions
    if not hello:
        return
    extensions = _Octets(hello.vector(2))
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _ALPN:
            names = _Octets(_Octets(content).vector(2))
            while names:
                yield names.vector(1)
