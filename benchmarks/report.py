"""Write the table: figures, ratios, and whether each bar and goal holds."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.machine import describe_machine, describe_versions
from benchmarks.row import Bench, Level, Outcome, Row, Target

Measured = Sequence[tuple[Row, Outcome]]
VERDICTS = {True: "holds", False: "**missed**", None: "not measured"}

HEADER = """\
# Measured

Written by `make bench` on {today}; do not edit by hand. One run, one machine: read the ratios, not
the figures. Each proxy has one core to itself, the load generator and the nginx service share the
other; the gateway writes its access log and counts its metrics, the peers log nothing. Medians of
{rounds} alternating rounds of {seconds} s, after one that is thrown away.

- Machine: {machine}; load average before the run {load_before:.1f}
- Versions: {versions}
- Configurations: `benchmarks/configs/`

"""


def write_report(path: Path, bench: Bench, measured: Measured) -> None:
    """Write the whole report to *path*."""
    header = HEADER.format(
        today=date.today().isoformat(),
        rounds=bench.rounds,
        seconds=bench.seconds,
        load_before=bench.load_before,
        machine=describe_machine(),
        versions=describe_versions(),
    )
    path.write_text(header + format_table(measured) + format_missing(measured))


def format_table(measured: Measured) -> str:
    """Return the table in Markdown."""
    lines = ["| work | measured | bar | goal |", "|---|---|---|---|"]
    for row, outcome in measured:
        cells = [f"{row.title} ({row.unit})", _figures(outcome)]
        cells += [_verdicts(row, outcome, level) for level in ("bar", "goal")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def format_row(row: Row, outcome: Outcome) -> str:
    """Return one row, for a terminal."""
    targets = [f"  {t.level}: {_verdict(t, outcome)}" for t in row.targets]
    figures = [f"  {name}: {_number(value)}" for name, value in outcome.figures.items()]
    missing = [f"  {name}: not measured: {why}" for name, why in outcome.missing.items()]
    return "\n".join([f"{row.title} ({row.unit})", *figures, *missing, *targets]).replace("*", "")


def format_missing(measured: Measured) -> str:
    """Return why figures are missing; empty if none is."""
    lines = [
        f"- {row.title}, {name}: {why}"
        for row, outcome in measured
        for name, why in outcome.missing.items()
    ]
    return "\nNot measured:\n\n" + "\n".join(lines) + "\n" if lines else ""


def _figures(outcome: Outcome) -> str:
    figures = [f"{name} {_number(value)}" for name, value in outcome.figures.items()]
    return "<br>".join(figures) or "nothing, see below"


def _verdicts(row: Row, outcome: Outcome, level: Level) -> str:
    return "<br>".join(_verdict(t, outcome) for t in row.targets if t.level == level) or "none"


def _verdict(target: Target, outcome: Outcome) -> str:
    against = f" × {target.against}" if target.against else ""
    of = "" if target.of == "gateway" else f" {target.of.removeprefix('gateway, ')}"
    measured = target.measured(outcome.figures)
    got = "" if measured is None else f" ({_ratio(measured, target.limit)})"
    verdict = VERDICTS[target.holds(outcome.figures)]
    return f"{target.bound} {target.limit:g}{against}{of}: {verdict}{got}"


def _ratio(measured: float, limit: float) -> str:
    """Return *measured* with enough digits to differ from *limit*."""
    text = f"{measured:.2f}"
    return text if float(text) != limit else f"{measured:.4g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.2f}"
