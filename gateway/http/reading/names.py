"""Classify field names: those that are forwarded, and those with a meaning here.

Names repeat from request to request, so each spelling is judged once: a look-up is one dictionary
hit. Its result is either the bytes that begin the forwarded line, or one of the kinds below. The
usual names are judged beforehand and never evicted. All others share a small memory, in which
those in use stay, so that made-up names do no harm.
"""

from collections.abc import Iterable
from typing import Final

from gateway.decision.identity import (
    CGI_PREFIX,
    IDENTITY_START,
    canonical_alias,
    identity_aliases,
)
from gateway.decision.policy import Policy
from gateway.decision.routes.remembered import Remembered
from gateway.decision.routes.routing import Route
from gateway.http.reading.credentials import PROTOCOLS
from gateway.http.reading.usual_names import USUAL_IN_REQUESTS, USUAL_IN_RESPONSES
from gateway.settings.values.configuration import UnderscoreNames

DROP: Final = 0
HOST: Final = 1
AUTHORIZATION: Final = 2
CONTENT_LENGTH: Final = 3
TRANSFER_ENCODING: Final = 4
CONNECTION: Final = 5
UPGRADE: Final = 6
EXPECT: Final = 7
VIA: Final = 8
FORWARDED: Final = 9
X_FORWARDED_FOR: Final = 10
X_FORWARDED_PROTO: Final = 11
X_FORWARDED_HOST: Final = 12
REFUSED: Final = 13
MAX_FORWARDS: Final = 14
TRACEPARENT: Final = 15
TRACESTATE: Final = 16
DATE: Final = 17
LOGIN: Final = 18
COOKIE: Final = 19
CREDENTIAL: Final = 20
TE: Final = 21

# Hop-by-hop fields (RFC 9110 §7.6.1). `Trailer` is dropped, too: not all that it announces is
# forwarded.
_HOP_BY_HOP = frozenset(
    (b"keep-alive", b"proxy-connection", b"te", b"trailer", b"proxy-authenticate")
)

# Fields that some upstreams take for the original URL, method, or client
# (CVE-2026-40575, CVE-2023-27487): a client could forge them.
_OVERRIDES = frozenset(
    (
        b"x-original-url",
        b"x-original-uri",
        b"x-original-method",
        b"x-original-host",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-rewrite-url",
        b"x-envoy-original-path",
        b"x-envoy-internal",
        b"x-real-ip",
        b"http2-settings",
        b"client-cert",  # only whoever terminates TLS can set it (RFC 9440 §2.4)
        b"client-cert-chain",
        b"x-client-cert",
        b"x-request-id",  # set here, for every request
        b"proxy-authorization",  # meant for the proxy that requested it (RFC 9110 §11.7.2)
        b"proxy",  # HTTP_PROXY in a CGI application, and in its HTTP client (CVE-2016-5385)
    )
)

_REQUEST_KINDS = {
    b"host": HOST,
    b"authorization": AUTHORIZATION,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"connection": CONNECTION,
    b"upgrade": UPGRADE,
    b"expect": EXPECT,
    b"via": VIA,
    b"forwarded": FORWARDED,
    b"x-forwarded-for": X_FORWARDED_FOR,
    b"x-forwarded-proto": X_FORWARDED_PROTO,
    b"x-forwarded-host": X_FORWARDED_HOST,
    b"max-forwards": MAX_FORWARDS,
    b"traceparent": TRACEPARENT,
    b"tracestate": TRACESTATE,
    b"te": TE,
}

# Names that frame or route a message, that are set here, or that are dropped: no other spelling of
# them is forwarded.
_RESERVED = frozenset(_REQUEST_KINDS) | _HOP_BY_HOP | _OVERRIDES

_RESPONSE_KINDS = {
    b"date": DATE,
    b"www-authenticate": LOGIN,
    b"proxy-authenticate": LOGIN,
    b"authentication-info": LOGIN,
    b"proxy-authentication-info": LOGIN,
    b"persistent-auth": LOGIN,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"connection": CONNECTION,
    b"upgrade": UPGRADE,
}

# Fields that a message has in its head or nowhere: they frame, route or control it, say who it is
# from or who may read or store it, or are written here (RFC 9110 §6.5.1).
_NEVER_TRAILERS: Final = frozenset(
    (
        b"accept",
        b"accept-charset",
        b"accept-encoding",
        b"accept-language",
        b"age",
        b"alt-svc",
        b"cache-control",
        b"cdn-cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-range",
        b"content-security-policy",
        b"content-type",
        b"cookie",
        b"cookie2",
        b"expires",
        b"host",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"location",
        b"origin",
        b"pragma",
        b"range",
        b"ratelimit",
        b"ratelimit-policy",
        b"referer",
        b"refresh",
        b"retry-after",
        b"set-cookie",
        b"set-cookie2",
        b"strict-transport-security",
        b"user-agent",
        b"vary",
        b"via",
        b"x-request-id",
    )
)
_NEVER_TRAILERS_STARTS: Final = (b"access-control-", b"sec-")

# Names that begin so are set here, or by an earlier configuration, or by another gateway.
_RESERVED_STARTS = (b"x-forwarded-", IDENTITY_START)

# In addition to the usual names: a client that makes up names must not fill the memory.
_REMEMBERED_NAMES = 2048
_REMEMBERED_NAME_BYTES = 64


# RFC 9110 §7.8: the gateway knows these protocols even if no route lists them.
_KNOWN_UPGRADES: Final = frozenset((b"websocket",))


def supported_upgrades(routes: Iterable[Route]) -> frozenset[bytes]:
    """Return the protocols, in lower case, that one of *routes* or the gateway knows.

    An upgrade to another protocol is ignored; one to these is granted or refused.
    """
    listed = (name.encode() for route in routes for name in route.upgrades)
    return _KNOWN_UPGRADES.union(listed)


def token_fields(routes: Iterable[Route]) -> frozenset[bytes]:
    """Return the names, in lower case, of the fields that one of *routes* reads for tokens alone.

    No service receives one, whatever its route: a token that nobody has checked is no use there.
    """
    found = (one.sources.fields for one in routes if one.sources is not None)
    return frozenset[bytes]().union(*found)


def reserved_aliases(policy: Policy) -> frozenset[bytes]:
    """Return the aliases of the identity headers and of the fields with tokens under *policy*.

    They stay reserved under every later policy: clients may go on sending a token in a field that
    is no longer read, and services may still read a former header.
    """
    fields = token_fields(policy.routes.routes).difference((PROTOCOLS,))
    return identity_aliases(policy.identity).union(map(canonical_alias, fields))


class RequestNames(Remembered[bytes, bytes | int]):
    """Classifies the field names of requests.

    *identity* are the aliases of the identity headers of every configuration that this gateway
    has had. Another configuration needs a new object, because a harmless name may become one of
    them. *upgrades* are the known protocols. *has_logins* says that some of these configurations
    had logins, so that browsers may have cookies of the gateway. *credentials* are the names in
    lower case of fields with tokens besides Authorization: no upstream receives one, of any route.
    """

    __slots__ = (
        "_credentials",
        "_identity",
        "_reserved",
        "_underscore_names",
        "has_logins",
        "upgrades",
    )

    def __init__(
        self,
        identity: frozenset[bytes],
        underscore_names: UnderscoreNames = UnderscoreNames.DROP,
        upgrades: frozenset[bytes] = _KNOWN_UPGRADES,
        *,
        has_logins: bool = False,
        credentials: frozenset[bytes] = frozenset(),
    ) -> None:
        self.upgrades = upgrades
        self.has_logins = has_logins
        self._identity = identity
        self._credentials = credentials
        self._reserved = identity | _RESERVED | credentials.difference((PROTOCOLS,))
        self._underscore_names = underscore_names
        super().__init__(
            _REMEMBERED_NAMES, {name: self._classify(name) for name in USUAL_IN_REQUESTS | identity}
        )

    def __missing__(self, name: bytes) -> bytes | int:
        kind = self.recall(name)
        if kind is None:
            kind = self._classify(name)
            if len(name) <= _REMEMBERED_NAME_BYTES:
                self.keep(name, kind)
        return kind

    def _classify(self, name: bytes) -> bytes | int:
        lower = name.lower()
        kind = _REQUEST_KINDS.get(lower)
        if kind is not None:
            return kind
        if lower == b"cookie" and self.has_logins:
            return COOKIE
        if lower in self._credentials:
            return CREDENTIAL
        # `X_User_Id` becomes `X-User-Id` in CGI-like applications (CVE-2025-64484), so any name
        # with an underscore is dropped, unless the configuration says otherwise.
        if b"_" in lower and self._underscore_names is not UnderscoreNames.KEEP:
            return REFUSED if self._underscore_names is UnderscoreNames.REJECT else DROP
        alias = canonical_alias(lower)
        # A framework may find a field by the name of its CGI variable: HTTP_X_USER_ID.
        if self._is_reserved(alias) or self._is_reserved(alias.removeprefix(CGI_PREFIX)):
            return DROP
        return b"\r\n" + name + b": "

    def is_identity(self, name: bytes) -> bool:
        """Return whether *name* is an identity header in any spelling."""
        alias = canonical_alias(name)
        aliases = (alias, alias.removeprefix(CGI_PREFIX))
        return any(one in self._identity or one.startswith(IDENTITY_START) for one in aliases)

    def _is_reserved(self, alias: bytes) -> bool:
        return alias in self._reserved or alias.startswith(_RESERVED_STARTS)


class ResponseNames(Remembered[bytes, bytes | int]):
    """Classifies the field names of responses."""

    __slots__ = ()

    def __init__(self) -> None:
        usual = {name: _classify_response(name) for name in USUAL_IN_RESPONSES}
        super().__init__(_REMEMBERED_NAMES, usual)

    def __missing__(self, name: bytes) -> bytes | int:
        kind = self.recall(name)
        if kind is None:
            kind = _classify_response(name)
            if len(name) <= _REMEMBERED_NAME_BYTES:
                self.keep(name, kind)
        return kind


def _classify_response(name: bytes) -> bytes | int:
    lower = name.lower()
    kind = _RESPONSE_KINDS.get(lower)
    if kind is not None:
        return kind
    return DROP if lower in _HOP_BY_HOP else b"\r\n" + name + b": "


def trailers_only(lines: list[bytes]) -> list[bytes]:
    """Return those of *lines* (prefix, value, prefix, value …) that a message may end with."""
    kept: list[bytes] = []
    for prefix, value in zip(lines[::2], lines[1::2], strict=True):
        name = prefix[2:-2].lower()
        if name not in _NEVER_TRAILERS and not name.startswith(_NEVER_TRAILERS_STARTS):
            kept += (prefix, value)
    return kept


def names_field(connection: bytes, name: bytes) -> bool:
    """Return whether *connection*, a Connection field, names the field *name* (lower case)."""
    return bool(connection) and name in _named(connection)


def without_named(lines: list[bytes], connection: bytes) -> list[bytes]:
    """Return *lines* (prefix, value, prefix, value …) without the fields *connection* names.

    RFC 9110 §7.6.1. *lines* are only those of the client, so that it cannot remove fields that
    the gateway adds (CVE-2022-31813).
    """
    named = _named(connection)
    kept: list[bytes] = []
    for prefix, value in zip(lines[::2], lines[1::2], strict=True):
        if prefix[2:-2].lower() not in named:
            kept += (prefix, value)
    return kept


def _named(connection: bytes) -> set[bytes]:
    return {token.strip(b" \t").lower() for token in connection.split(b",")}
