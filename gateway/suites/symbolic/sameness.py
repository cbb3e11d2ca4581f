"""Tell which sides of regions let in the same callers by the way their rules are written.

That takes microseconds. So equal rules need no comparison, and the same two rules no second one.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from gateway.decision.policy import Policy
from gateway.decision.routes.routing import Match, Route, SecondToken
from gateway.decision.routes.template import Variable
from gateway.decision.rules.claim_tests import ClaimRule, ClaimTest
from gateway.decision.rules.operands import split_text
from gateway.decision.rules.scopes import ScopeRule
from gateway.settings.values.configuration import Settings
from gateway.suites.symbolic.access import Access
from gateway.suites.symbolic.formula import hashable
from gateway.suites.symbolic.gates import valid_token
from gateway.suites.symbolic.origins import find_issuer, find_origins
from gateway.suites.symbolic.requirements import Origin

Positions = Mapping[str, int]


def rules_of(access: Access) -> object:
    """Return a value that is equal for sides whose routes have the same rules about callers.

    Names of variables do not matter, the places of their segments do.
    """
    route, match = access.route, access.match
    if route is None or match is None:
        return None
    return _of_route(route), _readings(match), *_own(access, match)


def _own(access: Access, match: Match) -> tuple[object, ...]:
    """Return what of the request itself matters: its segments, and its host for sessions."""
    positions = positions_of(match.route)
    segments = tuple(
        (positions[name], value, positions[name] in access.literals)
        for name, value in match.variables.items()
        if name in positions
    )
    has_host = match.route.login and access.request is not None
    return segments, access.request.authority if has_host and access.request else None


def _readings(match: Match) -> object:
    return tuple(tuple(one.items()) for one in match.other_variables)


@lru_cache(maxsize=65536)
def positions_of(route: Route) -> Positions:
    """Return the places of the variable segments in paths of *route*, by name."""
    return {one.name: at for at, one in enumerate(route.segments) if isinstance(one, Variable)}


@lru_cache(maxsize=65536)
def _of_route(route: Route) -> object:
    positions, step_up, sources = positions_of(route), route.step_up, route.sources
    second = None if sources is None else sources.second
    return (
        (route.public, route.optional, route.reports, route.issuers, route.audiences),
        _of_scopes(route.scopes),
        _of_claims(route.claims, positions),
        None if step_up is None else (step_up.acr_values, step_up.max_age_seconds),
        route.login,
        route.introspector,
        None if sources is None else (sources.places, sources.field),
        None if second is None else _of_second(second, positions),
    )


def _of_second(second: SecondToken, positions: Positions) -> object:
    return (
        (second.field, second.issuers, second.audiences, second.introspector),
        _of_scopes(second.scopes),
        _of_claims(second.claims, positions),
    )


def _of_scopes(scopes: ScopeRule | None) -> object:
    return None if scopes is None else scopes.expression


def _of_claims(rules: Iterable[ClaimRule], positions: Positions) -> object:
    return tuple(
        (rule.path, rule.operator, hashable(_placed(rule.operand, positions)))
        if isinstance(rule, ClaimTest)
        else (rule.kind, tuple(_of_claims(part, positions) for part in rule.parts))
        for rule in rules
    )


def _placed(operand: object, positions: Positions) -> object:
    """Return *operand* with places instead of the names of variables."""
    if isinstance(operand, str) and "{" in operand:
        pieces = split_text(operand)
        return [
            [positions.get(piece, piece)] if place % 2 else piece
            for place, piece in enumerate(pieces)
        ]
    if isinstance(operand, list | tuple):
        return [_placed(one, positions) for one in operand]
    return operand


@lru_cache(maxsize=64)
def trust_alike(old: Settings, new: Settings, at: float) -> bool:
    """Return whether both believe the same tokens, whatever a route requires besides."""
    origins, problems = find_origins(old.policy, new.policy)
    lists = same_lists(old, new)
    return not problems and _trust(old, origins, {}, at) == _trust(new, origins, lists, at)


def _trust(
    settings: Settings, origins: Iterable[Origin], lists: Mapping[str, str], at: float
) -> object:
    policy = settings.policy
    return (
        policy.scope_implies,
        {name: one.issuer for name, one in policy.introspecting.items()},
        {name: one.issuer for name, one in settings.logins.items()},
        [_of_origin(policy, origin, lists, at) for origin in origins],
    )


def _of_origin(policy: Policy, origin: Origin, lists: Mapping[str, str], at: float) -> object:
    found = find_issuer(policy, origin)
    if found is None:
        return None
    issuer, named = found
    return (
        (issuer.name, issuer.issuer, issuer.reports, issuer.scopes_from, named),
        valid_token(policy, issuer.name, origin, at),
        sorted(lists.get(rule.name, rule.name) for rule in policy.revocations.get(issuer.name, ())),
    )


def same_lists(old: Settings, new: Settings) -> Mapping[str, str]:
    """Return what *old* calls the revocation lists of *new*: those with the same location."""
    before = {one.location: name for name, one in old.revocations.items()}
    return {name: before.get(one.location, name) for name, one in new.revocations.items()}
