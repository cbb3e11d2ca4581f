"""Run the suites of a configuration in a separate process while the gateway serves."""

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
from gateway.settings.text.fault_formats import fault_from_json
from gateway.suites.running.failed_tests import FailedTest, failed_test_from_json

# A thousand tests take a second or two.
LIMIT_SECONDS: Final = 60.0

# Of all failed tests: enough to read, and few enough to return without delay.
_MOST_FAILURES: Final = 100
# Requests have priority if the machine has no core to spare.
_NICENESS: Final = 10

_UNREADABLE: Final = 3  # the exit code of `gateway test` if it cannot even read what to test


@dataclass(frozen=True, slots=True)
class SuitesOutcome:
    """The outcome of the suites: *error* is None if all tests passed."""

    error: str | None
    failures: tuple[FailedTest, ...] = ()
    faults: tuple[Fault, ...] = ()


async def run_suites_of(path: Path, limit_seconds: float = LIMIT_SECONDS) -> SuitesOutcome:
    """Run the suites that the configuration at *path* names, and return their outcome.

    Suites are as expensive as their authors make them, so they run neither in the event loop nor in
    a thread beside it: ``gateway test`` runs as it does for people, in the same environment.
    """
    # -P: modules in the working directory must not be imported.
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
        return SuitesOutcome(f"cannot run the suites: {error.strerror}")
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    try:
        async with asyncio.timeout(limit_seconds):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        return SuitesOutcome(f"the suites took longer than {limit_seconds:g} s")
    finally:
        await _kill(process)
    return _read(stdout, stderr, process.returncode or 0)


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Leave no process behind, even if the caller is cancelled."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _read(stdout: bytes, stderr: bytes, status: int) -> SuitesOutcome:
    try:
        return _parse(json.loads(stdout), status)
    except ValueError:
        return SuitesOutcome(f"cannot run the suites: {_describe_failure(stderr, status)}")


def _parse(report: Mapping[str, object], status: int) -> SuitesOutcome:
    """Return the outcome in *report* of ``gateway test``; raise ValueError if it is not one."""
    match report:
        case {
            "passed": int(passed),
            "failed": int(failed),
            "faults": list(faults),
            "failures": list(failures),
        }:
            suite_faults = tuple(map(fault_from_json, faults))
            failed_tests = tuple(map(failed_test_from_json, failures[:_MOST_FAILURES]))
        case _:
            raise ValueError("not a report of suites")
    if suite_faults:
        what = "cannot run the suites" if status == _UNREADABLE else "a suite is broken"
        error = f"{what}: {suite_faults[0]}"
        return SuitesOutcome(error, failed_tests, suite_faults)
    if failed_tests:
        error = f"{failed} of {passed + failed} tests failed: {failed_tests[0]}"
        return SuitesOutcome(error, failed_tests)
    if status == 0 and passed:
        return SuitesOutcome(None)
    raise ValueError("no failure is reported, but the suites did not pass")


def _describe_failure(stderr: bytes, status: int) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return lines[-1] if lines else f"exit status {status}"
