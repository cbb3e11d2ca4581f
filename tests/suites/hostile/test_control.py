"""What a route allows: by a case of a suite, or else by claims made from its rules."""

from pathlib import Path

import pytest

from gateway.decision.routes.routing import Route
from gateway.suites.hostile.control import Cases, Controls
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import SimulatedRequest, parse_request
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import WORLD, control_of, make_sandbox


def url(text: str, **headers: str) -> SimulatedRequest:
    return parse_request("GET", f"https://a.example{text}", list(headers.items()))


ALICE = Persona("alice", "main", {"scope": "orders:read other"})


def route_of(sandbox: Sandbox, name: str) -> Route:
    return next(route for route in sandbox.settings.policy.routes.routes if route.name == name)


def callers(sandbox: Sandbox, route: str, cases: Cases) -> list[str | None]:
    controls = Controls(sandbox, sandbox.decide, cases)
    return [control.caller for control in controls.of(route_of(sandbox, route))]


def test_claims_are_made_where_no_suite_has_any(sandbox: Sandbox) -> None:
    control = control_of(sandbox, "read-order")
    token = control.sent.allow.token

    assert control.caller is None
    assert control.request.line == "GET api.example/tenants/some-tenant/orders/some-id"
    assert token is not None
    assert token.claims.all["tenant"] == "some-tenant"
    assert control.variables == {"tenant": "some-tenant", "id": "some-id"}


def test_there_is_one_for_each_issuer_that_the_route_accepts(sandbox: Sandbox) -> None:
    controls = Controls(sandbox, sandbox.decide, ())

    found = {
        name: [control.issuer.name for control in controls.of(route_of(sandbox, name))]
        for name in ("read-order", "any", "maybe", "machines")
    }

    assert found == {
        "read-order": ["main"],
        "any": ["main", "partner", "ci"],
        "maybe": ["main", "partner"],
        "machines": ["ci"],
    }


def test_the_first_case_that_is_allowed_counts(sandbox: Sandbox) -> None:
    bob = Persona("bob", "main")
    cases = [(bob, url("/maybe")), (ALICE, url("/maybe")), (bob, url("/any"))]

    assert callers(sandbox, "maybe", cases) == ["alice", None]
    assert callers(sandbox, "any", cases) == ["bob", None, None]


@pytest.mark.parametrize(
    ("persona", "request_"),
    [
        (Persona("nobody"), url("/maybe")),
        (Persona("forger", "main", {"scope": "orders:read"}, attack="signature"), url("/maybe")),
        (Persona("gone", "main", {"scope": "orders:read"}, revoked=("blocked",)), url("/maybe")),
        (ALICE, url("/maybe", Authorization="Basic YTpi")),
        (ALICE, url("/healthz")),
        (ALICE, url("/nowhere/..")),
    ],
    ids=["without a token", "an attack", "revoked", "with a credential", "public", "no route"],
)
def test_what_is_allowed_for_another_cause_than_its_token_is_no_control(
    persona: Persona, request_: SimulatedRequest, sandbox: Sandbox
) -> None:
    assert callers(sandbox, "maybe", [(persona, request_)]) == [None, None]


def test_the_least_control_has_nothing_to_spare(sandbox: Sandbox) -> None:
    controls = Controls(sandbox, sandbox.decide, [(ALICE, url("/maybe"))])

    least = controls.least_like(route_of(sandbox, "maybe"), control_of(sandbox, "any"))

    assert least is not None
    assert least.caller is None
    assert least.draft.claims["scope"] == "orders:read"


PATTERN = WORLD.replace("require: {issuers: [ci]}", "require: {claims: {a: {matches: '?*[x'}}}")
HARD = WORLD.replace(
    "require: {issuers: [ci]}",
    "require: {claims: {a: {matches: 'b*', not_equals: b, contains: c}}}",
)


def test_where_no_claims_can_be_made_there_is_none(tmp_path: Path) -> None:
    """A text is never a list; a pattern, on the other hand, is met."""
    assert callers(make_sandbox(tmp_path, PATTERN)[0], "machines", ()) == [None, None, None]
    sandbox, _ = make_sandbox(tmp_path, HARD)

    assert callers(sandbox, "machines", ()) == []
    like = control_of(sandbox, "any")
    assert (
        Controls(sandbox, sandbox.decide, ()).least_like(route_of(sandbox, "machines"), like)
        is None
    )


def test_a_route_that_owns_no_request_has_no_control(tmp_path: Path) -> None:
    """Each method of its path is another route's."""
    taken = WORLD.replace(
        "  - {name: machines,",
        "  - {name: all, match: {path: '/{x}/b'}, upstream: orders, require: {}}\n"
        "  - {name: b, match: {path: '/{x}/b', methods: [GET, POST, PUT, PATCH, DELETE, HEAD,"
        " OPTIONS]}, upstream: orders, require: {}}\n"
        "  - {name: machines,",
    )
    sandbox, _ = make_sandbox(tmp_path, taken)

    assert callers(sandbox, "all", ()) == []
    assert callers(sandbox, "b", ()) == [None, None, None]
