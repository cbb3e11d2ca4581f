"""Build the routes, with their rules over scopes and claims, and the scope hierarchy."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Route, find_conflicts
from gateway.decision.routes.template import Variable, parse_template
from gateway.decision.rules.scopes import (
    AllOf,
    AnyOf,
    NoneOf,
    ScopeExpression,
    ScopeRule,
    compile_scopes,
)
from gateway.decision.rules.step_up import StepUp
from gateway.settings.build.checks import (
    judge_audiences,
    refuse_repeated,
    refuse_unknown,
    require_exactly_one,
)
from gateway.settings.build.claims import build_claim_rules
from gateway.settings.build.issuers.reach import IssuerReach
from gateway.settings.build.routes.foreign_paths import find_foreign_path
from gateway.settings.build.sections import Named
from gateway.settings.schema.routes.route import (
    MatchModel,
    RequireModel,
    RouteModel,
    ScopeGroup,
)
from gateway.settings.text.document import KeyPath, Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten

_GROUPS: Mapping[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {
    "all": AllOf,
    "any": AnyOf,
    "none": NoneOf,
}

# What a public route requires.
_NOTHING = RequireModel()


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a route may refer to, faulty parts included.

    *reach* has the issuers that a route accepts if it names none.
    """

    issuers: Collection[str]
    upstreams: Collection[str]
    reach: IssuerReach


def build_routes(
    named: Sequence[Named[RouteModel]], known: Known, faults: list[Fault]
) -> tuple[Route, ...]:
    """Return the valid routes in file order; two that match the same requests are a fault."""
    routes: list[Route] = []
    places: list[Part] = []
    for one in named:
        require_exactly_one(one.part.child("match"), "path", "path_prefix", faults)
        require_exactly_one(one.part, "public", "require", faults)
        if one.model is None:
            continue
        route = _build(one.model, one.part, len(routes), known, faults)
        if route is not None and one.sound:
            routes.append(route)
            places.append(one.part)
    for first, second in find_conflicts(routes):
        message = (
            f"route `{second.name}` matches the same requests as `{first.name}` ({first.place})"
        )
        faults.append(places[second.index].child("match").key_fault(Code.ROUTE_CONFLICT, message))
    return tuple(routes)


def _build(
    model: RouteModel, part: Part, index: int, known: Known, faults: list[Fault]
) -> Route | None:
    match, require = model.match, model.require or _NOTHING
    at_match, at_require = part.child("match"), part.child("require")
    variables = _variables(match, at_match, faults)
    refuse_unknown("upstream", model.upstream, known.upstreams, part.child("upstream"), faults)
    for number, name in enumerate(require.issuers or ()):
        at = at_require.below(("issuers", number))
        refuse_unknown("issuer", name, known.issuers, at, faults)
    if model.require is not None and require.issuers is None:
        known.reach.refuse_none(at_require, faults)
    _refuse_lists_with_repeats(model, part, faults)
    _judge_mode(model, part, faults)
    hosts = _hosts(match, at_match.child("hosts"), faults)
    scopes = build_scope_rule(require.scopes, at_require.child("scopes"), faults)
    at_claims = at_require.child("claims")
    # Of a faulty path every word may be a variable: the path is reported already.
    words = re.findall(r"\w+", match.path or match.path_prefix or "")
    names = variables if variables is not None else frozenset(words)
    claims = build_claim_rules(require.claims, at_claims, names, faults)
    if variables is None:
        return None
    place = part.document.value_place(part.path)
    return Route(
        index=index,
        name=model.name,
        hosts=hosts,
        path=match.path or match.path_prefix or "/",
        is_prefix=match.path is None,
        methods=frozenset(match.methods or ()),
        upstream=model.upstream,
        public=bool(model.public),
        optional=require.optional,
        issuers=known.reach.accepted(model.require, part.document),
        scopes=scopes,
        claims=claims,
        upgrades=frozenset(model.upgrades or ()),
        allow_encoded_slash=model.allow_encoded_slash,
        allow_semicolon=model.allow_semicolon,
        place=f"{place.file}:{place.line}",
        audiences=None if require.audiences is None else frozenset(require.audiences),
        step_up=_step_up(require),
        reports=model.mode == "report",
    )


def _step_up(require: RequireModel) -> StepUp | None:
    if require.acr is None and require.max_age is None:
        return None
    return StepUp(tuple(require.acr or ()), require.max_age)


def _judge_mode(model: RouteModel, part: Part, faults: list[Fault]) -> None:
    if model.mode == "enforce":
        return
    if model.public:
        message = "`mode: report` has no effect on a public route: no token is checked here"
        faults.append(part.child("mode").key_fault(Code.CONFLICTING_KEYS, message))
        return
    message = f"`{model.name}` only reports what it would refuse for its token"
    faults.append(part.child("mode").warning(Code.REPORT_ONLY, message))


def _variables(match: MatchModel, part: Part, faults: list[Fault]) -> frozenset[str] | None:
    key = "path" if match.path is not None else "path_prefix"
    text = match.path if match.path is not None else match.path_prefix
    if text is None:
        return None
    problem = find_foreign_path(text, match.path is None)
    if problem is not None and part.document.is_filled(part.child(key).path):
        problem = "this has a sign of a pattern of another product: write one segment as `{name}`"
    if problem is not None:
        faults.append(part.child(key).fault(Code.BAD_VALUE, problem))
        return None
    try:
        segments = parse_template(text, match.path is None)
    except ValueError as error:
        faults.append(part.child(key).fault(Code.BAD_VALUE, str(error)))
        return None
    return frozenset(segment.name for segment in segments if isinstance(segment, Variable))


def _hosts(match: MatchModel, part: Part, faults: list[Fault]) -> tuple[str, ...]:
    for index, host in enumerate(match.hosts or ()):
        problem = host_problem(host)
        if problem is not None:
            faults.append(part.child(index).fault(Code.BAD_VALUE, problem))
    return tuple(match.hosts or ())


def host_problem(host: str) -> str | None:
    """Return what is wrong with *host*, a host name or wildcard, or None."""
    if host == "*":
        return "`*`: for every host, leave the list out"
    plain = host.removeprefix("*.")
    if "*" in plain:
        return f"`{shorten(host)}`: a wildcard must be the whole first label, e.g. *.example.com"
    canonical = canonical_host(plain.encode("utf-8", "replace"))
    if canonical is None:
        return f"`{shorten(host)}` is not a host: {_meant_host(host)}"
    if canonical != plain:
        # Request hosts are compared in this form, so no other form could ever match.
        return f"write it as {host[: len(host) - len(plain)]}{canonical}"
    return None


def _meant_host(host: str) -> str:
    if host.startswith("."):
        return f"for all hosts below it, write `*{shorten(host)}`"
    bare = host.partition("://")[2] or host
    bare = bare.partition("/")[0].lower()
    known = canonical_host(bare.encode("utf-8", "replace"))
    return f"write `{shorten(known)}`" if known else "write it like api.example.com"


def _refuse_lists_with_repeats(model: RouteModel, part: Part, faults: list[Fault]) -> None:
    require = model.require or _NOTHING
    lists: Sequence[tuple[KeyPath, Sequence[str] | None]] = (
        (("match", "hosts"), model.match.hosts),
        (("match", "methods"), model.match.methods),
        (("require", "issuers"), require.issuers),
        (("require", "acr"), require.acr),
        (("upgrades",), model.upgrades),
    )
    for keys, values in lists:
        if values and len(values) > 1:
            refuse_repeated(values, part.below(keys), faults)
    if require.audiences:
        any_one = "without `audiences`, those of the issuer are accepted"
        at_audiences = part.below(("require", "audiences"))
        judge_audiences(require.audiences, at_audiences, any_one, faults)


def build_scope_rule(
    scopes: list[str | ScopeGroup] | ScopeGroup | None, part: Part, faults: list[Fault]
) -> ScopeRule | None:
    """Return the rule over scopes, or None if the route requires none."""
    if scopes is None:
        return None
    if isinstance(scopes, ScopeGroup):
        expression = _group(scopes, part, faults)
    else:
        expression = AllOf(_terms(scopes, part, faults))
    return compile_scopes(expression) if expression is not None else None


def _group(group: ScopeGroup, part: Part, faults: list[Fault]) -> ScopeExpression | None:
    given = {"all": group.all_of, "any": group.any_of, "none": group.none_of}
    present = [key for key, terms in given.items() if terms is not None]
    if not present:
        if not part.raw:  # otherwise its keys are unknown, which is reported already
            faults.append(part.fault(Code.MISSING_KEY, "expected one of all, any or none"))
        return None
    for extra in present[1:]:
        message = f"`{present[0]}` and `{extra}`: nest one in the other to say how they combine"
        faults.append(part.child(extra).key_fault(Code.CONFLICTING_KEYS, message))
    key = present[0]
    return _GROUPS[key](_terms(given[key] or [], part.child(key), faults))


def _terms(
    terms: list[str | ScopeGroup], part: Part, faults: list[Fault]
) -> tuple[ScopeExpression, ...]:
    built = (
        term if isinstance(term, str) else _group(term, part.child(index), faults)
        for index, term in enumerate(terms)
    )
    return tuple(term for term in built if term is not None) or ("invalid",)


def close_scopes(
    implies: Mapping[str, Sequence[str]], part: Part, faults: list[Fault]
) -> dict[str, frozenset[str]]:
    """Return all scopes that each scope implies besides itself; a cycle is a fault.

    In a cycle all scopes mean the same, which nobody writes on purpose.
    """
    closed: dict[str, frozenset[str]] = {}
    for scope in implies:
        reached = _reach(scope, implies)
        if scope in reached:
            message = f"`{scope}` implies itself: scope_implies must not have cycles"
            faults.append(part.child(scope).key_fault(Code.SCOPE_CYCLE, message))
        closed[scope] = reached
    return closed


def _reach(scope: str, implies: Mapping[str, Sequence[str]]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = list(implies[scope])
    while waiting:
        granted = waiting.pop()
        if granted not in reached:
            reached.add(granted)
            waiting.extend(implies.get(granted, ()))
    return frozenset(reached)
