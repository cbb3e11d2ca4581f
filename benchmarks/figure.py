"""Draw four rows of `results.md` as bars, for the README.

    .venv/bin/python -m benchmarks.figure

`make bench` does the same after it has written `results.md`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.rows_requests import ROWS

RESULTS = Path(__file__).with_name("results.md")
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "benchmark.svg"


@dataclass(frozen=True, slots=True)
class Panel:
    """One row of the benchmark: its name, and its caption and unit in the picture."""

    row: str
    caption: str
    note: str


PANELS = (
    Panel("warm", "Known token, RS256", "requests/s, more is better"),
    Panel("tls", "Known token over TLS", "requests/s, more is better"),
    Panel("new-es256", "A new token each time, ES256", "requests/s, more is better"),
    Panel("latency", "99th percentile at 5,000 requests/s", "ms, less is better"),
)

# Pixels. Two panels side by side, with room for the longest name and the longest value.
_PANEL_WIDTH, _PANEL_HEIGHT = 400, 172
_MARGIN, _NAMES_WIDTH, _VALUES_WIDTH = 20, 132, 60
_BAR_HEIGHT, _BAR_STEP, _FIRST_BAR = 18, 26, 58

_WIDTH = 2 * _PANEL_WIDTH + 3 * _MARGIN
_HEIGHT = 2 * _PANEL_HEIGHT + _MARGIN

# The picture has a background of its own: it is readable on any page, in both schemes.
_STYLE = """\
  .page { fill: #ffffff; stroke: #d1d9e0 }
  text { font: 13px -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, sans-serif; fill: #1f2328 }
  .caption { font-size: 14px; font-weight: 600 }
  .note { fill: #59636e; font-size: 12px }
  .gateway { fill: #0969da }
  .peer { fill: #b6bec7 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .gateway { fill: #4493f8 }
    .peer { fill: #59636e }
  }
"""


def write_figure(path: Path, report: str) -> None:
    """Write the picture of *report*, the text of `results.md`, to *path*."""
    path.write_text(draw(report))


def draw(report: str) -> str:
    """Return the picture of *report*, the text of `results.md`, as SVG."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img">',
        "<title>JWT Gateway beside Envoy, HAProxy and nginx, one core each</title>",
        f"<style>\n{_STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{_HEIGHT - 1}" rx="8"/>',
    ]
    for number, panel in enumerate(PANELS):
        x = _MARGIN + number % 2 * (_PANEL_WIDTH + _MARGIN)
        y = _MARGIN + number // 2 * _PANEL_HEIGHT
        lines.append(f'<g transform="translate({x} {y})">')
        lines += _draw_panel(panel, read_figures(report, panel.row))
        lines.append("</g>")
    return "\n".join([*lines, "</svg>"]) + "\n"


def read_figures(report: str, row: str) -> Mapping[str, str]:
    """Return the figures of one row of *report*, as they are written there, by name."""
    (known,) = (one for one in ROWS if one.name == row)
    start = f"| {known.title} ({known.unit}) | "
    (line,) = (line for line in report.splitlines() if line.startswith(start))
    cell = line.removeprefix(start).partition(" |")[0]
    found = re.findall(r"(?:^|<br>)([^<]+?) ([\d,.]+)(?=<br>|$)", cell)
    return dict(found)


def _draw_panel(panel: Panel, figures: Mapping[str, str]) -> Iterator[str]:
    yield f'<text class="caption" y="14">{escape(panel.caption)}</text>'
    yield f'<text class="note" y="36">{escape(panel.note)}</text>'
    numbers = {name: float(value.replace(",", "")) for name, value in figures.items()}
    room = _PANEL_WIDTH - _NAMES_WIDTH - _VALUES_WIDTH
    for place, (name, number) in enumerate(numbers.items()):
        top = _FIRST_BAR + place * _BAR_STEP
        baseline = top + 14
        width = max(1, round(room * number / max(numbers.values())))
        kind = "gateway" if name == "gateway" else "peer"
        label = "JWT Gateway" if name == "gateway" else name
        yield f'<text y="{baseline}">{escape(label)}</text>'
        yield (
            f'<rect class="{kind}" x="{_NAMES_WIDTH}" y="{top}" width="{width}" '
            f'height="{_BAR_HEIGHT}" rx="2"/>'
        )
        yield f'<text x="{_NAMES_WIDTH + width + 8}" y="{baseline}">{figures[name]}</text>'


if __name__ == "__main__":
    write_figure(FIGURE, RESULTS.read_text())
