"""Run the named rows, or all; print each result, and write the report."""

import os
import resource
import signal
import sys
from pathlib import Path

from benchmarks import (
    rows_commands,
    rows_grpc,
    rows_http2,
    rows_limits,
    rows_memory,
    rows_requests,
    rows_services,
    rows_sessions,
    rows_workers,
)
from benchmarks.figure import FIGURE, RESULTS, write_figure
from benchmarks.report import format_row, write_report
from benchmarks.row import Bench
from benchmarks.tokens import make_keys

ROOT = Path(__file__).parent.parent
OPEN_FILES = 40_000  # both ends of the idle connections, with reserve
DEFAULT_ROUNDS, DEFAULT_SECONDS = 5, 4
ROWS = {
    row.name: row
    for rows in (
        rows_requests,
        rows_http2,
        rows_grpc,
        rows_workers,
        rows_services,
        rows_limits,
        rows_sessions,
        rows_memory,
        rows_commands,
    )
    for row in rows.ROWS
}


def main(names: list[str]) -> int:
    """Return the exit status: 0 measured, 2 for a row that does not exist."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        print(f"unknown row: {' '.join(unknown)}; choose from: {' '.join(ROWS)}", file=sys.stderr)
        return 2
    bench = Bench(
        folder=ROOT / ".bench",
        rounds=_setting("ROUNDS", DEFAULT_ROUNDS),
        seconds=_setting("SECONDS", DEFAULT_SECONDS),
        load_before=os.getloadavg()[0],
    )
    bench.folder.mkdir(exist_ok=True)
    make_keys(bench.folder)
    _allow_many_files()
    # `kill` and a closed terminal unwind the stack too, so that no proxy is left running.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    measured = []
    for row in [ROWS[name] for name in names] or ROWS.values():
        outcome = row.measure(bench)
        print(format_row(row, outcome), end="\n\n", flush=True)
        measured.append((row, outcome))
    if not names:
        write_report(RESULTS, bench, measured)
        write_figure(FIGURE, RESULTS.read_text())
        print(f"written: {RESULTS.relative_to(ROOT)}, {FIGURE.relative_to(ROOT)}")
    return 0


def _setting(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
