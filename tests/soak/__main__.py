"""Run a soak: ``python -m tests.soak --seconds 600 [--seed SEED] [--only WORKER-NUMBER]``."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.soak.run import Load, Outcome, soak

_SHOWN_FAULTS = 20


def main() -> int:
    """Return the exit status: 0 where all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between connections")
    parser.add_argument("--only", help="repeat this connection of the plan, WORKER-NUMBER")
    asked = parser.parse_args()
    only = None
    if asked.only is not None:
        worker, _, number = asked.only.partition("-")
        only = int(worker), int(number)
    load = Load(asked.seed, asked.seconds, asked.workers, asked.pause, only)
    sys.stdout.write(f"soak: seed {load.seed}, {load.seconds:.0f} seconds\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        outcome = uvloop.run(soak(load, Path(folder)))
    sys.stdout.write(report(load, outcome))
    return 1 if outcome.faults else 0


def report(load: Load, outcome: Outcome) -> str:
    """Return what a soak came to, and how to repeat what failed."""
    mib = 1024 * 1024
    lines = [
        f"soak: {outcome.connections} connections, {outcome.requests} requests, "
        f"{outcome.troubles} troubles of services",
        f"soak: memory {outcome.resident_bytes / mib:.1f} MiB, "
        f"{outcome.growth_bytes / mib:+.1f} MiB since the warm-up; "
        f"{outcome.cpu_seconds:.1f} s of processor time",
    ]
    if not outcome.faults:
        return "\n".join((*lines, "soak: all held\n"))
    lines += [f"fault: {fault}" for fault in outcome.faults[:_SHOWN_FAULTS]]
    lines.append(f"soak: {len(outcome.faults)} faults; to see them again:")
    lines.append(
        f"  python -m tests.soak --seed {load.seed} --seconds {load.seconds:.0f} "
        f"--workers {load.workers} --pause {load.pause_seconds} [--only WORKER-NUMBER]"
    )
    return "\n".join((*lines, ""))


if __name__ == "__main__":
    sys.exit(main())
