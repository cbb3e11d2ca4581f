"""What a configuration says beside routes and issuers, in words."""

from pathlib import Path

from gateway.suites.differences.general_facets import (
    fetch_facets,
    limit_facets,
    show_amount,
    upstream_facets,
)
from tests.suites.differences.configs import BASE, load


def test_every_limit_leads_to_its_line(tmp_path: Path) -> None:
    facets = limit_facets(load(tmp_path, BASE).settings)

    assert all(".".join(facet.keys) == name for name, facet in facets.items())
    assert facets["timeouts.total"].text == "3600 s"
    assert facets["limits.body"].text == "unlimited"


def test_no_end_is_told_as_such(tmp_path: Path) -> None:
    settings = load(tmp_path, BASE + "timeouts: {total: unlimited}\nadmin: false\n").settings

    facets = limit_facets(settings)
    assert facets["timeouts.total"].text == "inf s"
    assert facets["admin"].text == "none"


def test_amounts_have_units() -> None:
    assert show_amount(("limits", "fields"), 100) == "100"
    assert show_amount(("limits", "head"), 100) == "100 bytes"
    assert show_amount(("drain",), 2.5) == "2.5 s"


def test_times_of_keys_and_services_are_told(tmp_path: Path) -> None:
    settings = load(tmp_path, BASE).settings
    times = settings.issuers["main"].times

    assert {key: one.text for key, one in fetch_facets(times, True, 5.0).items()} == {
        "required": "true",
        "fresh": "300 s",
        "stale": "3600 s",
        "fetch_timeout": "5 s",
        "unknown_kid_cooldown": "5 s",
    }
    assert "unknown_kid_cooldown" not in fetch_facets(times, True)
    assert {key: one.text for key, one in upstream_facets(settings)["site"].items()} == {
        "connect_timeout": "2 s",
        "response_timeout": "30 s",
        "stall_timeout": "60 s",
        "idle_timeout": "55 s",
    }
