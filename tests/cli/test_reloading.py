"""Reloading while the gateway runs: told once or often, it says what became of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.cli.reloading import reload_whenever
from gateway.settings.values import Settings
from tests.cli.config_files import INVALID, VALID, write_config

LIMIT_SECONDS = 10.0


class Running:
    """Stands for a gateway: takes settings, and answers *refusals* in turn, else None."""

    def __init__(self) -> None:
        self.refusals: list[str | Exception] = []
        self.taken: list[Settings] = []
        self.rejected: list[tuple[str | None, str]] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.changed = asyncio.Event()

    async def reload(self, settings: Settings) -> str | None:
        self.taken.append(settings)
        self.changed.set()
        await self.may_go_on.wait()
        refusal = self.refusals.pop(0) if self.refusals else None
        if isinstance(refusal, Exception):
            raise refusal
        return refusal

    def reject(self, digest: str | None, error: str) -> None:
        self.rejected.append((digest, error))
        self.changed.set()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def reloading(gateway: Running, path: Path) -> AsyncIterator[asyncio.Event]:
    told = asyncio.Event()
    task = asyncio.create_task(reload_whenever(told, gateway, path))
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_valid_file_is_handed_to_the_gateway(tmp_path: Path) -> None:
    gateway = Running()
    async with reloading(gateway, write_config(tmp_path)) as told:
        for count in (1, 2):
            told.set()
            await gateway.wait_for(lambda count=count: len(gateway.taken) == count)  # type: ignore[misc]

    assert gateway.rejected == []


async def test_however_often_it_is_told_during_a_reload_one_more_follows(tmp_path: Path) -> None:
    gateway = Running()
    gateway.may_go_on.clear()
    path = write_config(tmp_path)
    async with reloading(gateway, path) as told:
        told.set()
        await gateway.wait_for(lambda: len(gateway.taken) == 1)
        for _ in range(5):
            told.set()
        path.write_text(VALID + "drain: 7s\n")
        gateway.may_go_on.set()
        await gateway.wait_for(lambda: len(gateway.taken) == 2)
        path.write_text(INVALID)
        told.set()
        await gateway.wait_for(lambda: len(gateway.rejected) == 1)

    assert [settings.drain_seconds for settings in gateway.taken] == [30, 7]


async def test_the_faults_of_a_file_are_written_as_check_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = Running()
    path = write_config(tmp_path, INVALID)
    async with reloading(gateway, path) as told:
        told.set()
        await gateway.wait_for(lambda: len(gateway.rejected) == 1)

    ((digest, error),) = gateway.rejected
    first, second, last = capsys.readouterr().err.splitlines()
    assert digest is not None
    assert error == f"{first} (and 1 more)"
    assert first.startswith(f"{path}:9:1: unknown_key: ")
    assert second.startswith(f"{path}:10:8: bad_value: ")
    assert last == (
        "gateway: not reloaded, the former configuration stays: the configuration has faults"
    )


async def test_a_file_that_cannot_be_read_is_a_rejected_one_without_a_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = Running()
    async with reloading(gateway, tmp_path / "gone.yaml") as told:
        told.set()
        await gateway.wait_for(lambda: len(gateway.rejected) == 1)

    ((digest, error),) = gateway.rejected
    assert digest is None
    assert "gone.yaml" in error
    assert capsys.readouterr().err == (
        f"gateway: not reloaded, the former configuration stays: {error}\n"
    )


async def test_what_the_gateway_refuses_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = Running()
    gateway.refusals = ["`listen` cannot change without a restart"]
    async with reloading(gateway, write_config(tmp_path)) as told:
        told.set()
        await gateway.wait_for(lambda: len(gateway.taken) == 1)
        told.set()
        await gateway.wait_for(lambda: len(gateway.taken) == 2)

    first, *_ = capsys.readouterr().err.splitlines()
    assert first == (
        "gateway: not reloaded, the former configuration stays:"
        " `listen` cannot change without a restart"
    )


async def test_an_error_of_ours_does_not_end_the_reloading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Running()
    gateway.refusals = [RuntimeError("a bug")]
    async with reloading(gateway, write_config(tmp_path)) as told:
        told.set()
        await gateway.wait_for(lambda: len(gateway.rejected) == 1)
        told.set()
        await gateway.wait_for(lambda: len(gateway.taken) == 2)

    assert [record.message for record in caplog.records] == ["the configuration was not reloaded"]
