"""Suites run while the gateway serves, and every outcome is reported."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.reloading.suites_process import run_suites_of
from tests.hanging import LIMIT_SECONDS
from tests.suites.worlds import ENVIRON, ESTATE, FAILING, SUITE, write

NAMING = "suites: ['*.test.yaml']\n" + ESTATE


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def world(directory: Path, suite: str = SUITE, gateway: str = NAMING) -> Path:
    return write(directory, suite, gateway).with_name("gateway.yaml")


async def test_suites_that_hold_have_no_error(tmp_path: Path) -> None:
    outcome = await run_suites_of(world(tmp_path))

    assert (outcome.error, outcome.failures, outcome.faults) == (None, (), ())


async def test_what_fails_is_told_with_its_place_and_its_reasons(tmp_path: Path) -> None:
    path = world(tmp_path, FAILING)

    outcome = await run_suites_of(path)

    first, second = outcome.failures
    suite = path.with_name("a.test.yaml")
    assert str(first) == f"{suite}:10:41: orders of the own tenant: nobody"
    assert first.reasons[0] == "expected allow, got token_missing"
    assert outcome.error == f"2 of 6 tests failed: {first}"
    assert second.persona == "alice"


async def test_a_broken_suite_is_told_with_its_faults(tmp_path: Path) -> None:
    path = world(tmp_path)
    (tmp_path / "b.test.yaml").write_text("version: 1\ntest: []\n")

    outcome = await run_suites_of(path)

    (fault,) = outcome.faults
    assert fault.code == "unknown_key"
    assert outcome.error == f"a suite is broken: {fault}"


@pytest.mark.parametrize(
    ("suite", "gateway"),
    [
        (SUITE, ESTATE),  # names none
        (SUITE, "listn: 1\n" + NAMING),  # changed since it was read
        ("version: 1\npersonas: {}\n", NAMING),  # tests nothing
    ],
)
async def test_where_nothing_was_tested_nothing_passed(
    tmp_path: Path, suite: str, gateway: str
) -> None:
    outcome = await run_suites_of(world(tmp_path, suite, gateway))

    assert outcome.error is not None


async def test_a_configuration_that_is_gone_is_told_in_one_line(tmp_path: Path) -> None:
    outcome = await run_suites_of(tmp_path / "gone.yaml")

    assert outcome.error is not None
    assert outcome.error.startswith(f"cannot run the suites: {tmp_path / 'gone.yaml'}:1:1: ")
    assert ": cannot read " in outcome.error
    assert "\n" not in outcome.error


async def test_suites_without_an_end_are_ended(tmp_path: Path) -> None:
    """A pipe in place of a suite is never read to its end."""
    path = world(tmp_path)
    suite = tmp_path / "a.test.yaml"
    suite.unlink()
    os.mkfifo(suite)
    path.write_text(NAMING.replace("'*.test.yaml'", "a.test.yaml"))

    outcome = await run_suites_of(path, limit_seconds=1.0)

    assert outcome.error == "the suites took longer than 1 s"
    assert children() == []


async def test_who_does_not_wait_leaves_no_process_behind(tmp_path: Path) -> None:
    path = world(tmp_path)
    running = asyncio.create_task(run_suites_of(path))
    async with asyncio.timeout(LIMIT_SECONDS):
        while not children():  # noqa: ASYNC110 - nobody tells of a process
            await asyncio.sleep(0.001)

    running.cancel()
    await asyncio.wait({running})

    assert children() == []


def children() -> list[int]:
    """Return the processes that this thread has started, and that have not ended."""
    pid = os.getpid()
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
