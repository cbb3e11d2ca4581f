"""Run the suites of a configuration in a process of their own, beside a gateway that serves."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.settings.text.fault import Fault
from gateway.settings.text.fault_json import fault_from_json
from gateway.suites.running.failed_tests import FailedTest, failed_test_from_json

# A thousand tests take a second or two; what takes longer than this has lost its way.
LIMIT_SECONDS: Final = 60.0

# Of all that failed: nobody reads more, and whoever asked waits for the answer.
_MOST_FAILURES: Final = 100
# Requests come first, where the machine has no core to spare.
_NICENESS: Final = 10


@dataclass(frozen=True, slots=True)
class SuitesOutcome:
    """What came of the suites: *error* is None where all is as expected."""

    error: str | None
    failures: tuple[FailedTest, ...] = ()
    faults: tuple[Fault, ...] = ()


async def run_suites_of(path: Path, limit_seconds: float = LIMIT_SECONDS) -> SuitesOutcome:
    """Return what comes of the suites that the configuration at *path* names.

    They are as costly as their authors like, so they are none of the event loop's business, nor
    of its thread's: ``gateway test`` runs as it does for people, in the same environment.
    """
    # -P: what lies in the folder that we were started in is not our code.
    command = [sys.executable, "-P", "-m", "gateway", "test", "--format", "json", "--config"]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            str(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        return SuitesOutcome(f"the suites cannot be run: {error.strerror}")
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    try:
        async with asyncio.timeout(limit_seconds):
            said, complained = await process.communicate()
    except TimeoutError:
        return SuitesOutcome(f"the suites took longer than {limit_seconds:g} s")
    finally:
        await _end(process)
    return _read(said, complained, process.returncode or 0)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave nothing behind, whatever we were told meanwhile."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _read(said: bytes, complained: bytes, status: int) -> SuitesOutcome:
    try:
        return _judge(json.loads(said), status)
    except ValueError:
        return SuitesOutcome(f"the suites cannot be run: {_reason(complained, status)}")


def _judge(told: Mapping[str, object], status: int) -> SuitesOutcome:
    """Return what ``gateway test`` has *told*; raises ValueError where it is not of its kind."""
    match told:
        case {
            "passed": int(passed),
            "failed": int(failed),
            "faults": list(faults),
            "failures": list(failures),
        }:
            broken = tuple(map(fault_from_json, faults))
            wrong = tuple(map(failed_test_from_json, failures[:_MOST_FAILURES]))
        case _:
            raise ValueError("not what came of suites")
    if broken:
        return SuitesOutcome(f"a suite is broken: {broken[0]}", wrong, broken)
    if wrong:
        return SuitesOutcome(f"{failed} of {passed + failed} tests failed: {wrong[0]}", wrong)
    if status == 0 and passed:
        return SuitesOutcome(None)
    raise ValueError("all is well, and yet it is not")


def _reason(complained: bytes, status: int) -> str:
    lines = complained.decode("utf-8", "replace").strip().splitlines()
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return lines[-1] if lines else f"exit status {status}"
