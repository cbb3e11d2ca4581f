"""`docs/scale.md`: its figures are the measured ones, its sums are right, its names are there."""

import re
from pathlib import Path

import pytest
import yaml

from gateway.decision.tokens.memo import DEFAULT_CAPACITY
from tests.project.test_docs import rows, sections

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text()
RESULTS = (ROOT / "benchmarks" / "results.md").read_text()
WORK = rows(sections(PAGE, "##")["Capacity of one core"])

# Another machine, or another day, has other figures; the page is for planning, and says so. What
# is off by more than this would mislead.
FACTOR = 1.6


def number(text: str) -> float:
    found = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    assert found is not None, text
    return float(found[0].replace(",", ""))


def measured(row: str) -> float:
    """Return what the gateway did in a row of the benchmark."""
    found = re.search(
        rf"^\| {re.escape(row)} \([^|]*\) \| gateway ([\d,.]+)", RESULTS, re.MULTILINE
    )
    assert found is not None, row
    return number(found[1])


@pytest.mark.parametrize(("figure", "row"), [(line[1], line[2]) for line in WORK])
def test_what_a_core_does_is_what_was_measured(figure: str, row: str) -> None:
    assert 1 / FACTOR < number(figure) / measured(row) < FACTOR


def test_the_memory_of_a_connection_is_what_was_measured() -> None:
    listed = {line[0]: line[1] for line in rows(sections(PAGE, "##")["Memory"])}
    each = measured("5,000 idle keep-alive connections, memory of each")

    assert 1 / FACTOR < number(listed["An idle connection"]) / each < FACTOR


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
    ((needs, allowed),) = re.findall(
        r"needs (\d+) MiB on average and should be allowed (\d+) MiB", " ".join(PAGE.split())
    )

    assert resources["requests"]["memory"] == f"{needs}Mi"
    assert resources["limits"]["memory"] == f"{allowed}Mi"
