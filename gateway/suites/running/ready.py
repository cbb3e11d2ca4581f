"""Make a suite ready to run: read it, load its configuration, hold one against the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.settings.load import Loaded, Rejected, UnreadableError
from gateway.settings.text.fault import Code, Fault, Severity
from gateway.suites.asking.trial import Trial
from gateway.suites.running.configurations import Configurations
from gateway.suites.running.judge import Outcome, judge
from gateway.suites.running.known_names import find_unknown_names
from gateway.suites.running.read_suite import BrokenSuite, read_suite
from gateway.suites.running.suite import AccessTest, Suite


@dataclass(frozen=True, slots=True, eq=False)
class ReadySuite:
    """A sound suite, and the configuration that it is about."""

    suite: Suite
    loaded: Loaded
    trial: Trial

    def cases(self) -> Iterator[tuple[AccessTest, str]]:
        """Yield every test with the name of every persona."""
        for test in self.suite.tests:
            for name in test.expected:
                yield test, name

    def judge(self, test: AccessTest, persona: str) -> Outcome:
        """Return what becomes of *test* for *persona*."""
        return judge(self.trial, self.suite, test, persona)


def make_ready(
    path: Path, config: Path | None, environ: Mapping[str, str], configurations: Configurations
) -> ReadySuite | BrokenSuite:
    """Return the suite at *path*; *config* takes the place of the configuration that it names.

    Raises UnreadableError for *path* and *config* themselves.
    """
    suite = read_suite(path, environ)
    if isinstance(suite, BrokenSuite):
        return suite
    if not suite.tests:
        return _broken(suite, suite.root.key_fault(Code.MISSING_KEY, "the suite has no `tests`"))
    if config is not None:
        loaded = configurations.load(config, suite.environment)
    elif suite.gateway is None:
        message = "which configuration is tested? Name it in `gateway`"
        return _broken(suite, suite.root.key_fault(Code.MISSING_KEY, message))
    else:
        try:
            loaded = configurations.load(suite.gateway, suite.environment)
        except UnreadableError as error:
            fault = suite.root.child("gateway").fault(Code.MISSING_FILE, str(error))
            return _broken(suite, fault)
    if isinstance(loaded, Rejected):
        # Doubts are for `gateway check`; here they would hide why nothing could be tested.
        errors = (fault for fault in loaded.faults if fault.severity is Severity.ERROR)
        return _broken(suite, *errors)
    unknown = find_unknown_names(suite, loaded.settings)
    if unknown:
        return _broken(suite, *unknown)
    personas = [one.persona for one in suite.personas.values()]
    return ReadySuite(suite, loaded, Trial(loaded.settings, suite.at, personas))


def _broken(suite: Suite, *faults: Fault) -> BrokenSuite:
    return BrokenSuite(suite.file, faults)
