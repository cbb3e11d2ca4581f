"""Requests whose host is spelt otherwise, or replaced."""

from pathlib import Path

from gateway.decision.reason import Reason
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.path_tricks import trick_hosts
from gateway.suites.hostile.run_attacks import judge
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import WORLD, codes, control_of, make_sandbox, refusals


def test_a_host_in_another_spelling_is_the_same(order: Control) -> None:
    """CVE-2021-39155"""
    attacks = [one for one in trick_hosts(order) if one.name == "host-spelling"]

    assert refusals(order, attacks) == {"host-spelling": codes(Reason.TOKEN_MISSING)}


def test_another_host_leads_to_no_service_that_the_route_guards(
    order: Control, sandbox: Sandbox
) -> None:
    for one in trick_hosts(order):
        assert judge(one, sandbox.decide(one.head)) is None, one.variant


def test_an_open_route_for_all_hosts_gives_the_service_away(tmp_path: Path) -> None:
    text = WORLD.replace("upstream: site, public: true", "upstream: orders, public: true")
    sandbox, _ = make_sandbox(tmp_path, text)
    attacks = trick_hosts(control_of(sandbox, "read-order"))

    found = {one.variant: judge(one, sandbox.decide(one.head)) for one in attacks}

    assert found["in capitals"] is None
    assert found["unknown"] is not None
    assert "by the route site (" in found["unknown"][1]


def test_a_route_for_all_hosts_has_none_to_be_mistaken_for(sandbox: Sandbox) -> None:
    assert list(trick_hosts(control_of(sandbox, "any"))) == []


def test_a_route_with_an_optional_token_guards_nothing(tmp_path: Path) -> None:
    text = WORLD.replace("match: {path: /maybe}", "match: {hosts: [a.example], path: /maybe}")
    sandbox, _ = make_sandbox(tmp_path, text)

    assert list(trick_hosts(control_of(sandbox, "maybe"))) == []
