"""The bytes of the requests of a soak."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.proxy.messages import make_chunked
from tests.soak.frames import key_of
from tests.soak.patterns import asked_body, pieces_of
from tests.soak.plan import EXPIRED, FORGED, GOOD, WEAK, Ask

_END: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a run: some that are good for everything, and one for each other credential."""

    good: tuple[bytes, ...]
    others: Mapping[str, bytes]  # by credential

    def of(self, ask: Ask) -> bytes | None:
        """Return the token of *ask*, if it has one."""
        if ask.credential == GOOD:
            return self.good[ask.token % len(self.good)]
        return self.others[ask.credential] if ask.credential in {FORGED, EXPIRED, WEAK} else None


def head_of(ask: Ask, tokens: Tokens) -> bytes:
    """Return the head of *ask*, with the flaw it may have."""
    lines = [b"%b %b HTTP/%b" % tuple(map(str.encode, (ask.method, ask.target, _version(ask))))]
    if ask.flaw != "no-host":
        lines.append(b"Host: soak.test")
    if ask.flaw == "two-hosts":
        lines.append(b"Host: other.test")
    token = tokens.of(ask)
    if token is not None:
        lines.append(b"Authorization: Bearer " + token)
    if ask.expects:
        lines.append(b"Expect: 100-continue")
    lines += _framing(ask)
    if ask.flaw == "folded":
        lines.append(b"X-Folded: one\r\n two")
    if ask.flaw == "space-before-colon":
        lines.append(b"X-Spaced : one")
    end = b"\n" if ask.flaw == "bare-line-feeds" else _END
    return end.join((*lines, b"", b""))


def upgrade_of(ask: Ask, tokens: Tokens) -> bytes:
    """Return the head of *ask* as an opening handshake (RFC 6455 §4.1)."""
    added = (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: %b\r\n\r\n" % key_of(ask.nonce)
    )
    return head_of(ask, tokens).removesuffix(_END) + added


def body_pieces(ask: Ask) -> list[bytes]:
    """Return the framed body of *ask*, in as many pieces as it is sent in."""
    body = asked_body(ask.nonce, ask.order.body)
    if not ask.is_chunked:
        return pieces_of(body, ask.pieces)
    if ask.flaw == "bad-chunk-size":
        return [b"0x10\r\n" + body[:16] + b"\r\n0\r\n\r\n"]
    if ask.flaw == "chunk-too-long":
        return [b"10\r\n" + body[:17] + b"\r\n0\r\n\r\n"]
    last = make_chunked()
    chunks = [make_chunked(piece).removesuffix(last) for piece in pieces_of(body, ask.pieces)]
    return [*chunks, last]


def whole_of(ask: Ask, tokens: Tokens) -> bytes:
    """Return all bytes of *ask*."""
    return head_of(ask, tokens) + b"".join(body_pieces(ask))


def _version(ask: Ask) -> str:
    return "1.9x" if ask.flaw == "bad-version" else ask.version


def _framing(ask: Ask) -> list[bytes]:
    length = b"Content-Length: %d" % ask.order.body
    match ask.flaw:
        case "both-framings":
            return [length, b"Transfer-Encoding: chunked"]
        case "two-lengths":
            return [length, b"Content-Length: 1"]
        case "sign-in-length":
            return [b"Content-Length: +%d" % ask.order.body]
    if ask.is_chunked:
        return [b"Transfer-Encoding: chunked"]
    return [length] if ask.order.body or ask.method in {"POST", "PUT"} else []
