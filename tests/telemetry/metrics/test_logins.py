"""Counts of logins: by login and outcome, and none before anybody logs in."""

from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.logins import LoginMetrics, login_families, session_families


def test_without_logins_there_are_no_samples() -> None:
    assert not [one for family in login_families(LoginMetrics()) for one in family.samples]


def test_each_outcome_is_counted_for_each_login() -> None:
    metrics = LoginMetrics()
    metrics.logins["web", "begun"] += 2
    metrics.logins["web", "failed"] += 1
    metrics.refreshes["web", "renewed"] += 3
    metrics.ended["", "backchannel_logout"] += 1

    samples = [one for family in login_families(metrics) for one in family.samples]
    assert [(one.name, one.labels, one.value) for one in samples] == [
        ("gateway_logins_total", {"login": "web", "outcome": "begun"}, 2),
        ("gateway_logins_total", {"login": "web", "outcome": "failed"}, 1),
        ("gateway_session_refreshes_total", {"login": "web", "outcome": "renewed"}, 3),
        ("gateway_sessions_ended_total", {"login": "", "cause": "backchannel_logout"}, 1),
    ]


def test_a_login_that_is_configured_is_shown_before_it_is_used() -> None:
    metrics = LoginMetrics()
    metrics.logins["web", "begun"] += 2

    metrics.expect(["web"])

    logins, refreshes, ended = login_families(metrics)
    assert {one.labels["outcome"]: one.value for one in logins.samples} == {
        "begun": 2, "succeeded": 0, "failed": 0, "unavailable": 0,
    }  # fmt: skip
    assert {one.value for one in (*refreshes.samples, *ended.samples)} == {0}
    assert {one.labels["login"] for one in (*refreshes.samples, *ended.samples)} == {"web"}


def test_lookups_of_sessions_are_counted_by_how_they_ended() -> None:
    metrics = Metrics()
    metrics.sessions_cached, metrics.sessions_found, metrics.sessions_missing = 3, 2, 1
    metrics.add(metrics)

    samples = [one for family in session_families(metrics) for one in family.samples]
    assert {one.labels["outcome"]: one.value for one in samples} == {
        "cached": 6, "found": 4, "missing": 2, "unavailable": 0,
    }  # fmt: skip
