"""Build where the tokens of a route may be, and what it requires of a second one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from gateway.decision.identity import CGI_PREFIX, Identity, canonical_alias
from gateway.decision.routes.routing import Place, Route, SecondToken, TokenSources
from gateway.decision.routes.template import Variable
from gateway.settings.build.checks import judge_audiences, refuse_repeated, refuse_unknown
from gateway.settings.build.claims import build_claim_rules
from gateway.settings.build.identity import RESERVED, build_headers
from gateway.settings.build.routes.routes import build_scope_rule
from gateway.settings.build.sections import Named
from gateway.settings.schema.routes.route import AlsoModel, RouteModel, TokenHeaderModel
from gateway.settings.schema.types import TOKEN
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.grants import Grant
from gateway.settings.text.scalars import shorten

_AUTHORIZATION = "authorization"

# They frame the message or say what a browser does: a token in one of them is a mistake.
_RESERVED_STARTS = (b"content-", b"proxy-", b"sec-", b"if-", b"access-control-")
_FORWARDING = frozenset(
    b"x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-csrf origin referer"
    b" user-agent accept".split()
)


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names of all *issuers*, and the aliases of all *identity* headers."""

    issuers: Collection[str]
    identity: Collection[bytes]


def add_token_sources(
    routes: Sequence[Route],
    named: Sequence[Named[RouteModel]],
    known: KnownNames,
    faults: list[Fault],
) -> tuple[Route, ...]:
    """Return *routes*, each with the places of its tokens; *named* are the routes as written."""
    refuse_sources_of_public_routes(named, faults)
    by_name = {one.name: one for one in named}
    return tuple(_add(route, by_name[route.name], known, faults) for route in routes)


def refuse_sources_of_public_routes(
    named: Sequence[Named[RouteModel]], faults: list[Fault]
) -> None:
    """Refuse `token_from` on public routes: no token is read there."""
    for one in named:
        if one.model is not None and one.model.public and one.model.token_from is not None:
            message = "a public route reads no token: leave this out, or write `require`"
            faults.append(one.part.child("token_from").key_fault(Code.CONFLICTING_KEYS, message))


def reserve_headers(identity: Identity, routes: Sequence[Route]) -> Identity:
    """Return *identity* with the headers about second tokens: no client may send one."""
    seconds = [one.sources.second for one in routes if one.sources is not None]
    names = {name for one in seconds if one is not None for name, _ in one.identity.headers}
    return replace(identity, reserved=(*identity.reserved, *sorted(names)))


def _add(route: Route, one: Named[RouteModel], known: KnownNames, faults: list[Fault]) -> Route:
    model = one.model
    if model is None or model.public or model.require is None:
        return route
    also = model.require.also
    if model.token_from is None and also is None:
        return route
    written: Sequence[str | TokenHeaderModel] = model.token_from or (_AUTHORIZATION,)
    at = one.part.child("token_from")
    places = frozenset(
        Place.HEADER if isinstance(place, TokenHeaderModel) else Place(place) for place in written
    )
    names = [place.header for place in written if isinstance(place, TokenHeaderModel)]
    _check_places(route, written, at, known, faults)
    field = names[0].lower().encode(errors="replace") if names else None
    second = None
    if also is not None:
        at_also = one.part.child("require").child("also")
        second = _second(route, also, at_also, known, faults)
        _check_second(route, also, places, field, at_also, faults)
    if second is None and places == {Place.AUTHORIZATION}:
        return route
    return replace(route, sources=TokenSources(places, field, second))


def _check_places(
    route: Route,
    written: Sequence[str | TokenHeaderModel],
    part: Part,
    known: KnownNames,
    faults: list[Fault],
) -> None:
    kinds = ["header" if isinstance(one, TokenHeaderModel) else one for one in written]
    refuse_repeated(kinds, part, faults)
    for number, place in enumerate(written):
        at = part.child(number)
        if isinstance(place, TokenHeaderModel):
            _refuse_field(at, faults)
            problem = _name_problem(place.header, known.identity)
            if place.header.lower() == _AUTHORIZATION:
                problem = f"write `{_AUTHORIZATION}` itself, without `header`"
            if problem is not None:
                faults.append(at.child("header").fault(Code.BAD_VALUE, problem))
        elif place == "subprotocol" and "websocket" not in route.upgrades:
            message = (
                "only a WebSocket has subprotocols, and this route allows none: write"
                " `upgrades: [websocket]`"
            )
            faults.append(at.fault(Code.CONFLICTING_KEYS, message))
        elif place == "query":
            message = (
                "a token in a query is kept in histories and in the logs of every proxy on its way:"
                " use `subprotocol` or a ticket where a browser cannot send Authorization"
            )
            faults.append(at.warning(Code.TOKEN_IN_QUERY, message))


def _refuse_field(part: Part, faults: list[Fault]) -> None:
    """Refuse the `header` of *part* in a file that may not take fields from other files' routes."""
    refused = part.refuse("name a field that no service receives", Grant.IDENTITY)
    if refused is not None:
        faults.append(part.child("header").fault(Code.NOT_GRANTED, refused))


def _second(
    route: Route, also: AlsoModel, part: Part, known: KnownNames, faults: list[Fault]
) -> SecondToken:
    problem = None
    if also.header.lower() != _AUTHORIZATION:
        _refuse_field(part, faults)
        problem = _name_problem(also.header, known.identity)
    if problem is not None:
        faults.append(part.child("header").fault(Code.BAD_VALUE, problem))
    for number, name in enumerate(also.issuers):
        refuse_unknown("issuer", name, known.issuers, part.child("issuers").child(number), faults)
    refuse_repeated(also.issuers, part.child("issuers"), faults)
    any_one = "without `audiences`, those of the issuer are accepted"
    judge_audiences(also.audiences or (), part.child("audiences"), any_one, faults)
    segments = route.segments
    variables = frozenset(one.name for one in segments if isinstance(one, Variable))
    return SecondToken(
        also.header if problem is None else "X-Faulty",
        frozenset(also.issuers),
        None if also.audiences is None else frozenset(also.audiences),
        build_scope_rule(also.scopes, part.child("scopes"), faults),
        build_claim_rules(also.claims, part.child("claims"), variables, faults),
        _identity(also, part.child("identity").child("headers"), known, faults),
    )


def _check_second(  # noqa: PLR0913, PLR0917 - what it is checked against
    route: Route,
    also: AlsoModel,
    places: frozenset[Place],
    field: bytes | None,
    part: Part,
    faults: list[Fault],
) -> None:
    """Refuse what would let a caller be its own workload, or one field carry two tokens."""
    if route.optional:
        message = "both tokens are required, so `optional` has no effect: leave it out"
        faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
    name = also.header.lower()
    if name.encode(errors="replace") == field:
        message = "`token_from` has the first token in this field: choose another one"
        faults.append(part.child("header").fault(Code.CONFLICTING_KEYS, message))
    if name == _AUTHORIZATION and Place.AUTHORIZATION in places:
        message = (
            "Authorization has the first token: choose another field, or write where the first"
            " one is, e.g. `token_from: [{header: X-User-Token}]`"
        )
        faults.append(part.child("header").fault(Code.CONFLICTING_KEYS, message))
    has_rules = also.audiences or also.scopes or also.claims
    shared = [one for one in also.issuers if route.issuers is None or one in route.issuers]
    if shared and not has_rules:
        message = (
            f"`{shared[0]}` issues the first token, too, so a caller could send two of its own:"
            " name other issuers, or write `audiences`, `scopes` or `claims` that only the second"
            " one has"
        )
        faults.append(part.child("issuers").fault(Code.CONFLICTING_KEYS, message))


def _identity(also: AlsoModel, part: Part, known: KnownNames, faults: list[Fault]) -> Identity:
    if also.identity is None:
        return Identity((), forward_token=False)
    refused = part.refuse("set identity headers", Grant.IDENTITY)
    if refused is not None:
        faults.append(part.key_fault(Code.NOT_GRANTED, refused))
    for name in also.identity.headers:
        if _alias(name) in known.identity:
            message = f"`{shorten(name)}` already has a claim of the first token: choose another"
            faults.append(part.child(name).key_fault(Code.BAD_VALUE, message))
    built = build_headers(also.identity.headers, part, {}, faults)
    headers = tuple((name, source) for name, source in built if source is not None)
    return Identity(headers, forward_token=False)


def _alias(name: str) -> bytes:
    return canonical_alias(name.encode(errors="replace")).removeprefix(CGI_PREFIX)


def _name_problem(name: str, identity: Collection[bytes]) -> str | None:
    """Return what is wrong with a field that carries a token, or a header about it, or None."""
    if not TOKEN.fullmatch(name):
        return f"`{shorten(name)}` is not a header field name"
    if "_" in name:
        return f"services confuse underscores and hyphens: write {shorten(name.replace('_', '-'))}"
    alias = _alias(name)
    if alias in RESERVED or alias in _FORWARDING or alias.startswith(_RESERVED_STARTS):
        return f"`{shorten(name)}` has a meaning of its own: choose another field"
    if alias in identity:
        return f"the gateway itself sends `{shorten(name)}` to services: choose another field"
    return None
