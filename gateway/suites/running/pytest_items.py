"""The tests of a suite as pytest items: one for each test and persona."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.load import UnreadableError
from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.files.suite import AccessTest
from gateway.suites.running.judge import describe_cause
from gateway.suites.running.ready import Configurations, ReadySuite, make_ready

_CONFIGURATIONS = pytest.StashKey[Configurations]()


class UnexpectedError(Exception):
    """A request was not decided as expected; the text says how and why."""


class SuiteTests(pytest.File):
    """A suite file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield its tests; a suite with faults is a collection error."""
        config = self.config
        configurations = config.stash.setdefault(_CONFIGURATIONS, Configurations(os.environ))
        path = _shorten(self.path, config.invocation_params.dir)
        try:
            ready = make_ready(path, config.getoption("gateway_config"), os.environ, configurations)
        except UnreadableError as error:
            raise self.CollectError(str(error)) from None
        if isinstance(ready, BrokenSuite):
            raise self.CollectError("\n".join(map(str, ready.faults)))
        for test, persona in ready.cases():
            yield PersonaTest.make(self, ready, test, persona)


class PersonaTest(pytest.Item):
    """A test of a suite, for one persona."""

    ready: ReadySuite
    test: AccessTest
    persona: str

    @classmethod
    def make(
        cls, parent: SuiteTests, ready: ReadySuite, test: AccessTest, persona: str
    ) -> "PersonaTest":
        """Return the test of *persona*."""
        item: PersonaTest = cls.from_parent(parent, name=f"{test.name}: {persona}")
        item.ready, item.test, item.persona = ready, test, persona
        return item

    def runtest(self) -> None:
        """Run the test; raises UnexpectedError if it fails."""
        outcome = self.ready.judge(self.test, self.persona)
        if not outcome.passed:
            cause = describe_cause(outcome, self.ready.loaded.places)
            place = outcome.expectation.place
            where = f"{place.file}:{place.line}:{place.column}"
            # The first line is all that pytest's summary shows.
            lines = (*outcome.differences, cause, self.test.request.line, f"{where}: expected here")
            raise UnexpectedError("\n".join(lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """Return the text of an unexpected decision, without a traceback."""
        if isinstance(excinfo.value, UnexpectedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the expectation is written, with lines from 0."""
        place = self.test.expected[self.persona].place
        return self.path, place.line - 1, self.name


def _shorten(path: Path, directory: Path) -> Path:
    return path.relative_to(directory) if path.is_relative_to(directory) else path
