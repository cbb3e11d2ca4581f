"""Send a request over HTTP/2 in forms that have no counterpart in HTTP/1.1, or another one.

Whoever writes such a request as HTTP/1.1 for a service must not write what it means to nobody else.
"""

from collections.abc import Iterator, Sequence

from gateway.decision.reason import Reason
from gateway.http.reading.field_collector import Section
from gateway.http.rehearsal import H2Head
from gateway.suites.hostile.attack import Attack, Guard, Harm, let_through
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.spoofed_headers import (
    any_identity,
    identity_names,
    identity_spellings,
    other_identity,
)
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.wire import Field, read_head, write_head

_GUARD = Guard(None, ())
_MALFORMED = frozenset({Reason.REQUEST_MALFORMED})
_LINE = _MALFORMED | {Reason.PATH_REJECTED, Reason.NOT_SUPPORTED}
_TOKEN = frozenset({Reason.TOKEN_MISSING, Reason.TOKEN_MALFORMED, Reason.TOKEN_REPEATED})

_OF_HTTP_1 = frozenset(
    {"connection", "content-length", "cookie", "te", "transfer-encoding", "upgrade"}
)
_COOKIES = (b"a=1", b"b=2", b"c=3")

Changes = dict[str, tuple[Field, ...]]


def trick_h2(control: Control) -> Iterator[Attack]:
    """Yield the control's request over HTTP/2, if clients may speak that, with one thing changed.

    It has its token, so that only the change can be the cause of a refusal.
    """
    if not control.sandbox.settings.http2:
        return
    request = control.request
    if any(name.lower() in _OF_HTTP_1 for name, _ in request.headers):
        return  # such a request of a suite has another form, or a body
    pseudo, fields = _pseudo_fields(request), _fields(control)
    for name, source, reasons, changes in (
        ("h2-pseudo-fields", "RFC 9113 §8.3", _LINE, _other_pseudo_fields(pseudo)),
        ("h2-authority", "RFC 9113 §8.3.1", _MALFORMED, _other_authorities(request, pseudo)),
        ("h2-path", "RFC 9113 §8.3.1", _LINE, _other_paths(request, pseudo)),
        ("h2-method", "CVE-2021-33193", _LINE, _other_methods(request, pseudo)),
        ("h2-scheme", "RFC 9113 §8.3.1", _LINE, _other_schemes(request, pseudo)),
    ):
        for variant, changed in changes.items():
            yield _attack(name, variant, source, (*changed, *fields), reasons, request)
    for name, source, more in (
        ("h2-line-in-field", "RFC 9113 §8.2.1", _lines(request)),
        ("h2-upper-case", "RFC 9113 §8.2", _upper_case()),
        ("h2-connection-field", "RFC 9113 §8.2.2", _OF_CONNECTIONS),
        ("h2-length", "RFC 9113 §8.1.1", _LENGTHS),
    ):
        for variant, added in more.items():
            sent = (*pseudo, *fields, *added)
            yield _attack(name, variant, source, sent, _MALFORMED, request)
    yield from _without_token(control, pseudo)
    yield from _split_cookies(control, pseudo, fields)
    yield from _spoof(control, pseudo, fields)


def spoof_h2_on_public(request: SimulatedRequest, names: Sequence[bytes]) -> Iterator[Attack]:
    """Yield *request*, of a public route, with identity headers over HTTP/2."""
    for variant, spelt in _spellings(names).items():
        sent = (*_pseudo_fields(request), *spelt)
        yield _attack(
            "h2-identity", variant, "CVE-2025-64484", sent, _MALFORMED, request, any_identity(names)
        )


# --- the request


def _pseudo_fields(request: SimulatedRequest) -> Section:
    return (
        (b":method", request.method.encode()),
        (b":scheme", b"https"),
        (b":authority", request.authority.encode()),
        (b":path", request.target),
    )


def _fields(control: Control) -> Section:
    """Return the fields of the request with its token, as HTTP/2 has them."""
    own = ((name.encode(), value.encode()) for name, value in control.request.headers)
    sent = (*control.carry(bearer(control.draft.sign())), *own)
    return tuple((name.lower(), value) for name, value in sent)


def _without(pseudo: Section, name: bytes) -> Section:
    return tuple(one for one in pseudo if one[0] != name)


def _with(pseudo: Section, name: bytes, value: bytes) -> Section:
    return tuple((known, value if known == name else old) for known, old in pseudo)


# --- what is changed


def _other_pseudo_fields(pseudo: Section) -> Changes:
    method, scheme, authority, path = pseudo
    return {
        "no :method": _without(pseudo, b":method"),
        "no :scheme": _without(pseudo, b":scheme"),
        "no :path": _without(pseudo, b":path"),
        "no :authority, and no Host": _without(pseudo, b":authority"),
        "an unknown one": (*pseudo, (b":admin", b"1")),
        "that of a response": (*pseudo, (b":status", b"200")),
        "a late one": (method, scheme, authority, (b"x-first", b"1"), path),
        "in upper case": ((b":METHOD", method[1]), scheme, authority, path),
        ":method twice": (*pseudo, method),
        ":path twice": (*pseudo, (b":path", b"/other")),
        ":path twice, the other first": ((b":path", b"/other"), *pseudo),
        ":authority twice": (*pseudo, (b":authority", b"other.example")),
        ":authority twice, the other first": ((b":authority", b"other.example"), *pseudo),
        ":protocol without CONNECT": (*pseudo, (b":protocol", b"websocket")),
        "CONNECT": ((b":method", b"CONNECT"), authority),
        "CONNECT with a path": ((b":method", b"CONNECT"), authority, path),
    }


def _other_authorities(request: SimulatedRequest, pseudo: Section) -> Changes:
    own, authority = request.authority.encode(), b":authority"
    return {
        "another Host": (*pseudo, (b"host", b"other.example")),
        "another one, and this Host": (
            *_with(pseudo, authority, b"other.example"),
            (b"host", own),
        ),
        "two Hosts": (*pseudo, (b"host", own), (b"host", b"other.example")),
        "two Hosts alone": (
            *_without(pseudo, authority),
            (b"host", own),
            (b"host", b"other.example"),
        ),
        "a user": _with(pseudo, authority, b"x@" + own),
        "a path in it": _with(pseudo, authority, own + b"/x"),
        "a line in it": _with(pseudo, authority, own + b"\r\nX-First: 1"),
        "a space in it": _with(pseudo, authority, own + b" x"),
    }


def _other_paths(request: SimulatedRequest, pseudo: Section) -> Changes:
    path, own = request.target, request.authority.encode()
    targets = {
        "empty": b"",
        "without a slash": path.lstrip(b"/") or b"x",
        "an asterisk": b"*",
        "a whole URL": b"https://%b%b" % (own, path),
        "a URL elsewhere": b"https://other.example" + path,
        "a fragment": path + b"#x",
        "a space": path + b" x",
        "a version": path + b" HTTP/1.1",
        "a line": path + b" HTTP/1.1\r\nX-First: 1",
        "a line feed": path + b"\n",
        "a whole request": b"%b HTTP/1.1\r\nHost: %b\r\n\r\nGET /x" % (path, own),
        "a NUL": path + b"\0",
        "a letter above ASCII": path + b"\xc3\xa4",
    }
    return {variant: _with(pseudo, b":path", target) for variant, target in targets.items()}


def _other_methods(request: SimulatedRequest, pseudo: Section) -> Changes:
    method, path, own = request.method.encode(), request.target, request.authority.encode()
    methods = {
        "empty": b"",
        "in lower case": method.lower(),
        "a path": method + b" /other",
        "a request line": b"%b %b HTTP/1.1" % (method, path),
        "a whole request": b"%b /x HTTP/1.1\r\nHost: %b\r\n\r\n%b" % (method, own, method),
        "a line feed": method + b"\n",
        "a space first": b" " + method,
    }
    return {variant: _with(pseudo, b":method", one) for variant, one in methods.items()}


def _other_schemes(request: SimulatedRequest, pseudo: Section) -> Changes:
    own = request.authority.encode()
    schemes = {
        "ftp": b"ftp",
        "file": b"file",
        "empty": b"",
        "a URL": b"https://%b/x?" % own,
        "a URL elsewhere": b"https://other.example/x?",
        "a line": b"https\r\nX-First: 1",
    }
    return {variant: _with(pseudo, b":scheme", one) for variant, one in schemes.items()}


def _lines(request: SimulatedRequest) -> Changes:
    """Return fields that would be several lines, or none, in HTTP/1.1."""
    own = request.authority.encode()
    smuggled = b"GET /x HTTP/1.1\r\nHost: %b" % own
    found: Changes = {
        "a colon in a name": ((b"x-first: 1\r\nx-second", b"1"),),
        "a name with a colon": ((b"x-first:1", b"1"),),
        "a name with a space": ((b"x-first ", b"1"),),
        "an empty name": ((b"", b"1"),),
        "a request in a name": ((b"x: 1\r\n\r\n%b\r\nx" % smuggled, b"1"),),
        "a request in a value": ((b"x-first", b"1\r\n\r\n" + smuggled),),
        "white space before a value": ((b"x-first", b" 1"),),
    }
    for name, end in {"CR LF": b"\r\n", "LF": b"\n", "CR": b"\r", "NUL": b"\0"}.items():
        found[f"{name} in a value"] = ((b"x-first", b"1%bX-Second: 1" % end),)
        found[f"{name} after a value"] = ((b"x-first", b"1" + end),)
        found[f"{name} in a name"] = ((b"x-first%bx" % end, b"1"),)
    return found


def _upper_case() -> Changes:
    names = (b"X-First", b"Host", b"Content-Length", b"TRANSFER-ENCODING", b"cookiE")
    return {name.decode(): ((name, b"0"),) for name in names}


_OF_CONNECTIONS: Changes = {
    "Connection": ((b"connection", b"keep-alive"),),
    "Connection: close": ((b"connection", b"close"),),
    "Connection with Authorization": ((b"connection", b"authorization"),),
    "Transfer-Encoding": ((b"transfer-encoding", b"chunked"),),
    "Transfer-Encoding: identity": ((b"transfer-encoding", b"identity"),),
    "Upgrade": ((b"upgrade", b"websocket"),),
    "Upgrade to h2c": ((b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABkAAQAAP__")),
    "Keep-Alive": ((b"keep-alive", b"timeout=5"),),
    "Proxy-Connection": ((b"proxy-connection", b"keep-alive"),),
    "TE": ((b"te", b"gzip"),),
    "TE with trailers": ((b"te", b"trailers, gzip"),),
}

_LENGTHS: Changes = {
    "a length, and no body": ((b"content-length", b"5"),),
    "two lengths": ((b"content-length", b"0"), (b"content-length", b"5")),
    "two in one": ((b"content-length", b"0, 5"),),
    "a sign": ((b"content-length", b"+5"),),
    "no number": ((b"content-length", b"x"),),
}


# --- what must be decided as in HTTP/1.1


def _without_token(control: Control, pseudo: Section) -> Iterator[Attack]:
    """Yield the request without its token, or with two of them."""
    request, optional = control.request, control.route.optional
    own = tuple(
        (name.lower().encode(), value.encode()) for name, value in control.without_second().headers
    )
    good = bearer(control.draft.sign())
    name = control.field.lower()
    sent: Changes = {
        "the token twice": ((name, good), (name, good)),
        "two in one field": ((name, good + b", " + good),),
        "an empty one first": ((name, b""), (name, good)),
    }
    if not optional:
        sent["no token"] = ()
        sent["the token in a cookie"] = ((b"cookie", b"access_token=" + good[len(b"Bearer ") :]),)
    for variant, fields in sent.items():
        section = (*pseudo, *fields, *own)
        yield _attack("h2-token", variant, "RFC 6750 §2", section, _TOKEN, request)


def _split_cookies(control: Control, pseudo: Section, fields: Section) -> Iterator[Attack]:
    """Yield the request with a cookie in each field: its service gets one field (§8.2.3)."""
    crumbs = tuple((b"cookie", one) for one in _COOKIES)
    whole = (b"Cookie", b"; ".join(_COOKIES))
    credential = control.carry(bearer(control.draft.sign()))
    outcome = control.sandbox.decide(write_head(control.request, whole, *credential))
    expected = read_head(outcome.head).values("Cookie") if isinstance(outcome, Sent) else ()

    def harm(sent: Sent) -> str | None:
        received = read_head(sent.head).values("Cookie")
        if received == expected:
            return None
        return f"the service receives {len(received)} fields Cookie instead of {len(expected)}"

    for variant, sent in {
        "before the token": (*pseudo, *crumbs, *fields),
        "around the token": (*pseudo, crumbs[0], *fields, *crumbs[1:]),
    }.items():
        yield _attack(
            "h2-split-cookies", variant, "RFC 9113 §8.2.3", sent, _MALFORMED, control.request, harm
        )


def _spoof(control: Control, pseudo: Section, fields: Section) -> Iterator[Attack]:
    names = identity_names(control.sandbox.settings.policy.identity)
    harm = other_identity(control.sent, names)
    for variant, spelt in _spellings(names).items():
        for place, sent in (
            ("", (*pseudo, *spelt, *fields)),
            (", after the token", (*pseudo, *fields, *spelt)),
        ):
            yield _attack(
                "h2-identity", variant + place, "CVE-2025-64484", sent, _MALFORMED,
                control.request, harm,
            )  # fmt: skip


def _spellings(names: Sequence[bytes]) -> Changes:
    """Return the names in each spelling that differs in lower case."""
    found: Changes = {}
    for variant, fields in identity_spellings(names).items():
        spelt = tuple((name.lower(), value) for name, value in fields)
        if spelt not in found.values():
            found[variant] = spelt
    return found


def _attack(  # noqa: PLR0913, PLR0917 - all that an attack is made of
    name: str,
    variant: str,
    source: str,
    section: Section,
    reasons: frozenset[Reason],
    request: SimulatedRequest,
    harm: Harm = let_through,
) -> Attack:
    shown = f"{request.line} over HTTP/2"
    return Attack(name, variant, source, b"", reasons, _GUARD, harm, shown, h2=H2Head(section))
