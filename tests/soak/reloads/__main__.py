"""Reload under load for long: ``python -m tests.soak.reloads [--reloads N] [--workers N]``."""

import argparse
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.soak.reloads.run import Load, reload_under_load

_SHOWN_FAULTS = 20


def main() -> int:
    """Return the exit status: 0 where all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.reloads")
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=128)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    load = Load(asked.reloads, asked.clients, asked.workers)
    with tempfile.TemporaryDirectory(prefix="reloads-") as folder:
        outcome = uvloop.run(reload_under_load(load, Path(folder)))
    answers = sum(outcome.answers.values())
    what = f"{outcome.applied}, with {answers} requests and {outcome.workers} workers"
    sys.stdout.write(f"reloads: {what}\n")
    for fault in outcome.faults[:_SHOWN_FAULTS]:
        sys.stdout.write(f"fault: {fault}\n")
    sys.stdout.write("reloads: all held\n" if not outcome.faults else "reloads: faults\n")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
