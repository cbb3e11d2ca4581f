"""Requests for what belongs to somebody else."""

from pathlib import Path

from gateway.decision.reason import Reason
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.wrong_rules import swap_variables
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from tests.suites.hostile.sandboxes import WORLD, codes, control_of, make_sandbox, refusals

MINE = """\
version: 1
issuers: {main: {issuer: "https://a.example", discovery: true, audiences: [a]}}
upstreams: {orders: {servers: ["http://10.0.0.7:8000"]}}
routes:
  - name: mine
    match: {path: "/users/{user}/files/{file}"}
    upstream: orders
    require: {claims: {sub: {equals: "{path.user}"}}}
  - {name: admin, match: {path: "/users/somebody-else/files/{x}"}, upstream: orders, public: true}
"""


def test_a_variable_that_is_compared_is_another_one(order: Control) -> None:
    attacks = list(swap_variables(order))

    assert refusals(order, attacks) == {"path-of-another": codes(Reason.CLAIM_RULE_FAILED)}
    assert "GET api.example/tenants/somebody-else/orders/some-id" in {one.shown for one in attacks}
    assert all("/orders/some-id" in one.shown for one in attacks)


def test_what_another_route_owns_is_not_asked_for(tmp_path: Path) -> None:
    """It would be judged by other rules."""
    sandbox, _ = make_sandbox(tmp_path, MINE)
    alice = Persona("alice", "main")
    request = parse_request("GET", "https://a.example/users/alice/files/7?v=1")
    control = control_of(sandbox, "mine", cases=[(alice, request)])

    shown = {one.shown for one in swap_variables(control)}

    assert shown == {
        "GET a.example/users/alicex/files/7?v=1",
        "GET a.example/users/ALICE/files/7?v=1",
        "GET a.example/users/alic/files/7?v=1",
        "GET a.example/users/*/files/7?v=1",
        "GET a.example/users/alice,x/files/7?v=1",
    }


def test_what_is_not_compared_may_be_anything(tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path, WORLD)

    assert list(swap_variables(control_of(sandbox, "any"))) == []
