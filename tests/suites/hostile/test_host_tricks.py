"""Requests whose host is spelt otherwise, or replaced."""

from pathlib import Path

from gateway.decision.reason import Reason
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.host_tricks import trick_hosts
from gateway.suites.hostile.run_attacks import judge
from gateway.suites.hostile.stage import Stage
from tests.suites.hostile.stages import WORLD, codes, control_of, make_stage, refusals


def test_a_host_in_another_spelling_is_the_same(order: Control) -> None:
    """CVE-2021-39155"""
    attacks = [one for one in trick_hosts(order) if one.name == "host-spelling"]

    assert refusals(order, attacks) == {"host-spelling": codes(Reason.TOKEN_MISSING)}


def test_another_host_leads_to_no_service_that_the_route_guards(
    order: Control, stage: Stage
) -> None:
    for one in trick_hosts(order):
        assert judge(one, stage.answer(one.head)) is None, one.variant


def test_an_open_route_for_all_hosts_gives_the_service_away(tmp_path: Path) -> None:
    text = WORLD.replace("upstream: site, public: true", "upstream: orders, public: true")
    stage, _ = make_stage(tmp_path, text)
    attacks = trick_hosts(control_of(stage, "read-order"))

    found = {one.variant: judge(one, stage.answer(one.head)) for one in attacks}

    assert found["in capitals"] is None
    assert found["unknown"] is not None
    assert "by the route site (" in found["unknown"][1]


def test_a_route_for_all_hosts_has_none_to_be_mistaken_for(stage: Stage) -> None:
    assert list(trick_hosts(control_of(stage, "any"))) == []


def test_a_route_with_an_optional_token_guards_nothing(tmp_path: Path) -> None:
    text = WORLD.replace("match: {path: /maybe}", "match: {hosts: [a.example], path: /maybe}")
    stage, _ = make_stage(tmp_path, text)

    assert list(trick_hosts(control_of(stage, "maybe"))) == []
