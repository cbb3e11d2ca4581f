"""The header section of a request, as it is understood."""

import re
from collections.abc import Callable
from copy import copy
from typing import NamedTuple

from gateway.decision.reason import Reason
from gateway.decision.token import SignedToken
from gateway.decision.verdict import Deny
from gateway.http.reading.cookies import NO_OWN_COOKIES, OwnCookies, split_cookies
from gateway.http.reading.credentials import (
    AUTHORIZATION_NAME,
    NO_CREDENTIALS,
    PROTOCOLS,
    Credentials,
    split_protocols,
)
from gateway.http.reading.forwarding import Incoming
from gateway.http.reading.names import (
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    COOKIE,
    CREDENTIAL,
    DROP,
    EXPECT,
    FORWARDED,
    HOST,
    MAX_FORWARDS,
    REFUSED,
    TE,
    TRACEPARENT,
    TRANSFER_ENCODING,
    UPGRADE,
    VIA,
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
    RequestNames,
    names_field,
)
from gateway.http.reading.trace_context import ReceivedTrace, read_trace

# A Content-Length with more digits overflows the integers of some servers (CVE-2021-40346).
_LENGTH_DIGITS = 18

# RFC 9110 §7.8: protocol-name ["/" protocol-version].
_PROTOCOL = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?")

# Options of Connection that are about an upgrade, or change nothing.
_UPGRADE_OPTIONS = frozenset((b"upgrade", b"http2-settings", b"keep-alive", b""))

# Digits of Max-Forwards: more hops than any request takes.
_HOPS_DIGITS = 9


_CSRF = b"\r\nx-csrf: "

_CHECKED_LATER = frozenset((CONNECTION, UPGRADE, TE))


class Refused(NamedTuple):
    """A request without a token, and its refusal; *by* is the port that decided."""

    by: object
    method: str
    target: bytes
    deny: Deny


class Fields:
    """The fields of one request.

    *lines* are the fields to forward, flat: prefix, value, prefix, value. *is_plain* says that
    nothing in them is unusual but perhaps *connection* and *upgrade*. If these are empty, plain
    fields never change, and are shared by all requests that repeat them. *fault* is the first
    thing wrong with them, *known* the token that was verified from them, *refused* the refusal of
    their last request without a token. *joined* is all of *lines*, if they are likely to be
    repeated. *traceparent* is None if there is none. *accepts_trailers* says that TE
    has ``trailers``. *cookies* are the gateway's own, in order, as
    pairs of name and value. *session* is set on a copy alone, by ``for_session``.

    *credentials* are tokens from elsewhere than Authorization, with the names of their places. Once
    they are gathered, on a copy, *authorization* has the first token wherever it came from, and
    *also* has the values of the field of the second one.
    """

    __slots__ = (
        "accepts_trailers",
        "also",
        "authorization",
        "by_session",
        "connection",
        "content_length",
        "cookies",
        "credentials",
        "expects_continue",
        "fault",
        "host",
        "incoming",
        "is_chunked",
        "is_plain",
        "joined",
        "known",
        "lines",
        "max_forwards",
        "refused",
        "session",
        "special_bytes",
        "special_count",
        "traceparent",
        "tracestate",
        "upgrade",
        "via",
    )

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.authorization: tuple[bytes, ...] = ()
        self.content_length: int | None = None
        self.max_forwards: int | None = None
        self.incoming: Incoming | None = None
        self.fault: Deny | None = None
        self.known: SignedToken | None = None
        self.refused: Refused | None = None
        self.traceparent: bytes | None = None
        self.host = self.connection = self.upgrade = self.via = self.tracestate = b""
        self.joined: bytes | None = None
        self.special_count = self.special_bytes = 0
        self.is_plain = True
        self.is_chunked = self.expects_continue = self.accepts_trailers = False
        self.cookies = NO_OWN_COOKIES
        self.by_session: Fields | None = None
        self.session: object = None
        self.credentials = NO_CREDENTIALS
        self.also: tuple[bytes, ...] | None = None

    def with_authorization(self, value: bytes) -> "Fields":
        """Return a copy of these plain fields with another Authorization value.

        Plain fields have no more than what is copied here.
        """
        fields = Fields()
        fields.lines = self.lines
        fields.joined = self.joined
        fields.host = self.host
        fields.authorization = (value,)
        fields.cookies = self.cookies
        fields.credentials = self.credentials
        fields.accepts_trailers = self.accepts_trailers
        fields.special_count, fields.special_bytes = self.special_count, self.special_bytes
        return fields

    def gathered(
        self, authorization: tuple[bytes, ...], also: tuple[bytes, ...], credentials: Credentials
    ) -> "Fields":
        """Return a copy with the tokens of the request where the decision looks for them.

        *credentials* are all that were sent, without those in Authorization.
        """
        fields = copy(self)
        sent = tuple((AUTHORIZATION_NAME, value) for value in self.received_authorization)
        fields.credentials = (*credentials, *sent)
        fields.authorization, fields.also = authorization, also
        fields.by_session = fields.refused = None
        if authorization != self.authorization:
            fields.known = None
        return fields

    @property
    def received_authorization(self) -> tuple[bytes, ...]:
        """Return the values of Authorization as they were received."""
        if self.also is None:
            return self.authorization
        return tuple(value for name, value in self.credentials if name == AUTHORIZATION_NAME)

    @property
    def is_private(self) -> bool:
        """Return whether a response may be of use to its caller alone, whatever the service says.

        That is so with a session, with a token in the target (RFC 6750 §2.3), and with one in
        another field: of Authorization alone, caches know what it means (RFC 9111 §3.5).
        """
        if self.session is not None or not self.credentials:
            return self.session is not None
        names = {name for name, _ in self.credentials}
        is_unseen = self.also is not None and bool(names) and AUTHORIZATION_NAME not in names
        return is_unseen or any(name[:1] == b"?" for name in names)

    def for_session(self, session: object, authorization: tuple[bytes, ...]) -> "Fields":
        """Return these fields as they are forwarded by *session*, with its *authorization*.

        X-CSRF was for the gateway. The copy is kept for the next request with the same fields.
        """
        last = self.by_session
        if last is not None and last.session is session and last.authorization == authorization:
            return last
        fields = copy(self)
        fields.session, fields.authorization = session, authorization
        lines = self.lines
        found = [at for at in range(0, len(lines), 2) if lines[at].lower() == _CSRF]
        if found:
            fields.lines = lines = lines.copy()
            for at in reversed(found):
                del lines[at : at + 2]
            if self.joined is not None:
                fields.joined = b"".join(lines)
        self.by_session = fields
        return fields

    def judge_again(self, names: RequestNames) -> None:
        """Drop the lines that are no longer forwarded, by *names*, and our cookies.

        A name that is refused from now on is only dropped: no upstream sees it, and the client
        sent it while it was allowed.
        """
        if self.also is not None:  # gathered by former rules
            self.authorization, self.also = self.received_authorization, None
            self.credentials = tuple(
                one for one in self.credentials if one[0] != AUTHORIZATION_NAME
            )
            self.known = None
        self._keep_lines(names, lambda name: type(names[name]) is bytes)

    def drop_new(self, names: RequestNames) -> None:
        """Drop what no upstream may get by *names*: new identity headers, and our cookies.

        All other rules stay as they were.
        """
        self._keep_lines(names, lambda name: not names.is_identity(name))

    def _keep_lines(self, names: RequestNames, is_kept: Callable[[bytes], bool]) -> None:
        lines, self.lines = self.lines, []
        self.joined = self.by_session = None
        for prefix, value in zip(lines[::2], lines[1::2], strict=True):
            name = prefix[2:-2]
            kind = names[name]
            if kind == COOKIE:
                self.add_cookies(name, value)
            elif kind == CREDENTIAL:
                self.add_credentials(name, value)
            elif is_kept(name):
                self.lines += (prefix, value)

    def choose_upgrade(self, supported: frozenset[bytes]) -> bool:
        """Reduce Upgrade to the protocols in *spoken*; return whether there are any.

        The others are ignored (RFC 9110 §7.8). A value that is no list of protocols stays as it
        is, and is refused later.
        """
        offered = [one.strip(b" \t") for one in self.upgrade.split(b",")]
        offered = [one for one in offered if one]
        if not all(map(_PROTOCOL.fullmatch, offered)):
            return True
        known = [one for one in offered if one.partition(b"/")[0].lower() in supported]
        if not known:
            self.ignore_upgrade()
            return False
        self.upgrade = b",".join(known)
        return True

    def ignore_upgrade(self) -> None:
        """Ignore the upgrade that is offered; HTTP2-Settings is never forwarded."""
        self.upgrade = b""
        options = (one.strip(b" \t") for one in self.connection.split(b","))
        kept = [one for one in options if one.lower() not in _UPGRADE_OPTIONS]
        self.connection = b",".join(kept)

    def first(self, name: bytes) -> bytes:
        """Return the first value of a forwarded field, or empty; *name* is in lower case.

        It searches all lines: it is for rare fields, not for those that every request needs.
        """
        for number, prefix in enumerate(self.lines[::2]):
            if len(prefix) == len(name) + 4 and prefix[2:-2].lower() == name:
                return self.lines[2 * number + 1]
        return b""

    def only(self, name: bytes) -> bytes:
        """Return the value of the field of that *name*; empty unless there is exactly one."""
        size, lines = len(name) + 4, self.lines
        found = [
            lines[number + 1]
            for number in range(0, len(lines), 2)
            if len(lines[number]) == size and lines[number][2:-2].lower() == name
        ]
        return found[0] if len(found) == 1 else b""

    def all(self, name: bytes) -> bytes:
        """Return the values of all fields of that *name* as one list; `-` if they are empty.

        So a field that came twice, or without a value, is like none that a browser sends.
        """
        size = len(name) + 4
        found = [
            value
            for prefix, value in zip(self.lines[::2], self.lines[1::2], strict=True)
            if len(prefix) == size and prefix[2:-2].lower() == name
        ]
        return b", ".join(found).strip(b" \t") or b"-" if found else b""

    def find(self, reason: Reason, detail: str) -> None:
        """Note a fault, unless one was found before."""
        if self.fault is None:
            self.fault = Deny(reason, detail)

    def add_trace(self, kind: int, value: bytes) -> None:
        """Add a field of the trace: traceparent or tracestate, by its *kind*."""
        self.special_count += 1
        self.special_bytes += len(value)
        value = value.strip(b" \t")
        if kind == TRACEPARENT:
            first = self.traceparent
            self.traceparent = value if first is None else b"%b,%b" % (first, value)
        else:
            self.tracestate = b"%b,%b" % (self.tracestate, value) if self.tracestate else value

    def add_cookies(self, name: bytes, value: bytes) -> None:
        """Add a Cookie field without our own cookies, which no service sees."""
        rest, own = split_cookies(value)
        if own:
            self.cookies = OwnCookies((*self.cookies.received, *own))
        if rest:
            self.lines += (b"\r\n%b: " % name, rest)
            self.special_bytes += len(value) - len(rest)
        else:
            self.special_count += 1
            self.special_bytes += len(value)

    def add_credentials(self, name: bytes, value: bytes) -> None:
        """Add a field with a token, or one whose elements may be tokens; no service sees them."""
        self.special_count += 1
        self.special_bytes += len(value)
        lower = name.lower()
        if lower != PROTOCOLS:
            self.credentials = (*self.credentials, (lower, value.strip(b" \t")))
            return
        rest, tokens = split_protocols(value)
        self.credentials += tuple((PROTOCOLS, token) for token in tokens)
        if rest:
            self.lines += (b"\r\n%b: " % name, rest)
            self.special_bytes -= len(rest)
            self.special_count -= 1

    def read_trace(self) -> ReceivedTrace | None:
        """Return the trace, once the head is complete; an invalid one is ignored."""
        if self.traceparent is None or names_field(self.connection, b"traceparent"):
            return None
        is_named = names_field(self.connection, b"tracestate")
        return read_trace(self.traceparent, b"" if is_named else self.tracestate)

    def add_special(self, kind: int, value: bytes) -> None:
        """Add a field that is not forwarded as it came; *kind* is from ``names``."""
        self.special_count += 1
        if kind != AUTHORIZATION:  # counted by itself
            self.special_bytes += len(value)
        value = value.strip(b" \t")
        if kind == DROP or (kind == CONNECTION and value.lower() == b"keep-alive"):
            return
        # An ignored upgrade must not make a request unusual: Java's clients offer one with every
        # request. What is left of these fields is checked when the head is complete.
        self.is_plain = self.is_plain and kind in _CHECKED_LATER
        if kind == HOST:
            if self.host:
                self.find(Reason.REQUEST_MALFORMED, "more than one Host field")
            self.host = value
            if not value:
                self.find(Reason.REQUEST_MALFORMED, "the Host field is empty")
        elif kind == AUTHORIZATION:
            # Two are refused like a thousand, and a thousand would be copied a thousand times.
            self.authorization = (*self.authorization[:1], value)
        elif kind == CONTENT_LENGTH:
            self._add_content_length(value)
        elif kind == TRANSFER_ENCODING:
            self._add_transfer_encoding(value)
        elif kind == REFUSED:
            self.find(Reason.REQUEST_MALFORMED, "a field name with an underscore")
        else:
            self._add_connection_field(kind, value)

    def _add_content_length(self, value: bytes) -> None:
        # llhttp refuses most of these itself. That there is one value is checked here, because it
        # is written anew for the upstream (RFC 9112 §6.3).
        if self.content_length is not None or not value.isdigit() or len(value) > _LENGTH_DIGITS:
            self.find(Reason.REQUEST_MALFORMED, "not one valid Content-Length")
            return
        self.content_length = int(value)

    def _add_transfer_encoding(self, value: bytes) -> None:
        # RFC 9112 §6.1 has more codings, but parsers seldom agree on them (CVE-2024-1135).
        if self.is_chunked or value.lower() != b"chunked":
            self.find(Reason.REQUEST_MALFORMED, "a transfer coding other than a single chunked")
        self.is_chunked = True

    def _add_max_forwards(self, value: bytes) -> None:
        # A value that is no number is dropped; of several, the smallest counts.
        if value.isdigit() and len(value) <= _HOPS_DIGITS:
            hops = int(value)
            self.max_forwards = hops if self.max_forwards is None else min(hops, self.max_forwards)

    def _add_connection_field(self, kind: int, value: bytes) -> None:
        if kind == CONNECTION:
            self.connection = b"%b,%b" % (self.connection, value) if self.connection else value
        elif kind == UPGRADE:
            self.upgrade = b"%b,%b" % (self.upgrade, value) if self.upgrade else value
        elif kind == EXPECT:
            # Other expectations are ignored, as RFC 9110 §10.1.1 allows.
            self.expects_continue = value.lower() == b"100-continue"
        elif kind == VIA:
            self.via = b"%b, %b" % (self.via, value) if self.via else value
        elif kind == MAX_FORWARDS:
            self._add_max_forwards(value)
        elif kind == TE:
            members = value.lower().split(b",")
            self.accepts_trailers |= any(one.strip(b" \t") == b"trailers" for one in members)
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
