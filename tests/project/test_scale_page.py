"""`docs/scale.md`: its figures are of measured rows, its sums are right, its names exist."""

import re
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from gateway.decision.tokens.memo import DEFAULT_CAPACITY
from tests.project.test_docs import rows, sections

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text()
RESULTS = (ROOT / "benchmarks" / "results.md").read_text()
WORK = rows(sections(PAGE, "##")["Capacity of one core"])


# Rounds differ by less, and so do machines that are alike.
CLEARLY = 1.5


def number(text: str) -> float:
    found = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    assert found is not None, text
    return float(found[0].replace(",", ""))


def measured(row: str) -> float:
    """Return the gateway's figure in a row of the benchmark."""
    found = re.search(
        rf"^\| {re.escape(row)} \([^|]*\) \| gateway ([\d,.]+)", RESULTS, re.MULTILINE
    )
    assert found is not None, row
    return number(found[1])


def test_every_kind_of_work_was_measured_and_costs_more_than_what_costs_clearly_less() -> None:
    """Another machine, or another day, has other figures, and may swap those that are close."""
    assert len(WORK) > 5
    assert all(measured(row) for _, _, row in WORK)
    requests = [(number(figure), row) for _, figure, row in WORK if "requests/s" in figure]
    assert len(requests) > 4
    for (slow, slow_row), (fast, fast_row) in combinations(sorted(requests), 2):
        if fast > CLEARLY * slow:
            assert measured(fast_row) > measured(slow_row), (fast_row, slow_row)


def test_an_idle_connection_costs_less_than_one_with_tls_and_was_measured() -> None:
    listed = {line[0]: line[1] for line in rows(sections(PAGE, "##")["Memory"])}

    assert measured("5,000 idle keep-alive connections, memory of each") > 0
    assert number(listed["An idle connection"]) < number(listed["An idle connection with TLS"])


def test_the_example_of_cores_is_worked_out_right() -> None:
    found = re.search(
        r"([\d,]+) × \((0\.\d+) / ([\d,]+) \+ (0\.\d+) / ([\d,]+)\) / (0\.\d) = (\d\.\d)", PAGE
    )
    assert found is not None
    rate, new_share, new, known_share, known, utilisation, cores = map(number, found.groups())

    assert new_share + known_share == pytest.approx(1)
    assert {new, known} <= {number(line[1]) for line in WORK}
    assert rate * (new_share / new + known_share / known) / utilisation == pytest.approx(
        cores, abs=0.05
    )


def test_the_number_of_remembered_tokens_is_the_one_of_the_code() -> None:
    assert set(re.findall(r"(?<!\w)(\d[\d,]+) tokens\b", PAGE)) == {f"{DEFAULT_CAPACITY:,}"}


def test_pods_have_the_memory_that_the_page_says() -> None:
    deployment = yaml.safe_load((ROOT / "config" / "kubernetes" / "deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    resources = container["resources"]
    named = {f"{found}Mi" for found in re.findall(r"(\d+) MiB", PAGE)}

    assert {resources["requests"]["memory"], resources["limits"]["memory"]} <= named
