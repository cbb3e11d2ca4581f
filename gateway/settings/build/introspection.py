"""Build how issuers are asked about their tokens, and which routes ask which of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway.decision.routes.routing import Route
from gateway.settings.build.clients.clients import build_client
from gateway.settings.build.sections import Named
from gateway.settings.schema.issuers.introspection import IntrospectionModel
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.values.addresses import check_key_url, is_plain_http
from gateway.settings.values.clients import ClientAuthentication
from gateway.settings.values.configuration import IntrospectionSettings, IssuerSettings

# A token that was revoked is accepted for so long.
_MOST_CACHE_SECONDS: Final = 3600.0


def add_introspection(
    issuers: Mapping[str, IssuerSettings],
    named: Sequence[Named[IssuerModel]],
    disk: Disk,
    faults: list[Fault],
) -> dict[str, IssuerSettings]:
    """Return *issuers*, with how they are asked about their tokens; faulty ones are left out."""
    models = {one.name: (one, one.model) for one in named if one.model is not None}
    found: dict[str, IssuerSettings] = {}
    for name, settings in issuers.items():
        one, model = models[name]
        introspection = _build(one, model, disk, faults)
        if (introspection is None) is (model.introspection is None):
            found[name] = replace(settings, introspection=introspection)
    return found


def _build(
    one: Named[IssuerModel], model: IssuerModel, disk: Disk, faults: list[Fault]
) -> IntrospectionSettings | None:
    """Return how an issuer is asked about its tokens; None if it is not, or that is faulty."""
    asked = model.introspection
    if asked is None:
        return None
    part = one.part.child("introspection")
    client = build_client(asked, part, one.directory, disk, faults)
    _check_times(asked, part, faults)
    if asked.url is not None:
        _check_url(asked.url, model.insecure, part.child("url"), faults)
    _refuse_unused(model, asked, one.part, faults)
    if client is None:
        return None
    if client.method is ClientAuthentication.NONE:
        # RFC 7662 §2.1: otherwise anybody could try out tokens.
        message = "a client must authenticate to ask about tokens: write basic, post or "
        message += "private_key_jwt"
        faults.append(part.child("client_auth").fault(Code.BAD_VALUE, message))
        return None
    return IntrospectionSettings(
        client, asked.url, asked.response == "jwt", asked.cache, asked.timeout
    )


def _check_times(asked: IntrospectionModel, part: Part, faults: list[Fault]) -> None:
    if asked.cache > _MOST_CACHE_SECONDS:
        message = "a revoked token would be accepted for so long: write at most 1h"
        faults.append(part.child("cache").fault(Code.BAD_VALUE, message))


def _check_url(url: str, is_insecure: bool, part: Part, faults: list[Fault]) -> None:
    problem = check_key_url(url, is_insecure=is_insecure)
    if problem is not None:
        code = Code.INSECURE_URL if is_plain_http(url) else Code.BAD_VALUE
        faults.append(part.fault(code, problem))


def _refuse_unused(
    model: IssuerModel, asked: IntrospectionModel, part: Part, faults: list[Fault]
) -> None:
    """Refuse what is written about signed tokens: an answer has no `typ`, and perhaps no `alg`."""
    if model.profile != "any":
        message = "`introspection` says nothing about the type of a token: remove it"
        faults.append(part.child("profile").fault(Code.CONFLICTING_KEYS, message))
    if model.algorithms is not None and asked.response != "jwt":
        message = "only signed answers have an algorithm: set `introspection.response` to `jwt`, or"
        message += " remove it"
        faults.append(part.child("algorithms").key_fault(Code.CONFLICTING_KEYS, message))


def add_introspectors(
    routes: Sequence[Route],
    named: Sequence[Named[RouteModel]],
    issuers: Mapping[str, IssuerSettings],
    faults: list[Fault],
) -> tuple[Route, ...]:
    """Return *routes*, each with the issuer that it asks about tokens which are no JWTs.

    That is one at most: a token says nothing about its issuer then, and is shown to one alone.
    """
    asked = [name for name, one in issuers.items() if one.introspection is not None]
    if not asked:
        return tuple(routes)
    parts = {one.name: one.part for one in named}
    return tuple(_add(route, parts[route.name], asked, faults) for route in routes)


def _add(route: Route, part: Part, asked: Sequence[str], faults: list[Fault]) -> Route:
    if route.public:
        return route
    require = part.child("require")
    route = replace(route, introspector=_find(route.issuers, require, asked, faults))
    sources = route.sources
    if sources is None or sources.second is None:
        return route
    name = _find(sources.second.issuers, require.child("also"), asked, faults)
    second = replace(sources.second, introspector=name)
    return replace(route, sources=replace(sources, second=second))


def _find(
    accepted: frozenset[str] | None, part: Part, asked: Sequence[str], faults: list[Fault]
) -> str | None:
    """Return the only one of the *accepted* issuers that is *asked* about tokens."""
    found = [name for name in asked if accepted is None or name in accepted]
    if len(found) > 1:
        message = (
            f"`{found[0]}` and `{found[1]}` introspect, and a token that is no JWT could be of"
            f" either: name only one of them in `issuers`, e.g. `issuers: [{found[0]}]`"
        )
        named = part.child("issuers")
        at = part if named.raw is None else named
        faults.append(at.key_fault(Code.CONFLICTING_KEYS, message))
    return found[0] if found else None
