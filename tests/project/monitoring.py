"""Read the dashboard and the alert rules in config/ for the tests."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
ALERTS: Final = ROOT / "config" / "prometheus" / "alerts.yaml"
ALERT_TESTS: Final = ROOT / "config" / "prometheus" / "alerts_test.yaml"
PROMETHEUS: Final = ROOT / "config" / "prometheus" / "prometheus.yaml"
DASHBOARD: Final = ROOT / "config" / "grafana" / "dashboard.json"

_METRIC: Final = re.compile(r"\b(?:gateway|http|process)_[a-z0-9_]+")
_BY: Final = re.compile(r"\b(?:by|on|without) \(([^)]*)\)")
_MATCHERS: Final = re.compile(r"([a-z0-9_]+)\{([^}]*)\}")
_MATCHER: Final = re.compile(r'([a-z_]+)(?:=~|!~|!=|=)"')


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, with its panel or alert; *legend* names its series."""

    name: str
    expr: str
    legend: str = ""

    def metrics(self) -> set[str]:
        """Return the names of all samples in it."""
        bare = _BY.sub("", re.sub(r"\{[^}]*\}", "", self.expr))
        return set(_METRIC.findall(bare))

    def labels(self) -> set[str]:
        """Return the labels that it aggregates by, or shows."""
        listed = [label for labels in _BY.findall(self.expr) for label in labels.split(",")]
        return {label.strip() for label in listed} | set(self.legend_labels())

    def legend_labels(self) -> list[str]:
        """Return the labels that its legend shows."""
        return re.findall(r"\{\{(\w+)\}\}", self.legend)

    def matched(self) -> Iterator[tuple[str, str]]:
        """Yield each metric with each label of its selectors."""
        for metric, matchers in _MATCHERS.findall(self.expr):
            for label in _MATCHER.findall(matchers):
                yield metric, label


def alerts() -> list[Mapping[str, Any]]:
    """Return every alert rule."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alert_queries() -> list[Query]:
    """Return the expression of every alert."""
    return [Query(rule["alert"], rule["expr"]) for rule in alerts()]


def panels() -> list[Mapping[str, Any]]:
    """Return every panel of the dashboard, including those in rows."""
    found: list[Mapping[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def panel_queries() -> list[Query]:
    """Return every expression of the dashboard."""
    return [
        Query(panel["title"], target["expr"], target["legendFormat"])
        for panel in panels()
        for target in panel.get("targets", ())
    ]
