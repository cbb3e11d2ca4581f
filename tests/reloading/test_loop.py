"""A running gateway reloads on request, and reports the outcome."""

import asyncio
import errno
import io
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, redirect_stderr
from pathlib import Path
from types import MappingProxyType

import pytest

from gateway.cli.reload_text import announce_reload
from gateway.cli.run.systemd import Notifier
from gateway.reloading.loop import ReloadLoop
from gateway.reloading.report import ReloadOutcome, ReloadReport
from gateway.reloading.requests import ReloadRequests
from gateway.reloading.suites_process import SuitesOutcome
from gateway.settings.text.disk import Record
from gateway.settings.text.fault import Code, Fault, Place
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings
from gateway.suites.running.failed_tests import FailedTest
from tests.cli.config_files import INVALID, VALID, write_config
from tests.keyring.peers import until

TESTED = VALID + "suites: [a.test.yaml]\nreload: {suites: true}\n"
RunSuites = Callable[[Path], Awaitable[SuitesOutcome]]


class Running:
    """Stands for a gateway: takes settings, and answers *refusals* in turn, else None."""

    def __init__(self) -> None:
        self.reload_requests = ReloadRequests()
        self.refusals: list[str | Exception] = []
        self.refuses_with = ReloadOutcome.NEEDS_RESTART
        self.taken: list[Settings] = []
        self.forced: list[bool] = []
        self.reports: list[ReloadReport] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    @property
    def last_report(self) -> ReloadReport:
        return self.reports[-1]

    async def reload(
        self, settings: Settings, record: Record, places: Places, *, force: bool
    ) -> str | None:
        assert record.answers
        assert places.main().raw
        self.forced.append(force)
        self.taken.append(settings)
        await self.may_go_on.wait()
        refusal = self.refusals.pop(0) if self.refusals else None
        if isinstance(refusal, Exception):
            raise refusal
        outcome = self.refuses_with if refusal else ReloadOutcome.APPLIED
        self.note(ReloadReport(outcome, settings.digest, refusal))
        return refusal

    def note(self, report: ReloadReport) -> None:
        self.reports.append(report)

    async def ask(self) -> ReloadReport:
        """Have the file read again; return what became of it."""
        report = await self.reload_requests.ask()
        assert report is not None
        return report


async def no_suites(_path: Path) -> SuitesOutcome:
    raise AssertionError("nobody asked for suites")


@asynccontextmanager
async def reloading(
    path: Path,
    run_suites: RunSuites = no_suites,
    record: Record | None = None,
    watch_seconds: float | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
    load_limit_seconds: float = 60.0,
) -> AsyncIterator[Running]:
    gateway = Running()
    reloads = ReloadLoop(
        gateway,
        path,
        record or Record(),
        watch_seconds,
        announce=announce_reload,
        manager=Notifier(environ),
        run_suites=run_suites,
        load_limit_seconds=load_limit_seconds,
    )
    task = asyncio.create_task(reloads.run())
    await until(lambda: gateway.reload_requests.is_served)
    try:
        yield gateway
    finally:
        task.cancel()
        await asyncio.wait({task})


def suites_file(directory: Path) -> Path:
    path = directory / "a.test.yaml"
    path.write_text("version: 1\n")
    return path


# --- what becomes of a file


async def test_a_valid_file_is_handed_to_the_gateway(tmp_path: Path) -> None:
    async with reloading(write_config(tmp_path)) as gateway:
        reports = [await gateway.ask() for _ in range(2)]

    digests = [settings.digest for settings in gateway.taken]
    assert reports == [ReloadReport(ReloadOutcome.APPLIED, digest) for digest in digests]
    assert len(digests) == 2


async def test_the_service_manager_is_told_of_each_attempt_whatever_becomes_of_it(
    tmp_path: Path,
) -> None:
    path = write_config(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # the system finds a name, in the abstract namespace
        name = manager.getsockname().decode().replace("\0", "@")
        async with reloading(path, environ={"NOTIFY_SOCKET": name}) as gateway:
            gateway.refusals = ["`listen` cannot change", RuntimeError("a bug")]
            for _ in range(3):
                await gateway.ask()
            path.write_text("a: [")
            await gateway.ask()
        manager.settimeout(10)
        told = [manager.recv(4096).partition(b"\n")[0] for _ in range(8)]

    assert told == [b"RELOADING=1", b"READY=1"] * 4


async def test_however_often_it_is_told_during_a_reload_one_more_follows(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    async with reloading(path) as gateway:
        gateway.may_go_on.clear()
        gateway.reload_requests.request()
        await until(lambda: len(gateway.taken) == 1)
        for _ in range(5):
            gateway.reload_requests.request()
        path.write_text(VALID + "drain: 7s\n")
        gateway.may_go_on.set()
        await until(lambda: len(gateway.reports) == 2)
        path.write_text(INVALID)
        assert (await gateway.ask()).outcome is ReloadOutcome.INVALID

    assert [settings.drain_seconds for settings in gateway.taken] == [30, 7]


async def test_the_faults_of_a_file_are_written_as_check_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_config(tmp_path, INVALID)
    async with reloading(path) as gateway:
        report = await gateway.ask()

    first, second, last = capsys.readouterr().err.splitlines()
    assert gateway.reports == [report]
    assert report.digest is not None
    assert report.error == f"{first} (and 1 more)"
    assert list(map(str, report.faults)) == [first, second]
    assert first.startswith(f"{path}:9:1: unknown_key: ")
    assert second.startswith(f"{path}:10:8: bad_value: ")
    assert last == (
        "gateway: not reloaded, the previous configuration stays active:"
        " the configuration has faults"
    )


async def test_a_file_that_cannot_be_read_is_a_rejected_one_without_a_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with reloading(tmp_path / "gone.yaml") as gateway:
        report = await gateway.ask()

    assert (report.outcome, report.digest) == (ReloadOutcome.INVALID, None)
    assert report.error is not None
    assert "gone.yaml" in report.error
    assert capsys.readouterr().err == (
        f"gateway: not reloaded, the previous configuration stays active: {report.error}\n"
    )


async def test_what_the_gateway_refuses_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with reloading(write_config(tmp_path)) as gateway:
        gateway.refusals = ["`listen` cannot change without a restart"]
        refused, taken = await gateway.ask(), await gateway.ask()

    assert refused.outcome is ReloadOutcome.NEEDS_RESTART
    assert taken.is_applied
    first, *_ = capsys.readouterr().err.splitlines()
    assert first == (
        "gateway: not reloaded, the previous configuration stays active:"
        " `listen` cannot change without a restart"
    )


async def test_doubts_are_told_with_what_is_applied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_config(tmp_path, VALID + "include: ['none/*.yaml']\n")
    async with reloading(path) as gateway:
        report = await gateway.ask()

    (warning,) = report.faults
    assert report.is_applied
    assert capsys.readouterr().err.splitlines() == [
        str(warning),
        f"gateway: reloaded, config {gateway.taken[0].digest[:12]}",
    ]


async def test_an_error_of_ours_does_not_end_the_reloading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with reloading(write_config(tmp_path)) as gateway:
        gateway.refusals = [RuntimeError("a bug")]
        first, second = await gateway.ask(), await gateway.ask()

    assert (first.outcome, first.error) == (ReloadOutcome.INVALID, "internal error; see the log")
    assert second.is_applied
    assert [record.message for record in caplog.records] == [
        "the configuration was not reloaded: internal error"
    ]


class FullDisk(io.StringIO):
    """A stream that takes nothing any more."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, text)


async def test_what_cannot_be_written_down_changes_nothing_of_what_became_of_it(
    tmp_path: Path,
) -> None:
    async with reloading(write_config(tmp_path)) as gateway:
        with redirect_stderr(FullDisk()):
            report = await gateway.ask()

    assert report.is_applied
    assert gateway.reports == [report]


async def test_who_waits_when_the_gateway_ends_is_told_that_nothing_comes(tmp_path: Path) -> None:
    async with reloading(write_config(tmp_path)) as gateway:
        gateway.may_go_on.clear()
        asking = asyncio.create_task(gateway.reload_requests.ask())
        await until(lambda: len(gateway.taken) == 1)

    assert await asking is None


async def test_files_that_cannot_be_read_to_their_end_hold_up_no_later_reload(
    tmp_path: Path,
) -> None:
    """As on a network disk that hangs: here in a pipe that nobody writes to."""
    path = write_config(tmp_path, VALID + "include: [pipe]\n")
    os.mkfifo(tmp_path / "pipe")
    async with reloading(path, load_limit_seconds=2.0) as gateway:
        stuck = await gateway.ask()
        path.write_text(VALID)
        later = await gateway.ask()

    assert (stuck.outcome, stuck.error) == (
        ReloadOutcome.INVALID,
        "reading the files took longer than 2 s",
    )
    assert later.is_applied


# --- files that change meanwhile


async def test_files_that_change_while_they_are_read_are_read_again(tmp_path: Path) -> None:
    """Else a part of the former and a part of the new ones would be the configuration."""
    path = write_config(tmp_path, TESTED)
    suites_file(tmp_path)

    async def change_once(_path: Path) -> SuitesOutcome:
        if "drain" not in path.read_text():
            path.write_text(TESTED + "drain: 7s\n")
        return SuitesOutcome(None)

    async with reloading(path, change_once) as gateway:
        report = await gateway.ask()

    assert report.is_applied
    assert [settings.drain_seconds for settings in gateway.taken] == [7]


async def test_files_that_never_come_to_rest_change_nothing(tmp_path: Path) -> None:
    path = write_config(tmp_path, TESTED)
    suites_file(tmp_path)
    runs = 0

    async def change(_path: Path) -> SuitesOutcome:
        nonlocal runs
        runs += 1
        path.write_text(TESTED + f"drain: {runs}s\n")
        return SuitesOutcome(None)

    async with reloading(path, change) as gateway:
        report = await gateway.ask()

    assert gateway.taken == []
    assert gateway.reports == [report]
    assert (report.outcome, report.error) == (
        ReloadOutcome.INVALID,
        "the files keep changing while they are read",
    )
    assert runs == 3


# --- suites

PLACE = Place("a.test.yaml", 3, 4)
FAILURE = FailedTest(PLACE, "own orders", "alice", "GET a/b", ("expected allow, got key_unknown",))
BROKEN = Fault(PLACE, Code.MISSING_KEY, "no tests")


async def test_suites_that_do_not_hold_keep_the_former_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Path] = []

    async def fail(path: Path) -> SuitesOutcome:
        asked.append(path)
        return SuitesOutcome("1 of 2 tests failed", (FAILURE,), (BROKEN,))

    path = write_config(tmp_path, TESTED)
    suites_file(tmp_path)
    async with reloading(path, fail) as gateway:
        report = await gateway.ask()

    assert gateway.taken == []
    assert gateway.reports == [report]
    assert report.outcome is ReloadOutcome.TESTS_FAILED
    assert report.digest is not None
    assert (report.failures, report.faults) == ((FAILURE,), (BROKEN,))
    assert asked == [path]
    assert capsys.readouterr().err.splitlines() == [
        str(BROKEN),
        "FAIL a.test.yaml:3:4: own orders: alice",
        "  GET a/b",
        "  expected allow, got key_unknown",
        "gateway: not reloaded, the previous configuration stays active: 1 of 2 tests failed",
    ]


async def test_suites_that_hold_let_the_configuration_through(tmp_path: Path) -> None:
    async def hold(_path: Path) -> SuitesOutcome:
        return SuitesOutcome(None)

    suites_file(tmp_path)
    async with reloading(write_config(tmp_path, TESTED), hold) as gateway:
        assert (await gateway.ask()).is_applied

    assert len(gateway.taken) == 1


async def test_suites_are_run_only_where_the_file_wants_it(tmp_path: Path) -> None:
    """`no_suites` fails the reload, were it asked."""
    suites_file(tmp_path)
    path = write_config(tmp_path, TESTED.replace("suites: true", "suites: false"))
    async with reloading(path) as gateway:
        assert (await gateway.ask()).is_applied


# --- watching


async def test_a_change_is_taken_without_being_told(tmp_path: Path) -> None:
    path = write_config(tmp_path, VALID + "reload: {watch: 10ms}\n")
    async with reloading(path) as gateway:
        assert (await gateway.ask()).is_applied
        path.write_text(VALID + "reload: {watch: 10ms}\ndrain: 7s\n")
        await until(lambda: len(gateway.taken) == 2)

    assert [settings.drain_seconds for settings in gateway.taken] == [30, 7]


async def test_a_broken_file_is_tried_once_and_again_when_it_changes(tmp_path: Path) -> None:
    watched = VALID + "reload: {watch: 5ms}\n"
    path = write_config(tmp_path, watched)
    async with reloading(path) as gateway:
        assert (await gateway.ask()).is_applied
        for count in (2, 3):
            path.write_text(watched + f"listn: {count}\n")
            await until(lambda count=count: len(gateway.reports) == count)  # type: ignore[misc]
        # The change of another file shows that all looks before it had nothing to tell.
        path.write_text(watched + "drain: 7s\n")
        await until(lambda: len(gateway.taken) == 2)

    outcomes = [report.outcome for report in gateway.reports]
    assert outcomes == [
        ReloadOutcome.APPLIED,
        ReloadOutcome.INVALID,
        ReloadOutcome.INVALID,
        ReloadOutcome.APPLIED,
    ]


@pytest.mark.parametrize(
    ("outcome", "deaths", "taken"),
    [
        (ReloadOutcome.INVALID, 2, [30, 7, 7, 7]),
        (ReloadOutcome.INVALID, 3, [30, 7, 7, 7, 9]),  # else it could kill workers for ever
        (ReloadOutcome.NEEDS_RESTART, 1, [30, 7, 9]),
    ],
)
async def test_what_the_files_are_not_to_blame_for_is_tried_three_times_in_all(
    tmp_path: Path, outcome: ReloadOutcome, deaths: int, taken: list[float]
) -> None:
    watched = VALID + "reload: {watch: 5ms}\n"
    path = write_config(tmp_path, watched)
    async with reloading(path) as gateway:
        assert (await gateway.ask()).is_applied
        gateway.refuses_with = outcome
        gateway.refusals = ["the worker with pid 7 exited meanwhile"] * deaths
        path.write_text(watched + "drain: 7s\n")
        await until(lambda: len(gateway.reports) == 1 + taken.count(7))
        if taken[-1] != 7:
            path.write_text(watched + "drain: 9s\n")
            await until(lambda: gateway.taken[-1].drain_seconds == 9)

    assert [settings.drain_seconds for settings in gateway.taken] == taken


async def test_suites_that_could_not_be_run_in_time_are_run_again_by_the_watch(
    tmp_path: Path,
) -> None:
    suites_file(tmp_path)
    outcomes = [SuitesOutcome(None), SuitesOutcome("the suites took longer than 60 s")]

    async def run_suites(_path: Path) -> SuitesOutcome:
        return outcomes.pop(0) if outcomes else SuitesOutcome(None)

    watched = VALID + "suites: [a.test.yaml]\nreload: {suites: true, watch: 5ms}\n"
    path = write_config(tmp_path, watched)
    async with reloading(path, run_suites) as gateway:
        assert (await gateway.ask()).is_applied
        path.write_text(watched + "drain: 7s\n")
        await until(lambda: len(gateway.taken) == 2)

    assert [report.is_applied for report in gateway.reports] == [True, False, True]


async def test_the_gateway_watches_no_more_once_the_file_does_not_say_so(tmp_path: Path) -> None:
    path = write_config(tmp_path, VALID + "reload: {watch: 5ms}\n")
    async with reloading(path) as gateway:
        await gateway.ask()
        path.write_text(VALID)
        await until(lambda: len(gateway.taken) == 2)

    assert gateway.taken[-1].reload.watch_seconds is None


async def test_what_is_refused_for_want_of_keys_is_tried_again_by_the_watch_until_it_holds(
    tmp_path: Path,
) -> None:
    """No file that is watched changes when an issuer can be reached again."""
    watched = VALID + "reload: {watch: 5ms}\n"
    path = write_config(tmp_path, watched)
    async with reloading(path) as gateway:
        assert (await gateway.ask()).is_applied
        gateway.refuses_with = ReloadOutcome.UNAVAILABLE
        gateway.refusals = ["issuer `main`: no keys"] * 2
        path.write_text(watched + "drain: 7s\n")
        await until(lambda: len(gateway.reports) == 4)

    assert [report.is_applied for report in gateway.reports] == [True, False, False, True]
    assert not any(gateway.forced)


async def test_what_is_refused_for_want_of_keys_is_not_tried_again_where_nothing_is_watched(
    tmp_path: Path,
) -> None:
    async with reloading(write_config(tmp_path)) as gateway:
        gateway.refuses_with = ReloadOutcome.UNAVAILABLE
        gateway.refusals = ["issuer `main`: no keys"]
        assert (await gateway.ask()).outcome is ReloadOutcome.UNAVAILABLE
        assert (await gateway.ask()).is_applied

    assert len(gateway.taken) == 2


async def test_only_who_asks_for_it_by_name_forces(tmp_path: Path) -> None:
    async with reloading(write_config(tmp_path)) as gateway:
        gateway.reload_requests.request()
        await until(lambda: len(gateway.reports) == 1)
        await gateway.ask()
        assert await gateway.reload_requests.ask(force=True) is not None

    assert gateway.forced == [False, False, True]
