"""Prepare a suite to run: read it, load its configuration, and check every name in it."""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.settings.load import Loaded, Rejected, UnreadableError, load_settings
from gateway.settings.text.disk import MACHINE_DISK, Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault, Severity
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.values.configuration import Settings
from gateway.suites.files.read_suite import BrokenSuite, read_suite
from gateway.suites.files.suite import AccessTest, Suite
from gateway.suites.running.judge import Outcome, judge
from gateway.suites.simulation.trial import Trial


class Configurations:
    """The configurations under test, each loaded once from *disk*.

    *environ* is the environment of the run.
    """

    def __init__(self, environ: Mapping[str, str], disk: Disk = MACHINE_DISK) -> None:
        self._environ = environ
        self.disk = disk
        self._loaded: dict[tuple[str, tuple[tuple[str, str], ...]], Loaded | Rejected] = {}

    def load(self, path: Path, environment: Mapping[str, str]) -> Loaded | Rejected:
        """Return the configuration at *path*, with *environment* set on top of the run's own.

        Raises UnreadableError.
        """
        key = os.path.realpath(path), tuple(sorted(environment.items()))
        known = self._loaded.get(key)
        if known is None:
            known = load_settings(path, {**self._environ, **environment}, self.disk)
            self._loaded[key] = known
        return known


@dataclass(frozen=True, slots=True, eq=False)
class ReadySuite:
    """A suite without faults, and the configuration that it tests."""

    suite: Suite
    loaded: Loaded
    trial: Trial

    def cases(self) -> Iterator[tuple[AccessTest, str]]:
        """Yield every test with the name of every persona."""
        for test in self.suite.tests:
            for name in test.expected:
                yield test, name

    def judge(self, test: AccessTest, persona: str) -> Outcome:
        """Return the outcome of *test* for *persona*."""
        return judge(self.trial, self.suite, test, persona)


def make_ready(
    path: Path, config: Path | None, environ: Mapping[str, str], configurations: Configurations
) -> ReadySuite | BrokenSuite:
    """Return the suite at *path*; *config* replaces the configuration that it names.

    Raises UnreadableError for *path* and *config* themselves.
    """
    suite = read_suite(path, environ, configurations.disk)
    if isinstance(suite, BrokenSuite):
        return suite
    if not suite.tests:
        return _broken(suite, suite.root.key_fault(Code.MISSING_KEY, "the suite has no `tests`"))
    if config is not None:
        loaded = configurations.load(config, suite.environment)
    elif suite.gateway is None:
        message = "no configuration to test: name it in `gateway`"
        return _broken(suite, suite.root.key_fault(Code.MISSING_KEY, message))
    else:
        try:
            loaded = configurations.load(suite.gateway, suite.environment)
        except UnreadableError as error:
            fault = suite.root.child("gateway").fault(Code.MISSING_FILE, str(error))
            return _broken(suite, fault)
    if isinstance(loaded, Rejected):
        # Warnings are for `gateway check`; here they would hide why nothing could be tested.
        errors = (fault for fault in loaded.faults if fault.severity is Severity.ERROR)
        return _broken(suite, *errors)
    wrong = (
        *find_unknown_names(suite, loaded.settings),
        *find_impossible_sessions(suite, loaded.settings),
    )
    if wrong:
        return _broken(suite, *wrong)
    personas = [one.persona for one in suite.personas.values()]
    return ReadySuite(suite, loaded, Trial(loaded.settings, suite.at, personas))


def _broken(suite: Suite, *faults: Fault) -> BrokenSuite:
    return BrokenSuite(suite.file, faults)


def find_impossible_sessions(suite: Suite, settings: Settings) -> Iterator[Fault]:
    """Yield a fault for each persona whose session has a token of another issuer."""
    for one in suite.personas.values():
        persona = one.persona
        login = None if persona.session is None else settings.logins.get(persona.session)
        if login is None or persona.issuer == login.issuer:
            continue
        message = (
            f"a session of `{login.name}` has a token of the issuer `{login.issuer}`, and this"
            f" persona has one of `{persona.issuer}`"
        )
        at = one.part.child("session" if one.part.child("session").raw is not None else "issuer")
        yield at.fault(Code.CONFLICTING_KEYS, message)


Named = tuple[str, Part, Collection[str]]  # the kind of name, where it is, and the known names


def find_unknown_names(suite: Suite, settings: Settings) -> tuple[Fault, ...]:
    """Return a fault for each issuer, list, login, route and upstream not in *settings*."""
    return tuple(
        part.fault(
            Code.UNKNOWN_REFERENCE,
            f"no {what} `{shorten(part.raw)}` in the configuration{did_you_mean(part.raw, known)}",
        )
        for what, part, known in _find_names(suite, settings)
        if isinstance(part.raw, str) and part.raw not in known
    )


def _find_names(suite: Suite, settings: Settings) -> Iterator[Named]:
    yield from _in_personas(suite, settings)
    yield from _in_tests(suite, settings)
    routes = {route.name for route in settings.policy.routes.routes}
    for waiver in _items(suite.root.child("hostile").child("waive")):
        for part in _items(waiver.child("routes")):
            yield "route", part, routes


def _in_personas(suite: Suite, settings: Settings) -> Iterator[Named]:
    for one in suite.personas.values():
        yield "issuer", one.part.child("issuer"), settings.issuers
        yield "login", one.part.child("session"), settings.logins
        for part in _items(one.part.child("revoked")):
            yield "revocation list", part, settings.revocations


def _in_tests(suite: Suite, settings: Settings) -> Iterator[Named]:
    routes = {route.name for route in settings.policy.routes.routes}
    for test in _items(suite.root.child("tests")):
        for expectation in _items(test.child("expect")):
            allow = expectation.child("allow")
            yield "route", allow.child("route"), routes
            yield "upstream", allow.child("upstream"), settings.upstreams


def _items(part: Part) -> Iterator[Part]:
    if isinstance(part.raw, dict):
        yield from map(part.child, part.raw)
    elif isinstance(part.raw, list):
        yield from map(part.child, range(len(part.raw)))
