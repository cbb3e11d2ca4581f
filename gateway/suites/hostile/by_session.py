"""Send requests by session that another site, another host or another login may have caused."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.decision.head import NO_SESSION, SessionCredential
from gateway.decision.reason import Reason
from gateway.decision.routes.host import canonical_host
from gateway.settings.values.login import LoginSettings, Origin
from gateway.suites.hostile.attack import Attack, Guard, Harm, let_through
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.compact import to_json
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.wire import Field, write_head

_GUARD = Guard(None, ("login",))
_FORGED = frozenset({Reason.CSRF_REFUSED})
_NO_SESSION = frozenset({Reason.LOGIN_REQUIRED})
_MISDIRECTED = frozenset(
    {
        Reason.LOGIN_MISDIRECTED, Reason.ROUTE_NOT_FOUND, Reason.METHOD_NOT_ALLOWED,
        Reason.LOGIN_REQUIRED, Reason.TOKEN_MISSING, Reason.REQUEST_MALFORMED,
    }
)  # fmt: skip
_BAD_TOKEN = frozenset(
    {
        Reason.TOKEN_MISSING, Reason.TOKEN_MALFORMED, Reason.TOKEN_REPEATED,
        Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID,
    }
)  # fmt: skip
_EXPIRED = frozenset({Reason.TOKEN_EXPIRED})

# Those that the decision lets a page of another site cause anyway come last.
_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_COOKIE = b"__Host-session"
_CSRF: Field = (b"X-CSRF", b"1")
_UPGRADE: tuple[Field, ...] = (
    (b"Connection", b"Upgrade"),
    (b"Upgrade", b"websocket"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Visit:
    """A *request* that *session* allows on *origin*, if a page there sends it."""

    control: Control
    session: SessionCredential
    origin: Origin
    request: SimulatedRequest

    def page(self) -> tuple[Field, ...]:
        """Return what a script of the origin's own page sends."""
        return (_origin(self.origin.text), (b"Sec-Fetch-Site", b"same-origin"), _CSRF)


def attack_sessions(control: Control) -> Iterator[Attack]:
    """Yield the control's request by session, as it must not pass; nothing without logins."""
    for login in _logins(control):
        visit = _find_visit(control, login, (control.request.method, "GET", "HEAD"))
        if visit is None:
            continue
        yield from _send_to_other_hosts(visit)
        yield from _send_other_sessions(visit)
        yield from _send_beside_a_token(visit)
        yield from _send_expired(visit)
        yield from _leak(visit)
        writing = _find_visit(control, login, _METHODS)
        if writing is not None:
            yield from _forge_requests(writing)
        yield from _forge_sockets(visit)


def _logins(control: Control) -> list[LoginSettings]:
    """Return the logins of the route whose sessions have tokens of the control's issuer."""
    logins = control.sandbox.settings.logins
    own = [logins[rule.name] for rule in control.route.login]
    return [login for login in own if login.issuer == control.issuer.name]


def _find_visit(control: Control, login: LoginSettings, methods: Sequence[str]) -> _Visit | None:
    session = SessionCredential(login.name, (bearer(control.draft.sign()),))
    for origin in login.origins:
        host = canonical_host(origin.authority.encode()) or ""
        for method in methods:
            request = replace(control.request, method=method, authority=origin.authority, host=host)
            visit = _Visit(control, session, origin, request)
            sent = control.sandbox.decide(write_head(request, *visit.page()), session)
            if isinstance(sent, Sent) and sent.allow.route is control.route:
                return visit
    return None


def _forge_requests(visit: _Visit) -> Iterator[Attack]:
    """Yield what may change state, as a page of another origin can make a browser send it."""
    own, site = _origin(visit.origin.text), (b"Sec-Fetch-Site", b"same-origin")
    forged: dict[str, tuple[Field, ...]] = {
        f"Origin {text}": (_origin(text), _CSRF) for text in _other_origins(visit.origin)
    }
    forged |= {
        f"Sec-Fetch-Site {word}": ((b"Sec-Fetch-Site", word.encode()), _CSRF)
        for word in ("cross-site", "same-site", "none")
    }
    forged |= {
        "no word of where it comes from": (_CSRF,),
        "no X-CSRF": (own, site),
        "X-CSRF: 0": (own, site, (b"X-CSRF", b"0")),
        "an empty X-CSRF": (own, site, (b"X-CSRF", b"")),
        "X-CSRF twice": (own, site, _CSRF, _CSRF),
        "X_CSRF": (own, site, (b"X_CSRF", b"1")),
        "two Origin fields": (own, _origin("https://evil.example"), _CSRF),
        "a good Origin, and another site": (own, (b"Sec-Fetch-Site", b"cross-site"), _CSRF),
        "another Origin, and the same site": (_origin("https://evil.example"), site, _CSRF),
        "a form": (
            _origin("https://evil.example"),
            (b"Sec-Fetch-Site", b"cross-site"),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
        ),
    }
    reasons = _FORGED | {Reason.REQUEST_MALFORMED}  # a name with an underscore may be refused
    for variant, fields in forged.items():
        yield _attack(visit, "session-forged", variant, "CVE-2025-54576", fields, reasons)


def _other_origins(origin: Origin) -> Iterator[str]:
    scheme, _, authority = origin.text.partition("://")
    host, _, port = authority.partition(":")
    yield "null"
    yield "https://evil.example"
    yield f"{scheme}://{authority}.evil.example"
    yield f"{scheme}://evil.{authority}"
    yield f"{'http' if scheme == 'https' else 'https'}://{authority}"
    yield f"{scheme}://{host}:{'1' if port != '1' else '2'}"
    yield f"{origin.text}/"
    yield origin.text.upper()


def _forge_sockets(visit: _Visit) -> Iterator[Attack]:
    """Yield handshakes of pages of other origins, which are sent without a preflight."""
    if "websocket" not in visit.control.route.upgrades or visit.request.method != "GET":
        return
    forged: dict[str, tuple[Field, ...]] = {
        "no Origin": (),
        "the same site": ((b"Sec-Fetch-Site", b"same-origin"),),
        **{f"Origin {text}": (_origin(text),) for text in _other_origins(visit.origin)},
    }
    for variant, fields in forged.items():
        every = (*_UPGRADE, *fields)
        yield _attack(visit, "session-forged-socket", variant, "RFC 6455 §10.2", every, _FORGED)


def _send_to_other_hosts(visit: _Visit) -> Iterator[Attack]:
    """Yield the request on hosts that are no origin of the login."""
    authority = visit.origin.authority
    host, _, port = authority.partition(":")
    known = {
        origin.authority
        for login in visit.control.sandbox.settings.logins.values()
        for origin in login.origins
    }
    for other in (
        "evil.example",
        f"evil.{authority}",
        f"{host}:{'1' if port != '1' else '2'}",
        f"{host}.{f':{port}' if port else ''}",
    ):
        if other not in known:
            request = replace(visit.request, authority=other, host=other)
            yield _attack(
                visit, "session-other-host", other, "RFC 9700 §4.1", visit.page(), _MISDIRECTED,
                request=request,
            )  # fmt: skip


def _send_other_sessions(visit: _Visit) -> Iterator[Attack]:
    """Yield the request with sessions that the route does not accept, and with none."""
    authorization = visit.session.authorization
    own = {rule.name for rule in visit.control.route.login}
    others = [name for name in visit.control.sandbox.settings.logins if name not in own]
    for name in (*others[:1], "a login that was removed"):
        session = SessionCredential(name, authorization)
        yield _attack(
            visit, "session-of-another-login", name, "", visit.page(), _NO_SESSION, session
        )
    cookies = {
        "a cookie that stands for no session": b"%b=made-up" % _COOKIE,
        "the token as the cookie": b"%b=%b" % (_COOKIE, authorization[0].partition(b" ")[2]),
    }
    for variant, value in cookies.items():
        fields = (*visit.page(), (b"Cookie", value))
        yield _attack(visit, "session-missing", variant, "", fields, _NO_SESSION, NO_SESSION)


def _send_beside_a_token(visit: _Visit) -> Iterator[Attack]:
    """Yield the session beside an Authorization field, which decides alone."""
    draft = visit.control.draft
    stranger = visit.control.sandbox.stranger(draft.key.algorithm)
    forged = stranger.sign({**draft.header, "kid": "attacker"}, to_json(draft.claims))
    values = {
        "a token of a stranger": bearer(forged),
        "another scheme": b"Basic YTpi",
        "Bearer alone": b"Bearer",
        "an empty field": b"",
    }
    for variant, value in values.items():
        fields = (*visit.page(), (b"Authorization", value))
        yield _attack(visit, "session-beside-token", variant, "", fields, _BAD_TOKEN)


def _send_expired(visit: _Visit) -> Iterator[Attack]:
    draft, at = visit.control.draft, int(visit.control.sandbox.at)
    old = replace(draft, claims={**draft.claims, "exp": at - 3600})
    session = visit.session._replace(authorization=(bearer(old.sign()),))
    yield _attack(
        visit, "session-expired", "an hour ago", "RFC 7519 §4.1.4", visit.page(), _EXPIRED, session
    )


def _leak(visit: _Visit) -> Iterator[Attack]:
    """Yield good requests whose cookie or X-CSRF a service must not receive."""
    spelt = {
        "between others": b"a=1; %b=secret; b=2" % _COOKIE,
        "alone": b"%b=secret" % _COOKIE,
        "in capitals": b"a=1; __HOST-SESSION=secret",
        "with a space": b"a=1; %b =secret" % _COOKIE,
        "twice": b"%b=one; %b=two" % (_COOKIE, _COOKIE),
        "of a login under way": b"a=1; __Host-login-0123456789ab=secret",
        "in chunks": b"%b.1=one; %b.2=two" % (_COOKIE, _COOKIE),
    }
    for variant, value in spelt.items():
        fields = (*visit.page(), (b"Cookie", value))
        yield _attack(visit, "session-leaked", variant, "", fields, frozenset(), harm=_find_leak)


def _find_leak(sent: Sent) -> str | None:
    """Return which secret of the browser and the gateway the service receives."""
    head = sent.head.lower()
    for what in (b"__host-session", b"__host-login-", b"x-csrf"):
        if what in head:
            return f"the service receives {what.decode()}"
    return None


def _unless_nobody(sent: Sent) -> str | None:
    return None if sent.allow.token is None and not sent.allow.would_deny else let_through(sent)


def _attack(  # noqa: PLR0913, PLR0917 - all that an attack is made of
    visit: _Visit,
    name: str,
    variant: str,
    source: str,
    fields: tuple[Field, ...],
    reasons: frozenset[Reason],
    session: SessionCredential | None = None,
    request: SimulatedRequest | None = None,
    harm: Harm = _unless_nobody,
) -> Attack:
    asked = request or visit.request
    head = write_head(asked, *fields)
    own = visit.session if session is None else session
    return Attack(name, variant, source, head, reasons, _GUARD, harm, asked.line, own)


def _origin(text: str) -> Field:
    return (b"Origin", text.encode())
