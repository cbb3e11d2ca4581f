"""Every route says why it owns a request or was passed over."""

import pytest
from hypothesis import given

from gateway.decision.decide import find_route
from gateway.decision.explaining.candidates import Fit, find_candidates
from gateway.decision.head import RequestHead
from gateway.decision.routes.routing import Match
from tests.decision.policies import head, policy, route
from tests.decision.test_laws import HEADS, POLICY

RULES = policy(
    route("/orders/{id}"),
    route("/orders/*"),
    route("/orders/new", methods=frozenset({"POST"})),
    route("/orders/{id}", name="wild", hosts=("*.example.com",)),
    route("/orders/{id}", name="exact", hosts=("api.example.com", "www.example.org")),
    route("/users"),
    route("/users", name="hosted", hosts=("api.example.com",)),
    documents={("h", b"/orders/document"): b"{}"},
)


def fits(target: bytes, host: str = "h", method: str = "GET") -> dict[str, Fit]:
    found = find_candidates(head(target, host=host, method=method), RULES)
    return {candidate.route.name: candidate.fit for candidate in found}


def test_each_route_says_why() -> None:
    assert fits(b"/orders/7") == {
        "/orders/{id}": Fit.OWNS,
        "/orders/*": Fit.LESS_SPECIFIC,
        "wild": Fit.OTHER_HOST,
        "exact": Fit.OTHER_HOST,
        "/orders/new": Fit.OTHER_PATH,
        "/users": Fit.OTHER_PATH,
        "hosted": Fit.OTHER_PATH,
    }


def test_an_exact_host_goes_before_a_wildcard_and_that_before_none() -> None:
    nearest = list(fits(b"/orders/7", host="api.example.com").items())[:4]

    assert nearest == [
        ("exact", Fit.OWNS),
        ("/orders/{id}", Fit.LESS_SPECIFIC),
        ("/orders/*", Fit.LESS_SPECIFIC),
        ("wild", Fit.LESS_SPECIFIC),
    ]


@pytest.mark.parametrize(
    ("target", "method", "name", "fit"),
    [
        (b"/orders/new", "GET", "/orders/new", Fit.OTHER_METHOD),
        (b"/orders/new", "POST", "/orders/new", Fit.OWNS),
        (b"/orders/new", "POST", "/orders/{id}", Fit.LESS_SPECIFIC),
        (b"/orders//new", "GET", "/orders/*", Fit.OTHER_PATH),
        (b"/orders/document", "GET", "/orders/{id}", Fit.LESS_SPECIFIC),
    ],
)
def test_a_route_is_asked_as_if_it_were_alone(
    target: bytes, method: str, name: str, fit: Fit
) -> None:
    assert fits(target, method=method)[name] is fit


@given(HEADS)
def test_one_route_at_most_owns_a_request_and_it_is_the_one_that_is_found(
    request: RequestHead,
) -> None:
    owner = find_route(request, POLICY)
    found = find_candidates(request, POLICY)
    owners = [candidate.route for candidate in found if candidate.fit is Fit.OWNS]

    assert owners == ([owner.route] if isinstance(owner, Match) else [])
    assert len(found) == len(POLICY.routes.routes)
    if isinstance(owner, Match):
        assert found[0].route is owner.route
