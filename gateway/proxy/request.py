"""A request as it was read from the wire, before anything was decided."""

import re

from gateway.decision.reason import Reason
from gateway.decision.routing import Route
from gateway.decision.verdict import Deny
from gateway.proxy.forwarding import Incoming
from gateway.proxy.names import (
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    DROP,
    EXPECT,
    FORWARDED,
    HOST,
    REQUEST_ID,
    TRANSFER_ENCODING,
    UPGRADE,
    VIA,
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
)

# RFC 9112 §3.2.2: `http://authority/path?query`. No user information, no fragment.
_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#@]+)(/[^#]*)?(\?[^#]*)?\Z", re.IGNORECASE)

# A Content-Length of more digits overflows somebody's integer (CVE-2021-40346).
_LENGTH_DIGITS = 18

# TRACE would echo the Authorization field (RFC 9110 §9.3.8); CONNECT asks for a forward proxy.
# The others belong to RTSP and ICE, which the parser reads too without saying so: what came
# in another protocol must not go on as HTTP.
UNSUPPORTED_METHODS = frozenset(
    """CONNECT TRACE DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER
    REDIRECT RECORD FLUSH SOURCE""".split()
)

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


class Request:
    """What one head said.

    Not slotted: most requests set few of these, and a default that stands on the class costs
    a request nothing. *lines* are the fields to forward, flat: prefix, value, prefix, value.
    *fault* is the first thing that was wrong with it.
    """

    is_plain = True  # nothing in it needs a second look
    method = ""
    is_http11 = True
    keep_alive = True
    target = b""
    host = b""
    authorization: tuple[bytes, ...] = ()
    content_length: int | None = None
    is_chunked = False
    connection = b""
    upgrade = b""
    wants_upgrade = False
    expects_continue = False
    via = b""
    request_id = b""
    incoming: Incoming | None = None
    special_fields = 0
    fault: Deny | None = None

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def has_body(self) -> bool:
        """Return whether body bytes follow; after an upgrade they are not a body."""
        return not self.wants_upgrade and (self.is_chunked or bool(self.content_length))

    def find(self, reason: Reason, detail: str) -> None:
        """Note a fault, unless one was found before."""
        if self.fault is None:
            self.fault = Deny(reason, detail)

    def add_special(self, kind: int, value: bytes) -> None:
        """Take in a field that is not forwarded as it came; *kind* is from ``names``."""
        self.is_plain = False
        self.special_fields += 1
        value = value.strip(b" \t")
        if kind == HOST:
            if self.host:
                self.find(Reason.REQUEST_MALFORMED, "more than one Host field")
            self.host = value
            if not value:
                self.find(Reason.REQUEST_MALFORMED, "the Host field is empty")
        elif kind == AUTHORIZATION:
            self.authorization += (value,)
        elif kind == DROP:
            return
        elif kind == CONTENT_LENGTH:
            self._add_content_length(value)
        elif kind == TRANSFER_ENCODING:
            self._add_transfer_encoding(value)
        else:
            self._add_connection_field(kind, value)

    def _add_content_length(self, value: bytes) -> None:
        # llhttp refuses most of these itself; that one value stands alone is ours to know,
        # because we forward what we understood (RFC 9112 §6.3).
        if self.content_length is not None or not value.isdigit() or len(value) > _LENGTH_DIGITS:
            self.find(Reason.REQUEST_MALFORMED, "not one valid Content-Length")
            return
        self.content_length = int(value)

    def _add_transfer_encoding(self, value: bytes) -> None:
        # RFC 9112 §6.1 knows more codings; two parsers seldom agree on them (CVE-2024-1135).
        if self.is_chunked or value.lower() != b"chunked":
            self.find(Reason.REQUEST_MALFORMED, "a transfer coding other than a single chunked")
        self.is_chunked = True

    def _add_connection_field(self, kind: int, value: bytes) -> None:
        if kind == CONNECTION:
            self.connection = b"%b,%b" % (self.connection, value) if self.connection else value
        elif kind == UPGRADE:
            self.upgrade = b"%b,%b" % (self.upgrade, value) if self.upgrade else value
        elif kind == EXPECT:
            # Other expectations are ignored, as RFC 9110 §10.1.1 lets us.
            self.expects_continue = value.lower() == b"100-continue"
        elif kind == VIA:
            self.via = b"%b, %b" % (self.via, value) if self.via else value
        elif kind == REQUEST_ID:
            self.request_id = value
        else:
            self._add_incoming(kind, value)

    def _add_incoming(self, kind: int, value: bytes) -> None:
        if self.incoming is None:
            self.incoming = Incoming()
        if kind == FORWARDED:
            self.incoming.forwarded.append(value)
        elif kind == X_FORWARDED_FOR:
            self.incoming.x_for.append(value)
        elif kind == X_FORWARDED_PROTO:
            self.incoming.x_proto.append(value)
        elif kind == X_FORWARDED_HOST:
            self.incoming.x_host.append(value)

    def check(self, target_bytes: int, pseudonym: bytes) -> None:
        """Find the faults that only show once the head is whole."""
        if len(self.target) > target_bytes:
            self.find(Reason.TARGET_TOO_LONG, f"the target is over {target_bytes} bytes")
        if not self.host:
            self.find(Reason.REQUEST_MALFORMED, "no Host field")
        if self.method in UNSUPPORTED_METHODS:
            self.find(Reason.NOT_SUPPORTED, f"{self.method} is not supported")
        elif self.target[:1] != b"/":
            self._settle_absolute_form()
        if self.is_chunked and not self.is_http11:
            # RFC 9112 §6.1: a Transfer-Encoding in HTTP/1.0 is faulty framing.
            self.find(Reason.REQUEST_MALFORMED, "Transfer-Encoding in HTTP/1.0")
        if self.wants_upgrade:
            self._check_upgrade()
        if pseudonym in self.via:
            self.find(Reason.REQUEST_MALFORMED, "the request came through here before")

    def _check_upgrade(self) -> None:
        # Where the service declines, nothing more is read: it may have been meant for a tunnel.
        self.keep_alive = False
        if self.is_chunked or self.content_length is not None:
            # Where the body ends and the tunnel begins is read in two ways.
            self.find(Reason.REQUEST_MALFORMED, "an upgrade with a body")
        if not self.is_http11 or _TOKEN.match(self.upgrade) is None:
            self.find(Reason.NOT_SUPPORTED, "not an upgrade to one protocol")

    def check_allowed(self, route: Route, body_bytes: int | None) -> Deny | None:
        """Return why an allowed request is still not forwarded to *route*, if it is not."""
        if body_bytes is not None and (self.content_length or 0) > body_bytes:
            return Deny(Reason.BODY_TOO_LARGE, "Content-Length is over the limit", route)
        if self.wants_upgrade and self.upgrade.decode("ascii").lower() not in route.upgrades:
            return Deny(Reason.NOT_SUPPORTED, "the route does not allow this upgrade", route)
        return None

    def _settle_absolute_form(self) -> None:
        """Turn an absolute-form target into origin form; its authority replaces the Host."""
        match = _ABSOLUTE_FORM.match(self.target)
        if match is None:
            return  # `*` and the like: no canonical path, so the decision refuses it
        self.host = match[1]
        self.target = (match[2] or b"/") + (match[3] or b"")
