"""The pictures in `docs/images/` are those that the code draws now."""

import runpy
from pathlib import Path

import pytest

from benchmarks.figure import FIGURE, PANELS, RESULTS, Panel, draw, read_figures

ROOT = Path(__file__).parents[2]
REPORT = RESULTS.read_text()


def test_the_diagram_is_the_one_that_the_script_draws() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "diagram.py"))

    assert script["PICTURE"].read_text() == script["draw"]()


def test_the_bars_are_those_of_the_committed_results() -> None:
    """After a change of `results.md`: `.venv/bin/python -m benchmarks.figure`."""
    assert FIGURE.read_text() == draw(REPORT)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.row)
def test_every_figure_of_a_row_is_written_at_its_bar(panel: Panel) -> None:
    figures = read_figures(REPORT, panel.row)

    assert "gateway" in figures
    assert all(f">{value}</text>" in draw(REPORT) for value in figures.values())


def test_a_proxy_that_was_not_measured_has_no_bar() -> None:
    figures = read_figures(REPORT, "warm")
    shorter = REPORT.replace(f"<br>Envoy {figures['Envoy']}", "", 1)

    assert set(read_figures(shorter, "warm")) == set(figures) - {"Envoy"}
    assert draw(shorter).count("<rect") == draw(REPORT).count("<rect") - 1
