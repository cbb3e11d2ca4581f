"""Generate the claims of a token that a route allows."""

from collections.abc import Iterator, Sequence
from itertools import islice
from math import ceil

from gateway.decision.policy import Issuer, Policy
from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_tests import all_tests
from gateway.decision.rules.step_up import StepUp
from gateway.suites.samples.claim_sets import Claims, passing
from gateway.suites.samples.meaning import Variables
from gateway.suites.samples.scope_claims import with_scopes
from gateway.suites.samples.scope_sets import enough
from gateway.suites.simulation.persona import Persona, make_claims

_MAX_SCOPE_SETS = 16


def allowed_claims(  # noqa: PLR0913, PLR0917 - all that claims depend on
    name: str, issuer: Issuer, route: Route, policy: Policy, variables: Variables, at: float
) -> Iterator[Claims]:
    """Yield claims of *issuer*'s tokens that satisfy the rules of *route* at the time *at*.

    Each satisfies them in another way, with no more than it needs; *name* is the subject. There may
    be none, and only the decision says whether *route* allows them.
    """
    if route.issuers is not None and issuer.name not in route.issuers:
        return
    base = make_claims(Persona(name), issuer, at)
    first, *others = _audiences(issuer, route.audiences, base["aud"])
    yield from _ways({**base, "aud": first}, issuer, route, policy, variables, at)
    for audience in others:
        ways = _ways({**base, "aud": audience}, issuer, route, policy, variables, at)
        yield from islice(ways, 1)


def _ways(  # noqa: PLR0913, PLR0917 - all that claims depend on
    base: Claims, issuer: Issuer, route: Route, policy: Policy, variables: Variables, at: float
) -> Iterator[Claims]:
    rules = (*issuer.claims, *route.claims)
    # A claim test may need `scope` for itself; there are other claims for scopes.
    tested = {test.path for test in all_tests(rules)}
    for scopes in _scopes(route, policy):
        granted = with_scopes(base, issuer.scopes_from, scopes, tested)
        for authentication in _authentications(route.step_up, at):
            yield from passing(rules, {**granted, **authentication}, variables)


def _authentications(wanted: StepUp | None, at: float) -> Iterator[Claims]:
    """Yield claims about an authentication that is just sufficient, in each possible way."""
    if wanted is None:
        yield {}
        return
    age: Claims = {}
    if wanted.max_age_seconds is not None:
        age = {"auth_time": ceil(at - wanted.max_age_seconds)}
    for acr in wanted.acr_values or ("",):
        yield {**age, "acr": acr} if acr else age


def _scopes(route: Route, policy: Policy) -> Sequence[Sequence[str]]:
    if route.scopes is None:
        return [[]]
    sets = islice(enough(route.scopes.expression, policy.scope_implies), _MAX_SCOPE_SETS)
    return [sorted(scopes) for scopes in sets]


def _audiences(issuer: Issuer, asked: frozenset[str] | None, usual: object) -> Sequence[object]:
    """Return every audience, or pair of them, that satisfies both issuer and route."""
    own = issuer.audiences
    if asked is None:
        return sorted(own) if own else [usual]
    both = sorted(asked if own is None else own & asked)
    return both or [[one, other] for one in sorted(own or ()) for other in sorted(asked)]
