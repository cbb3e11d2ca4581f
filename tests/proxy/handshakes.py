"""A WebSocket handshake that both sides agree on: the one of RFC 6455 §1.3."""

from typing import Final

KEY: Final = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
VERSION: Final = "Sec-WebSocket-Version: 13"
UPGRADE: Final = ("Connection: Upgrade", "Upgrade: websocket", KEY, VERSION)

ACCEPT: Final = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def make_switch(
    *lines: bytes,
    accept: bytes = ACCEPT,
    connection: bytes = b"Connection: Upgrade",
    upgrade: bytes = b"Upgrade: websocket",
) -> bytes:
    """Return a 101 with these lines; an empty one is left out."""
    head = (b"HTTP/1.1 101 Switching Protocols", connection, upgrade, accept, *lines)
    return b"\r\n".join((*(line for line in head if line), b"", b""))


SWITCHED: Final = make_switch()
