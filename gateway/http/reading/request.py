"""A request as it is read from the wire, before it is decided about."""

import re
from typing import Final

from gateway.decision.browser import BrowserFields
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route, TokenSources
from gateway.decision.verdict import Deny
from gateway.http.reading.connection_login import names_login_scheme
from gateway.http.reading.cookies import NO_OWN_COOKIES
from gateway.http.reading.credentials import (
    AUTHORIZATION_NAME,
    REDEEMED,
    TICKET,
    gather,
    parameters_of,
    split_target,
)
from gateway.http.reading.fields import Fields
from gateway.http.reading.handshake import check_opening, is_websocket
from gateway.http.reading.names import names_field
from gateway.http.reading.trace_context import ReceivedTrace

# RFC 9112 §3.2.2: `http://authority/path?query`. No user information, no fragment.
_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#@]+)(/[^#?]*)?(\?[^#]*)?\Z", re.IGNORECASE)

USUAL_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

# The versions of HTTP: numbers, since one is stored in every request.
HTTP_1_0: Final = 10
HTTP_1_1: Final = 11
HTTP_2: Final = 20
VERSIONS: Final = {HTTP_1_0: "1.0", HTTP_1_1: "1.1", HTTP_2: "2"}

# TRACE would echo the Authorization field (RFC 9110 §9.3.8); CONNECT is for a forward proxy. The
# others belong to RTSP and ICE, which the parser reads as well: a request of another protocol must
# not be forwarded as HTTP.
UNSUPPORTED_METHODS = frozenset(
    [
        "CONNECT",
        "TRACE",
        "DESCRIBE",
        "ANNOUNCE",
        "SETUP",
        "PLAY",
        "PAUSE",
        "TEARDOWN",
        "GET_PARAMETER",
        "SET_PARAMETER",
        "REDIRECT",
        "RECORD",
        "FLUSH",
        "SOURCE",
    ]
)

# A rejected body up to this size is read and dropped, to keep the connection.
_DROPPED_BODY_BYTES = 64 * 1024

NO_HOST = Deny(Reason.REQUEST_MALFORMED, "the Host field is not a host")

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


class Request:
    """One request head: the request line and the header section.

    *version* is what it came by. *is_plain* says that nothing in the head is unusual. *trace* is
    the trace that it came with, if any.
    """

    __slots__ = (
        "fields",
        "is_plain",
        "keep_alive",
        "method",
        "target",
        "trace",
        "version",
        "wants_upgrade",
    )

    def __init__(
        self, method: str, target: bytes, fields: Fields, trace: ReceivedTrace | None = None
    ) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.trace = trace
        self.version = HTTP_1_1
        self.is_plain = self.keep_alive = True
        self.wants_upgrade = False

    @property
    def is_http11(self) -> bool:
        """Return whether it came by HTTP/1.1 or a later version."""
        return self.version != HTTP_1_0

    def logs_in(self) -> bool:
        """Return whether its login applies to the whole connection that it is sent on."""
        return any(map(names_login_scheme, self.fields.authorization))

    def gather(self, sources: TokenSources) -> tuple[bytes, ...]:
        """Gather the tokens that *sources* name, and remove those in the target.

        From then on the request counts as unusual. Return the one-time tickets: what they stand
        for has to be asked for, and is then added by ``redeem``.
        """
        fields = self.fields
        self.target, found = split_target(self.target, parameters_of(sources))
        sent = (one for one in fields.credentials if one[0] != AUTHORIZATION_NAME)
        credentials = (*sent, *found)
        gathered = gather(fields.received_authorization, credentials, sources)
        self.is_plain = False
        self.fields = fields.gathered(gathered.first, gathered.also, credentials)
        return gathered.tickets

    def redeem(self, token: bytes) -> None:
        """Replace the ticket of the request by the *token* that it stands for."""
        fields = self.fields
        others = (one for one in fields.credentials if one[0] != TICKET)
        fields.credentials = (*others, (REDEEMED, token))

    def browser(self) -> BrowserFields:
        """Return what a browser says about the request; after ``check``."""
        fields = self.fields
        cookies = fields.cookies
        if cookies.browser is not None:
            return cookies.browser
        read = fields.all
        found = BrowserFields(
            fields.host.lower(),
            read(b"origin"),
            read(b"sec-fetch-site"),
            read(b"sec-fetch-mode"),
            read(b"sec-fetch-dest"),
            read(b"accept"),
            read(b"x-csrf"),
            self.wants_upgrade,
            # The first name is that of the Fetch standard, the second one is older.
            read(b"sec-purpose") + read(b"purpose"),
        )
        is_repeatable = cookies is not NO_OWN_COOKIES and not self.wants_upgrade
        if is_repeatable and fields.session is None:  # else X-CSRF is missing
            cookies.browser = found  # the next request with these fields says the same
        return found

    def accepts_trailers(self) -> bool:
        """Return whether the client says that it reads trailers (RFC 9110 §6.5.1, §10.1.4)."""
        fields = self.fields
        is_theirs = self.version == HTTP_2 or names_field(fields.connection, b"te")
        return fields.accepts_trailers and is_theirs

    def has_body(self) -> bool:
        """Return whether a body follows; bytes after an upgrade are none."""
        fields = self.fields
        return not self.wants_upgrade and (fields.is_chunked or bool(fields.content_length))

    def body_ends_soon(self) -> bool:
        """Return whether no body follows, or a small one that comes without a 100.

        Then it is read and dropped after a refusal, and the connection stays open.
        """
        fields = self.fields
        if not self.has_body():
            return True
        if (
            fields.is_chunked or fields.expects_continue
        ):  # the client may wait for a 100 that will not come
            return False
        return (fields.content_length or 0) <= _DROPPED_BODY_BYTES

    def check(self, target_bytes: int, pseudonym: bytes) -> None:
        """Find the faults that only show once the head is complete."""
        fields = self.fields
        if len(self.target) > target_bytes:
            fields.find(Reason.TARGET_TOO_LONG, f"the target is over {target_bytes} bytes")
        if b"#" in self.target:
            # RFC 9112 §3.2: no form of the target has a fragment (CVE-2021-32779).
            fields.find(Reason.PATH_REJECTED, "the target has a fragment")
        if not fields.host:
            fields.find(Reason.REQUEST_MALFORMED, "no Host field")
        if self.method in UNSUPPORTED_METHODS:
            fields.find(Reason.NOT_SUPPORTED, f"{self.method} is not supported")
        elif self.target[:1] != b"/":
            self._settle_absolute_form()
        if self.method == "OPTIONS" and fields.max_forwards == 0:
            # RFC 9110 §7.6.2: it must not be forwarded. TRACE is refused in any case.
            fields.find(Reason.NOT_SUPPORTED, "Max-Forwards is used up")
        if self.version == HTTP_1_0:
            self._check_http10()
        if self.wants_upgrade:
            self._check_upgrade()
        if pseudonym in fields.via:
            fields.find(Reason.REQUEST_MALFORMED, "the request has already passed this gateway")

    def _check_http10(self) -> None:
        fields = self.fields
        fields.expects_continue = False  # RFC 9110 §10.1.1: not an expectation of 1.0
        if fields.is_chunked:
            # RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0 is faulty framing.
            fields.find(Reason.REQUEST_MALFORMED, "Transfer-Encoding in HTTP/1.0")

    def _check_upgrade(self) -> None:
        # If the upstream declines, nothing more is read: it may have been meant for a tunnel.
        self.keep_alive = False
        fields = self.fields
        if fields.is_chunked or fields.content_length is not None:
            # Servers disagree on where the body ends and the tunnel begins.
            fields.find(Reason.REQUEST_MALFORMED, "an upgrade with a body")
        if _TOKEN.match(fields.upgrade) is None:
            fields.find(Reason.NOT_SUPPORTED, "not an upgrade to one protocol")

    def check_allowed(self, route: Route, body_bytes: int | None) -> Deny | None:
        """Return why an allowed request is not forwarded all the same, or None."""
        fields = self.fields
        if body_bytes is not None and (fields.content_length or 0) > body_bytes:
            return Deny(Reason.BODY_TOO_LARGE, "Content-Length is over the limit", route)
        return self._check_upgrade_to(route) if self.wants_upgrade else None

    def _check_upgrade_to(self, route: Route) -> Deny | None:
        fields = self.fields
        if fields.upgrade.decode("ascii").lower() not in route.upgrades:
            return Deny(Reason.NOT_SUPPORTED, "the route does not allow this upgrade", route)
        fault = check_opening(self.method, fields) if is_websocket(fields.upgrade) else None
        return None if fault is None else Deny(Reason.REQUEST_MALFORMED, fault, route)

    def _settle_absolute_form(self) -> None:
        """Convert an absolute-form target into origin form; its authority replaces the Host."""
        match = _ABSOLUTE_FORM.match(self.target)
        if match is None:
            return  # such as `*`: it is no canonical path, so the decision refuses it
        self.fields.host = match[1]
        self.target = (match[2] or b"/") + (match[3] or b"")
