"""Make the second token that a route requires, for callers that are judged by the first one."""

from collections.abc import Iterator

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.routes.routing import Match, SecondToken
from gateway.settings.values.configuration import Settings
from gateway.suites.samples.sample_claims import allowed_claims
from gateway.suites.simulation.minting import Draft
from gateway.suites.simulation.persona import Persona, make_header
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.run_keys import RunKeys

COMPANION = "some-workload"


def second_of(request: SimulatedRequest, settings: Settings) -> SecondToken | None:
    """Return what the route of *request* requires of a second token, if anything."""
    match = _match(request, settings)
    sources = None if match is None else match.route.sources
    return None if sources is None else sources.second


def second_drafts(
    request: SimulatedRequest, settings: Settings, keys: RunKeys, at: float
) -> Iterator[Draft]:
    """Yield second tokens that may satisfy the route of *request* at the time *at*."""
    match, second = _match(request, settings), second_of(request, settings)
    if match is None or second is None:
        return
    policy, route = settings.policy, match.route.judged[1]
    for name in sorted(second.issuers & settings.issuers.keys()):
        issuer, key = settings.issuers[name].issuer, keys.of(name)
        header = make_header(Persona(COMPANION), issuer, key.algorithm, key.kid)
        ways = allowed_claims(COMPANION, issuer, route, policy, match.variables, at)
        for claims in ways:
            yield Draft(header, claims, issuer, key, keys)


def _match(request: SimulatedRequest, settings: Settings) -> Match | None:
    head = RequestHead(request.method, request.host, request.target, ())
    match = find_route(head, settings.policy)
    return match if isinstance(match, Match) else None
