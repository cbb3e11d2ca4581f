"""Requests over HTTP/2 that would mean something else in HTTP/1.1."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.decision.verdict import Deny
from gateway.http.rehearsal import H2Head
from gateway.suites.files.attack_names import NAMES
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.h2_tricks import trick_h2
from gateway.suites.hostile.run_attacks import Campaign, judge
from gateway.suites.simulation.sandbox import Outcome, Sandbox, Sent
from tests.suites.hostile.sandboxes import attack, make_sandbox
from tests.suites.hostile.weak import LAST, keeps_headers, written_out

OF_HTTP_2 = {name for name in NAMES if name.startswith("h2-")}


def decided(control: Control, name: str) -> dict[str, Outcome]:
    """Return what comes of the attacks called *name*, by their variants."""
    return {
        one.variant: control.sandbox.decide_h2(one.h2)
        for one in trick_h2(control)
        if one.name == name and one.h2 is not None
    }


def test_every_form_is_refused_or_is_what_http_1_makes_of_it(order: Control) -> None:
    for one in trick_h2(order):
        assert one.h2 is not None
        assert judge(one, order.sandbox.decide_h2(one.h2)) is None, (one.name, one.variant)


def test_all_but_cookies_and_identity_must_be_refused(order: Control) -> None:
    allowed = Counter(
        one.name
        for one in trick_h2(order)
        if one.h2 is not None and not isinstance(order.sandbox.decide_h2(one.h2), Deny)
    )

    assert allowed.keys() == {"h2-split-cookies", "h2-identity"}


def test_the_request_itself_is_allowed_as_over_http_1(order: Control) -> None:
    """Otherwise nothing of what is refused would show anything."""
    (one, *_) = (one for one in trick_h2(order) if one.name == "h2-split-cookies")
    assert one.h2 is not None
    plain = H2Head(tuple(field for field in one.h2.headers if field[0] != b"cookie"))

    outcome = order.sandbox.decide_h2(plain)

    assert isinstance(outcome, Sent)
    assert lines(outcome) == lines(order.sent)


def lines(sent: Sent) -> list[bytes]:
    """Return the head without Via, which names the version, and without the case of names."""
    every = (line.partition(b":") for line in sent.head.split(b"\r\n"))
    return sorted(
        name.lower() + colon + value for name, colon, value in every if name.lower() != b"via"
    )


def test_cookies_in_several_fields_reach_the_service_in_one(order: Control) -> None:
    for outcome in decided(order, "h2-split-cookies").values():
        assert isinstance(outcome, Sent)
        assert b"\r\ncookie: a=1; b=2; c=3\r\n" in outcome.head.lower()


def test_nothing_is_tried_where_clients_may_not_speak_http_2(order: Control) -> None:
    settings = replace(order.sandbox.settings, http2=False)
    sandbox = Sandbox(settings, order.sandbox.at)

    assert not list(trick_h2(replace(order, sandbox=sandbox)))


@pytest.mark.parametrize("name", ["Connection", "Content-Length", "Cookie"])
def test_a_request_of_a_suite_with_a_form_of_its_own_is_left_alone(
    name: str, order: Control
) -> None:
    request = replace(order.request, headers=((name, "0"),))

    assert not list(trick_h2(replace(order, request=request)))


def test_identity_headers_are_tried_on_public_routes_as_well(tmp_path: Path) -> None:
    report = attack(tmp_path)

    counts = {one.route: one.counts for one in report.routes}
    assert counts["health"]["h2-identity"] > 5
    assert counts["any"].keys() >= OF_HTTP_2
    assert report.failures == ()


def test_whoever_writes_all_of_it_out_is_open_to_each_of_these(tmp_path: Path) -> None:
    """CVE-2021-33193 and its like: a downgrade that believes what HTTP/2 says."""
    sandbox, loaded = make_sandbox(tmp_path)
    campaign = Campaign(sandbox, loaded.places, decide_h2=written_out(sandbox))

    report = campaign.run(lambda attack: attack.split(" ")[1] in OF_HTTP_2)

    opened = {finding.name for finding in report.failures if finding.text.startswith("allowed")}
    assert opened >= OF_HTTP_2 - {"h2-token", "h2-split-cookies", "h2-identity"}
    assert "h2-split-cookies" in {finding.name for finding in report.failures}


def test_whoever_keeps_what_clients_say_is_found_over_http_2(tmp_path: Path) -> None:
    sandbox, loaded = make_sandbox(tmp_path)
    weak = written_out(sandbox, keeps_headers(sandbox))
    campaign = Campaign(sandbox, loaded.places, decide_h2=weak)

    report = campaign.run(lambda attack: attack.split(" ")[1] == "h2-identity")

    assert {finding.name for finding in report.failures} == {"h2-identity"}


def test_whoever_takes_one_of_two_credentials_is_found_over_http_2(tmp_path: Path) -> None:
    sandbox, loaded = make_sandbox(tmp_path)
    weak = written_out(sandbox, LAST(sandbox))
    campaign = Campaign(sandbox, loaded.places, decide_h2=weak)

    report = campaign.run(lambda attack: attack.split(" ")[1] == "h2-token")

    assert {finding.name for finding in report.failures} == {"h2-token"}
