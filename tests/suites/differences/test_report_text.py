"""Differences, for people."""

from pathlib import Path

from gateway.suites.differences.compare import Difference
from gateway.suites.differences.compare_regions import MAX_CELLS, Asked, Gap
from gateway.suites.differences.facet import Kind
from gateway.suites.differences.report_text import format_difference
from tests.suites.differences.configs import BASE, SAME, difference, edited


def lines(directory: Path, new: str, every: bool = False, max_cells: int = MAX_CELLS) -> list[str]:
    found = format_difference(difference(directory, new, max_cells=max_cells), every)
    return [line.replace(f"{directory}/", "") for line in found]


NEW = edited(
    ("require: {scopes: [read, write]}", "public: true"),
    ("region: {in: [eu, us]}", "region: {in: [eu]}"),
)


def test_nothing_is_one_line(tmp_path: Path) -> None:
    [line] = lines(tmp_path, SAME)

    assert line.startswith("no difference in meaning (")
    assert line.endswith(" routes compared)")


def test_rules_come_first_with_both_lines(tmp_path: Path) -> None:
    assert lines(tmp_path, NEW + "drain: 5s\n")[:11] == [
        "rules",
        "  changed route read-order: claim region",
        '    - region in ["eu", "us"] (old.yaml:23)',
        '    + region in ["eu"] (new.yaml:23)',
        "  changed route everything: access",
        "    - access a token; issuers every issuer: main, partner; scopes all of read, write"
        " (old.yaml:27)",
        "    + access public (new.yaml:27)",
        "limits",
        "  changed limit: drain",
        "    - 30 s (old.yaml:1)",
        "    + 5 s (new.yaml:28)",
    ]


def test_then_whom_that_lets_in_and_keeps_out(tmp_path: Path) -> None:
    found = lines(tmp_path, NEW)

    start = found.index("opened: allowed from now on")
    assert found[start + 1 : start + 5] == [
        "  any method some.test/orders/some-2",
        "    nobody",
        "    - token_missing: credential: expected one bearer token (old.yaml:27)",
        "    + allow: by the route everything (new.yaml:24)",
    ]
    closed = found.index("closed: refused from now on")
    assert found[closed + 1 : closed + 5] == [
        "  GET,HEAD a.example/t/some-2/orders/some-4",
        "    "
        + "; ".join(f"main, as the old route requires, way {number}" for number in (2, 4, 6)),
        "    - allow: by the route read-order (old.yaml:14)",
        '    + claim_rule_failed: claim rules: expected region in ["eu"] (new.yaml:23)',
    ]
    assert found[-1].startswith("2 rules changed, ")


def test_many_callers_are_cut_short_unless_all_are_asked_for(tmp_path: Path) -> None:
    many = ", ".join(f"region-{number}" for number in range(9))
    new = edited(("region: {in: [eu, us]}", f"region: {{in: [{many}]}}"))
    short, whole = lines(tmp_path, new), lines(tmp_path, new, every=True)

    assert any(line.endswith(" more") for line in short)
    assert not any(line.endswith(" more") for line in whole)
    assert max(map(len, whole)) > max(map(len, short))


def test_other_reasons_are_shown_if_asked_for(tmp_path: Path) -> None:
    new = edited(("issuers: [main]", "issuers: [partner]"))

    assert "changed: the same outcome for another reason" not in lines(tmp_path, new)
    assert "changed: the same outcome for another reason" in lines(tmp_path, new, every=True)


def test_what_is_only_reported_is_told(tmp_path: Path) -> None:
    new = edited(
        ("upstream: orders\n    require: {", "upstream: orders\n    mode: report\n    require: {")
    )

    assert any(
        line.startswith("    + allow, token_missing only reported: credential")
        for line in lines(tmp_path, new)
    )


def test_what_came_and_went_is_told_whole(tmp_path: Path) -> None:
    new = BASE.replace("name: health", "name: alive").replace("/healthz", "/alive")

    assert lines(tmp_path, new)[:5] == [
        "rules",
        "  added route alive",
        "    + path /alive; access public; upstream orders"
        " (http://10.0.0.7:8000, http://10.0.0.8:8000) (new.yaml:10)",
        "  removed route health",
        "    - path /healthz; access public; upstream orders"
        " (http://10.0.0.7:8000, http://10.0.0.8:8000) (old.yaml:10)",
    ]


def test_what_was_not_tried_is_told(tmp_path: Path) -> None:
    found = lines(tmp_path, NEW, max_cells=1)

    text = "1 region of requests, searched only for kinds that are not shown yet"
    assert found[-1] == f"beyond --max-cells: {text}"


def test_what_was_not_decided_is_told() -> None:
    gap = Gap(Kind.OPENED, "GET a.example/x", "two rules compare `c` in too many ways")
    found = Difference((), (), (), (gap,), Asked(routes=2))

    assert list(format_difference(found, every=False)) == [
        "not decided: such a difference may exist",
        "  opened? GET a.example/x: two rules compare `c` in too many ways",
        "1 not decided (every request to 2 routes compared)",
    ]
