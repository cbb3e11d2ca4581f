"""Alert rules and dashboard: they are documented, and so are the metrics that they use."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.project.monitoring import (
    ALERT_TESTS,
    ALERTS,
    DASHBOARD,
    PROMETHEUS,
    ROOT,
    Query,
    alert_queries,
    alerts,
    panel_queries,
    panels,
)

METRICS_PAGE = (ROOT / "docs" / "metrics.md").read_text()
ALERTS_PAGE = (ROOT / "docs" / "alerts.md").read_text()

# Each family with its labels, as on the page; a test of the exposition compares it with the code.
FAMILIES = {
    name: (kind, set(re.findall(r"`(\w+)`", labels)))
    for name, kind, labels in re.findall(
        r"^\| `([a-z0-9_]+)` \| (\w+) \|([^|]*)\|", METRICS_PAGE, re.MULTILINE
    )
}

# Labels that Prometheus adds to everything that it scrapes, and to histograms.
ADDED = {"job", "instance", "le"}

QUERIES = [*alert_queries(), *panel_queries()]


def family_of(sample: str) -> str | None:
    """Return the family that has *sample*, or None."""
    if sample in FAMILIES and FAMILIES[sample][0] != "histogram":
        return sample
    family = re.sub("_(bucket|count|sum)$", "", sample)
    return family if family != sample and FAMILIES.get(family, ("",))[0] == "histogram" else None


def test_there_is_something_to_look_at() -> None:
    assert alerts()
    assert panel_queries()
    assert FAMILIES


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_every_metric_that_is_asked_for_is_documented(query: Query) -> None:
    asked = query.metrics()

    assert asked or "up{" in query.expr
    assert [sample for sample in asked if family_of(sample) is None] == []


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_no_label_is_asked_for_that_the_metric_does_not_have(query: Query) -> None:
    known = {label for name in query.metrics() for label in FAMILIES[family_of(name) or ""][1]}

    assert query.labels() <= known | ADDED
    for sample, label in query.matched():
        family = family_of(sample)
        assert label in ADDED or (family and label in FAMILIES[family][1]), (sample, label)


@pytest.mark.parametrize(
    "name",
    [name for name in FAMILIES if not name.startswith("process_") and "next_refresh" not in name],
)
def test_every_metric_of_the_gateway_is_shown_or_watched(name: str) -> None:
    asked = {family_of(sample) for query in QUERIES for sample in query.metrics()}

    assert name in asked or name in NOT_SHOWN


# Parts of another figure that is shown.
NOT_SHOWN = {
    "gateway_config_last_reload_success_timestamp_seconds",
    "gateway_revocation_fetches_total",
    "gateway_revocation_fetch_failures_total",
}


# --- alerts


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_the_matter_how_bad_it_is_and_where_to_read_on(rule: Any) -> None:
    said = rule["annotations"]

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(said) == {"summary", "description", "runbook_url"}
    assert all(said.values())
    assert said["runbook_url"] == f"docs/alerts.md#{rule['alert'].lower()}"


def test_every_alert_has_its_section_in_the_order_of_the_rules_and_no_other() -> None:
    assert re.findall(r"^## (\w+)$", ALERTS_PAGE, re.MULTILINE) == [
        rule["alert"] for rule in alerts()
    ]


def test_every_section_says_what_to_do() -> None:
    sections = re.split(r"^## \w+$", ALERTS_PAGE, flags=re.MULTILINE)[1:]

    assert [section for section in sections if not re.search(r"^- .+", section, re.MULTILINE)] == []


def test_of_every_alert_there_is_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases: dict[str, set[bool]] = {}
    for test in yaml.safe_load(ALERT_TESTS.read_text())["tests"]:
        for case in test["alert_rule_test"]:
            cases.setdefault(case["alertname"], set()).add(bool(case.get("exp_alerts")))

    assert cases == {rule["alert"]: {True, False} for rule in alerts()}


def test_the_files_are_named_on_the_page_and_lead_to_each_other() -> None:
    for path in (ALERTS, ALERT_TESTS, PROMETHEUS, DASHBOARD):
        assert f"`{path.relative_to(ROOT)}`" in ALERTS_PAGE

    config = yaml.safe_load(PROMETHEUS.read_text())
    assert config["rule_files"] == [ALERTS.name]
    (job,) = config["scrape_configs"]
    assert all(f'job="{job["job_name"]}"' in query.expr for query in alert_queries())


# --- the dashboard


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in panels()]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "panel",
    [panel for panel in panels() if panel["type"] != "row"],
    ids=lambda panel: panel["title"],
)
def test_a_panel_asks_the_chosen_source_for_the_chosen_gateways(panel: Any) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert (
            target["datasource"]
            == panel["datasource"]
            == {
                "type": "prometheus",
                "uid": "${datasource}",
            }
        )
        selectors = re.findall(r"\{([^{}]*)\}", target["expr"])
        assert selectors
        assert all('job="$job",instance=~"$instance"' in one for one in selectors)


def test_the_dashboard_asks_for_no_variable_that_it_does_not_have() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    named = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", DASHBOARD.read_text())) - {"__rate_interval", "__all"}

    assert used == named
