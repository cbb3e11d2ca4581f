"""Rules that hold for the whole test run."""

import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# The speed of the machine is never part of a test, and CI repeats the examples that it ran before.
settings.register_profile(
    "gateway",
    max_examples=int(os.environ.get("EXAMPLES", "100")),  # of each property that names no number
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("gateway")


def note_failure(text: str) -> None:
    """Add *text* to what scripts/tests.sh prints last: the log of a whole run is often cut."""
    name = os.environ.get("GATEWAY_FAILURES")
    if name:
        with open(name, "a", encoding="utf-8") as file:
            file.write(text + "\n")


# Of the explanation of one failure: several have to fit into what is shown of a log.
_NOTED_CHARACTERS = 3000


class Failures:
    """Note every failure, with the end of what explains it."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that could not be imported."""
        self._note(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed, or whose fixtures did."""
        self._note(report)

    @staticmethod
    def _note(report: pytest.CollectReport | pytest.TestReport) -> None:
        if report.failed:
            note_failure(f"FAILED {report.nodeid}\n{report.longreprtext[-_NOTED_CHARACTERS:]}\n")


class NoSkips:
    """Fail the run when a test was skipped or expected to fail: green means that all of it ran."""

    def __init__(self) -> None:
        self.not_run: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that was skipped as a whole."""
        if report.skipped:
            self.not_run.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was skipped, or excused with xfail whatever its outcome."""
        if report.skipped or hasattr(report, "wasxfail"):
            self.not_run.append(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Turn a green run with tests that did not count into a red one."""
        if self.not_run and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the tests that turned the run red."""
        for nodeid in self.not_run:
            terminalreporter.write_line(f"not allowed to be skipped here: {nodeid}", red=True)
            note_failure(f"not allowed to be skipped here: {nodeid}")


# The beginning of two segments of a JWS: base64url of `{"` and enough more to be no accident.
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}")


class NoTokens:
    """Fail the run when any test's output or log had a token in it, whatever the test is about."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look through what the test printed and logged."""
        if any(_TOKEN.search(text) for _, text in report.sections):
            self.told.append(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Turn a green run that told a token into a red one."""
        if self.told and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the tests that turned the run red."""
        for nodeid in self.told:
            terminalreporter.write_line(f"a token was printed or logged in: {nodeid}", red=True)
            note_failure(f"a token was printed or logged in: {nodeid}")


def pytest_configure(config: pytest.Config) -> None:
    """Hold the rules; the one about skips where the environment asks for it, as .ci/run does."""
    config.pluginmanager.register(Failures(), "failures")
    config.pluginmanager.register(NoTokens(), "no-tokens")
    if os.environ.get("GATEWAY_NO_SKIPS") == "1":
        config.pluginmanager.register(NoSkips(), "no-skips")
