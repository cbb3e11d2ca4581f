"""Find out for every route why it owns a request, or why not."""

from dataclasses import dataclass, replace
from enum import Enum

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match, Route, RouteTable
from gateway.decision.verdict import Deny


class Fit(Enum):
    """How a route fits a request, from the best fit to the worst."""

    OWNS = "owns the request"
    LESS_SPECIFIC = "fits, but another route is more specific"
    OTHER_METHOD = "does not list the method"
    OTHER_HOST = "does not list the host"
    OTHER_PATH = "does not match the path"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One route, and how it fits."""

    route: Route
    fit: Fit


def find_candidates(head: RequestHead, policy: Policy) -> tuple[Candidate, ...]:
    """Return every route of *policy*, the best fit for *head* first, else in file order.

    Each is tried as if it were alone, so that only its own reasons count. Published documents
    come before all routes: then none of them owns the request.
    """
    owner = find_route(head, policy)
    index = owner.route.index if isinstance(owner, Match) else None
    found = [
        Candidate(route, Fit.OWNS if route.index == index else _fit(head, policy, route))
        for route in policy.routes.routes
    ]
    order = list(Fit)
    return tuple(sorted(found, key=lambda candidate: order.index(candidate.fit)))


def _fit(head: RequestHead, policy: Policy, route: Route) -> Fit:
    alone = replace(policy, routes=RouteTable([route]), documents={})
    answer = _ask(head, alone)
    if answer is not Fit.OTHER_PATH or not route.hosts:
        return answer
    # Would it fit on its own host? A wildcard matches any label.
    elsewhere = (host.replace("*", "x", 1) for host in route.hosts)
    others = (_ask(head._replace(host=host), alone) for host in elsewhere)
    return Fit.OTHER_HOST if any(fit is not Fit.OTHER_PATH for fit in others) else Fit.OTHER_PATH


def _ask(head: RequestHead, alone: Policy) -> Fit:
    answer = find_route(head, alone)
    if isinstance(answer, Match):
        return Fit.LESS_SPECIFIC
    knows_path = isinstance(answer, Deny) and answer.reason is Reason.METHOD_NOT_ALLOWED
    return Fit.OTHER_METHOD if knows_path else Fit.OTHER_PATH
