"""The state of a revocation list has three views, and each shows what its readers may know."""

import json
from dataclasses import replace

from gateway.admin.revocations import (
    revocation_metrics,
    revocation_readiness,
    revocation_status,
)
from gateway.revocation.status import RevocationStatus
from gateway.telemetry.metrics.reports import RevocationMetrics

STATUS = RevocationStatus(
    name="blocked",
    location="https://login.example.com/revoked.json",
    loaded=True,
    was_loaded=True,
    stale=True,
    refuses_without=True,
    entries=7,
    age_seconds=40.5,
    age_limit_seconds=330.0,
    fetches=9,
    failures=5,
    failures_in_a_row=4,
    last_error="https://login.example.com/revoked.json: status 500 instead of 200",
    next_refresh_in_seconds=8.0,
)


def test_operators_see_all_of_it() -> None:
    shown = json.loads(json.dumps(revocation_status(STATUS, is_required=True)))

    assert shown == {
        "name": "blocked",
        "location": "https://login.example.com/revoked.json",
        "loaded": True,
        "stale": True,
        "required": True,
        "on_failure": "refuse",
        "entries": 7,
        "age_seconds": 40.5,
        "age_limit_seconds": 330.0,
        "fetches": 9,
        "failures": 5,
        "failures_in_a_row": 4,
        "last_error": "https://login.example.com/revoked.json: status 500 instead of 200",
        "next_refresh_in_seconds": 8.0,
    }
    open_list = replace(STATUS, refuses_without=False)
    assert revocation_status(open_list, is_required=False)["on_failure"] == "allow"


def test_probes_see_how_it_stands_and_neither_places_nor_errors() -> None:
    assert revocation_readiness(STATUS, is_required=True, awaits=True) == {
        "name": "blocked",
        "required": True,
        "awaited": False,
        "loaded": True,
        "stale": True,
        "age_seconds": 40.5,
        "failures_in_a_row": 4,
        "next_refresh_in_seconds": 8.0,
    }


def test_metrics_have_the_same_figures_and_no_count_where_there_is_no_list() -> None:
    expected = RevocationMetrics("blocked", 7, 40.5, 330.0, 8.0, 9, 5, 4)

    assert revocation_metrics(STATUS) == expected
    gone = replace(STATUS, loaded=False, entries=0)
    assert revocation_metrics(gone) == replace(expected, entries=None)
