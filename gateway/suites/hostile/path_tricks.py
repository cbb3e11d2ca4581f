"""Request what a route protects under a path or host that may be mistaken for another one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway.decision.reason import Reason
from gateway.suites.hostile.attack import Attack, Guard, Harm
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.openness import OpenRoute, servers_of
from gateway.suites.hostile.spellings import climb, spell
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.wire import Field, write_head

_GUARD = Guard(None, ("match",))
_HOST_GUARD = Guard(None, ("match", "hosts"))

# Whatever refuses it: the path, a missing route, or the rules of the route that owns it.
REFUSED = frozenset(
    {
        Reason.PATH_REJECTED, Reason.REQUEST_MALFORMED, Reason.ROUTE_NOT_FOUND,
        Reason.METHOD_NOT_ALLOWED, Reason.NOT_SUPPORTED, Reason.TOKEN_MISSING,
        Reason.SCOPE_MISSING, Reason.CLAIM_RULE_FAILED, Reason.ISSUER_NOT_ACCEPTED,
        Reason.AUDIENCE_MISMATCH, Reason.AUTHENTICATION_TOO_OLD, Reason.AUTHENTICATION_TOO_WEAK,
    }
)  # fmt: skip

# What a service may take for the URL or the method that was "really" requested.
_OVERRIDES = (
    "X-Original-URL", "X-Original-URI", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path",
    "X-Forwarded-Prefix", "X-Envoy-Original-Path", "X_Original_URL", "X.Rewrite.URL",
)  # fmt: skip
_METHOD_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")


def trick_paths(control: Control, more_open: Sequence[OpenRoute]) -> Iterator[Attack]:
    """Yield the control's request in other spellings, without its token."""
    request = control.request
    if control.route.optional:
        return  # everybody may request the path itself
    path, mark, query = request.target.partition(b"?")
    harm = reaches_service(control)
    credentials = {credential: name for name, credential in _credentials(more_open)}
    for name, source, target in spell(path, _words(control, path)):
        for credential, variant in credentials.items():
            asked = replace(request, target=target + mark + query)
            yield _attack(name, variant, source, asked, credential, harm)
    for form in (b"http://%b%b", b"https://%b%b", b"HTTP://%b%b"):
        target = form % (request.authority.encode(), request.target)
        asked = replace(request, target=target)
        yield _attack("absolute-form", "without a token", "RFC 9112 §3.2.2", asked, (), harm)
        asked = replace(asked, authority="other.example")
        yield _attack("absolute-form", "another Host", "RFC 9112 §3.2.2", asked, (), harm)
    asked = replace(request, method=request.method.lower())
    yield _attack("method-in-lower-case", "without a token", "RFC 9110 §9.1", asked, (), harm)


def climb_from_open(control: Control, more_open: Sequence[OpenRoute]) -> Iterator[Attack]:
    """Yield requests that start in a less strict route and end in that of *control*."""
    if control.route.optional:
        return
    path = control.request.target.partition(b"?")[0]
    harm = reaches_service(control)
    for one in more_open:
        base = one.request.target.partition(b"?")[0]
        folder = base[: base.rfind(b"/") + 1] if one.route.is_prefix else base.rstrip(b"/") + b"/"
        variant = f"from {one.route.name}"
        for name, source, target in climb(folder, path):
            asked = replace(one.request, method=control.request.method, target=target)
            yield _attack(name, variant, source, asked, one.credential, harm)
        for query in (b"?x=" + base, b"?" + base, b"?/.." + base):
            asked = replace(control.request, target=path + query)
            yield _attack("open-path-in-query", variant, "CVE-2025-54576", asked, (), harm)


def override(control: Control, more_open: Sequence[OpenRoute]) -> Iterator[Attack]:
    """Yield requests of less strict routes, with headers that name another URL or method."""
    wanted = control.request
    path = wanted.target.partition(b"?")[0]
    for one in more_open:
        variant = f"to {one.route.name}"
        for name in _OVERRIDES:
            field = (name.encode(), path)
            yield _override(f"{name}, {variant}", one, field)
        for name in _METHOD_OVERRIDES:
            field = (name.encode(), wanted.method.encode())
            yield _override(f"{name}, {variant}", one, field)


def _override(variant: str, one: OpenRoute, field: Field) -> Attack:
    head = write_head(one.request, field, *one.credential)
    return Attack(
        "override-header", variant, "CVE-2023-27487", head, REFUSED, _GUARD,
        _carries(field), one.request.line,
    )  # fmt: skip


def _carries(field: Field) -> Harm:
    name, value = field
    sign = name.translate(bytes.maketrans(b"_.", b"--")).lower()

    def harm(sent: Sent) -> str | None:
        for line in sent.head.split(b"\r\n")[1:]:
            other, _, found = line.partition(b": ")
            same = other.translate(bytes.maketrans(b"_.", b"--")).lower() == sign
            if same and found == value:
                return f"the service receives the header {name.decode()}"
        return None

    return harm


def trick_hosts(control: Control) -> Iterator[Attack]:
    """Yield the control's request without its token, with the host respelled or replaced."""
    if not control.route.hosts or control.route.optional:
        return
    request, host = control.request, control.request.host
    same = {
        "in capitals": host.upper(), "with a dot": f"{host}.", "with a port": f"{host}:8443",
        "with port 0": f"{host}:0", "with an empty port": f"{host}:",
    }  # fmt: skip
    other = {
        "unknown": "other.example", "below the attacker's": f"{host}.attacker.example",
        "after something": f"attacker{host}", "a name of this machine": "localhost",
        "an address": "127.0.0.1", "an IPv6 address": "[::1]", "after a user": f"x@{host}",
        "two in one": f"other.example,{host}", "with a path": f"{host}/x", "two dots": f"{host}..",
        "a NUL after it": f"{host}%00", "a port that is none": f"{host}:x",
    }  # fmt: skip
    for name, authorities in (("host-spelling", same), ("host-replaced", other)):
        for variant, authority in authorities.items():
            yield _host_attack(control, name, variant, authority)
    for variant, fields in {
        "X-Forwarded-Host": [(b"X-Forwarded-Host", host.encode())],
        "X-Host": [(b"X-Host", host.encode()), (b"X-Original-Host", host.encode())],
        "Forwarded": [(b"Forwarded", b"host=" + host.encode())],
        "a second Host": [(b"Host", host.encode())],
    }.items():
        yield _host_attack(control, "host-override", variant, "other.example", tuple(fields))
    asked = replace(request, target=b"http://other.example" + request.target)
    head = write_head(asked)
    yield Attack(
        "host-override", "absolute-form", "CVE-2021-39155, RFC 9112 §3.2.2", head, REFUSED,
        _HOST_GUARD, reaches_service(control), show(asked),
    )  # fmt: skip


def _host_attack(
    control: Control, name: str, variant: str, authority: str, fields: tuple[Field, ...] = ()
) -> Attack:
    asked = replace(control.request, authority=authority)
    head = write_head(asked, *fields)
    return Attack(
        name, variant, "CVE-2021-39155", head, REFUSED, _HOST_GUARD,
        reaches_service(control), show(asked),
    )  # fmt: skip


def reaches_service(control: Control) -> Harm:
    """Return the harm of a request that reaches a server of the control's route.

    A request to other servers reaches nothing that the route protects.
    """
    settings = control.sandbox.settings
    servers = servers_of(settings, control.route)

    def harm(sent: Sent) -> str | None:
        route = sent.allow.route
        if not servers & servers_of(settings, route):
            return None
        return f"sent to the same service by the route {route.name} ({route.place})"

    return harm


def _attack(  # noqa: PLR0913, PLR0917 - all that an attack is made of
    name: str,
    variant: str,
    source: str,
    asked: SimulatedRequest,
    credential: tuple[Field, ...],
    harm: Harm,
) -> Attack:
    head = write_head(asked, *credential)
    return Attack(f"path-{name}", variant, source, head, REFUSED, _GUARD, harm, show(asked))


def _credentials(more_open: Sequence[OpenRoute]) -> Iterator[tuple[str, tuple[Field, ...]]]:
    for one in reversed(more_open):
        if one.credential:
            yield f"with a token for {one.route.name}", one.credential
    yield "without a token", ()


def _words(control: Control, path: bytes) -> list[int]:
    """Return the positions of the path's segments that are literal in the route's template."""
    segments = control.route.segments
    parts = path[1:].split(b"/")
    return [
        place for place, segment in enumerate(segments) if isinstance(segment, str) and parts[place]
    ]


def show(request: SimulatedRequest) -> str:
    """Return the request line, even of an invalid request, for people."""
    if request.target.startswith(b"/"):
        return request.line
    return f"{request.method} {request.target.decode('latin-1')} (Host: {request.authority})"
