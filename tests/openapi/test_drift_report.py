"""Drift for people and for programs."""

import json

from gateway.openapi.drift import Drift, Finding, What
from gateway.openapi.drift_report import (
    format_drift,
    format_drift_github,
    format_drift_json,
    format_summary,
)
from gateway.settings.text.fault import Place
from gateway.suites.differences.facet import Kind

API, CONFIG = Place("api.yaml", 9, 5), Place("gateway.yaml", 20, 3)


def finding(what: What, kind: Kind | None, caller: str = "") -> Finding:
    return Finding(what, kind, "GET /a", "GET h/a", "public", API, "any token", CONFIG, caller)


DRIFT = Drift(
    (
        finding(What.PUBLIC, Kind.CLOSED),
        finding(What.SCOPES, Kind.OPENED, "main, with read"),
        finding(What.UNDECIDED, None, "too many steps"),
    ),
    ("a note",),
    5,
    4,
)


def test_text_has_each_kind_the_worst_first_with_both_places() -> None:
    assert list(format_drift(DRIFT)) == [
        "opened: the gateway lets in what the description does not",
        "  scopes: GET /a",
        "    - api.yaml:9: public",
        "    + gateway.yaml:20: any token",
        "    for example GET h/a",
        "    only the gateway lets in: main, with read",
        "closed: the gateway refuses what the description lets in",
        "  public: GET /a",
        "    - api.yaml:9: public",
        "    + gateway.yaml:20: any token",
        "    for example GET h/a",
        "undecided: not compared, so that nobody knows",
        "  undecided: GET /a",
        "    - api.yaml:9: public",
        "    + gateway.yaml:20: any token",
        "    for example GET h/a",
        "    too many steps",
        "note: a note",
        "1 opened, 1 closed, 1 undecided (5 operations, 4 routes)",
    ]


def test_no_difference_is_one_line() -> None:
    assert list(format_drift(Drift((), (), 1, 2))) == ["no difference (1 operations, 2 routes)"]
    assert format_summary(Drift((), (), 1, 2)) == "no difference (1 operations, 2 routes)"


def test_json_has_the_same() -> None:
    whole = json.loads(format_drift_json(DRIFT))

    assert whole["compared"] == {"operations": 5, "routes": 4}
    assert whole["notes"] == ["a note"]
    assert [one["kind"] for one in whole["findings"]] == ["closed", "opened", None]
    assert whole["findings"][1] == {
        "what": "scopes",
        "kind": "opened",
        "subject": "GET /a",
        "request": "GET h/a",
        "caller": "main, with read",
        "described": {"text": "public", "file": "api.yaml", "line": 9, "column": 5},
        "configured": {"text": "any token", "file": "gateway.yaml", "line": 20, "column": 3},
    }


def test_annotations_are_at_the_line_of_the_configuration() -> None:
    closed, opened, undecided = format_drift_github(DRIFT)

    assert closed.startswith("::warning file=gateway.yaml,line=20,col=3,title=drift public::")
    assert opened.startswith("::error file=gateway.yaml,line=20,col=3,title=drift scopes::")
    assert undecided.startswith("::error ")
