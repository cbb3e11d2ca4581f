"""Build the ways to log in from their settings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gateway.decision.routes.host import canonical_host
from gateway.settings.build.checks import refuse_repeated, refuse_unknown
from gateway.settings.build.clients.clients import build_client
from gateway.settings.build.login.sessions import build_session
from gateway.settings.build.resources import KnownIssuers
from gateway.settings.build.routes.cors import find_origin_problem
from gateway.settings.schema.login import LoginModel
from gateway.settings.schema.models import ConfigFile
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources
from gateway.settings.text.scalars import shorten
from gateway.settings.values.addresses import is_loopback
from gateway.settings.values.configuration import SourceKind
from gateway.settings.values.login import LoginSettings, Origin

# What the login itself sends to the authorization endpoint (OpenID Connect Core 1.0 §3.1.2.1,
# RFC 7636 §4.3, RFC 8707 §2.1, RFC 9101 §5, RFC 9126 §2), or must not: a secret in a URL.
_OWN_PARAMETERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("response_type", "redirect_uri", "state", "nonce", "code_challenge",
         "code_challenge_method", "request", "request_uri", "response_mode"),
        "the login sets it itself",
    ),
    "client_id": "write `client_id`",
    "scope": "write `scopes`",
    "resource": "write `resource`",
    "acr_values": "write `require.acr` on routes",
    "max_age": "write `require.max_age` on routes",
    **dict.fromkeys(
        ("client_secret", "client_assertion", "client_assertion_type"),
        "it would be visible in the address of the page",
    ),
}  # fmt: skip

_WITH_METADATA: Final = frozenset({SourceKind.DISCOVERY, SourceKind.DISCOVERY_URL})

# No dot segments: it is compared with canonical paths (RFC 3986 §6.2.2.3).
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")
_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


@dataclass(frozen=True, slots=True, eq=False)
class _Surroundings:
    """What the logins of one file refer to."""

    sources: Sources
    issuers: KnownIssuers
    has_redis: bool
    max_head_bytes: int


def build_logins(
    model: ConfigFile, part: Part, sources: Sources, issuers: KnownIssuers, faults: list[Fault]
) -> dict[str, LoginSettings]:
    """Return the valid logins of *model* by name; *part* is their section."""
    around = _Surroundings(sources, issuers, model.redis is not None, model.limits.head)
    built = {
        name: login
        for name, one in model.login.items()
        if (login := _build(name, one, part.child(name), around, faults)) is not None
    }
    _refuse_two_on_one_host(built, part, faults)
    return built


def _build(
    name: str, model: LoginModel, part: Part, around: _Surroundings, faults: list[Fault]
) -> LoginSettings | None:
    _check_issuer(model.issuer, part.child("issuer"), around.issuers, faults)
    origins = _origins(model.origins, part.child("origins"), faults)
    sources = around.sources
    client = build_client(model, part, sources.main.directory, sources.disk, faults)
    at_session = part.child("session")
    session = build_session(
        model.session, at_session, around.sources, around.max_head_bytes, faults
    )
    if model.session.store == "redis" and not around.has_redis:
        message = "`redis` is missing: write `redis: {url: …}` at the top level, or another `store`"
        faults.append(at_session.child("store").fault(Code.MISSING_KEY, message))
    _check_parameters(model, part, faults)
    _check_paths(model, origins, part, faults)
    if client is None or session is None or len(origins) < len(model.origins):
        return None
    place = part.document.key_place(part.path)
    return LoginSettings(
        name=name,
        issuer=model.issuer,
        origins=origins,
        client=client,
        scopes=tuple(model.scopes),
        resource=model.resource,
        extra_params=model.extra_params,
        after_logout=model.after_logout,
        prefix=model.prefix,
        claims=tuple(model.claims),
        session=session,
        place=f"{place.file}:{place.line}",
    )


def _check_issuer(name: str, part: Part, issuers: KnownIssuers, faults: list[Fault]) -> None:
    refuse_unknown("issuer", name, issuers.names, part, faults)
    issuer = issuers.sound.get(name)
    if issuer is not None and issuer.source.kind not in _WITH_METADATA:
        message = (
            f"`{name}` has `{issuer.source.kind.value}`: a login also needs the issuer's endpoints,"
            " so write `discovery: true` or `discovery_url` there instead"
        )
        faults.append(part.fault(Code.BAD_VALUE, message))


def _origins(texts: Sequence[str], part: Part, faults: list[Fault]) -> tuple[Origin, ...]:
    refuse_repeated(texts, part, faults)
    found: list[Origin] = []
    for index, text in enumerate(texts):
        fault = _origin_fault(text, part.child(index))
        if fault is None:
            found.append(Origin(text, text.partition("://")[2]))
        else:
            faults.append(fault)
    return tuple(found)


def _origin_fault(text: str, part: Part) -> Fault | None:
    """Return the fault of an origin, or None.

    Only a list of them keeps a forged Host from choosing where a code is sent (RFC 9700 §4.1).
    """
    if "*" in text or text == "null":
        message = f"`{shorten(text)}` names no single origin: list each one"
        return part.fault(Code.BAD_VALUE, message)
    problem = find_origin_problem(text)
    if problem is None and not text.startswith(("https://", "http://")):
        problem = f"`{shorten(text)}` is not an https origin: write it like https://app.example.com"
    if problem is not None:
        return part.fault(Code.BAD_VALUE, problem)
    if text.startswith("http://") and not is_loopback(urlsplit(text).hostname or ""):
        message = "sessions and codes would be sent in clear text: write https"
        return part.fault(Code.INSECURE_URL, message)
    return None


def _check_parameters(model: LoginModel, part: Part, faults: list[Fault]) -> None:
    """Check what is sent to the authorization endpoint."""
    refuse_repeated(model.scopes, part.child("scopes"), faults)
    if "openid" not in model.scopes:
        message = (
            "`openid` is missing: without it there is no ID token, which says who logged in"
            " (OpenID Connect)"
        )
        faults.append(part.child("scopes").fault(Code.BAD_VALUE, message))
    for name in model.extra_params:
        if name in _OWN_PARAMETERS:
            at = part.child("extra_params").child(name)
            message = f"`{name}` cannot be set here: {_OWN_PARAMETERS[name]}"
            faults.append(at.key_fault(Code.BAD_VALUE, message))
    if model.resource is not None and not _is_absolute(model.resource):
        message = f"`{shorten(model.resource)}` is not an absolute URI without a fragment"
        faults.append(part.child("resource").fault(Code.BAD_VALUE, message))
    refuse_repeated(model.claims, part.child("claims"), faults)


def _is_absolute(text: str) -> bool:
    """Return whether *text* is what RFC 8707 §2 calls a resource."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21\x22\x24-\x7e]+", text) is not None


def _check_paths(
    model: LoginModel, origins: Sequence[Origin], part: Part, faults: list[Fault]
) -> None:
    if not _PREFIX.fullmatch(model.prefix):
        message = f"`{shorten(model.prefix)}` is not a plain path without a slash at its end"
        faults.append(part.child("prefix").fault(Code.BAD_VALUE, f"{message}, e.g. /oauth"))
    target = model.after_logout
    for origin in origins:
        if target.startswith((f"{origin.text}/", f"{origin.text}?")) or target == origin.text:
            target = target[len(origin.text) :] or "/"
            break
    if not _PATH.fullmatch(target):
        # Anything else would make the logout an open redirector (RFC 9700 §4.11).
        message = (
            f"`{shorten(model.after_logout)}` is neither a path nor a URL on one of `origins`:"
            " write it like /bye or https://app.example.com/bye"
        )
        faults.append(part.child("after_logout").fault(Code.BAD_VALUE, message))


def _refuse_two_on_one_host(
    logins: Mapping[str, LoginSettings], part: Part, faults: list[Fault]
) -> None:
    """Refuse logins that share a host but not what a request there must say by itself.

    The session cookie does not say which login it is of, and it is sent to all ports of a host
    (RFC 6265 §8.5); nor does the path of an endpoint.
    """
    first: dict[str, LoginSettings] = {}
    for login in logins.values():
        others = {first.setdefault(host, login).name for host in hosts_of(login)} - {login.name}
        for other in map(logins.__getitem__, sorted(others)):
            _refuse_difference(other, login, part.child(login.name), faults)


def _refuse_difference(
    other: LoginSettings, login: LoginSettings, part: Part, faults: list[Fault]
) -> None:
    what = f"`{other.name}` ({other.place}) is on the same host"
    if other.prefix != login.prefix:
        message = f"{what} and has `prefix: {other.prefix}`: write the same one"
        faults.append(part.child("prefix").key_fault(Code.CONFLICTING_KEYS, message))
    if other.session.store is not login.session.store:
        message = (
            f"{what}, and a browser sends one session cookie for both:"
            f" write `store: {other.session.store.value}` here, too"
        )
        at = part.child("session").child("store")
        faults.append(at.key_fault(Code.CONFLICTING_KEYS, message))
    elif other.session.keys != login.session.keys:
        message = f"{what}, and a browser sends one session cookie for both: write the same keys"
        faults.append(part.child("session").key_fault(Code.CONFLICTING_KEYS, message))


def hosts_of(login: LoginSettings) -> frozenset[str]:
    """Return the hosts of the origins of *login*, as routes name them."""
    hosts = (canonical_host(origin.authority.encode()) for origin in login.origins)
    return frozenset(host for host in hosts if host is not None)
