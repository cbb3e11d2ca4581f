"""What the lints say of a configuration that holds."""

import time
from collections.abc import Mapping
from pathlib import Path

from gateway.lints.lint import LintResult, lint
from gateway.settings.load import Loaded
from gateway.settings.text.fault import Fault, Severity
from tests.settings.configs import ENVIRON, MARK, marked, outcome_of


def loaded(directory: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> Loaded:
    """Return the configuration *text*, which must hold."""
    outcome = outcome_of(directory, text, environ)
    assert isinstance(outcome, Loaded), outcome
    return outcome


def doubts(directory: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> LintResult:
    """Return what is doubtful about the configuration *text*, which must hold."""
    return lint(loaded(directory, text, environ), time.time())


def warnings(directory: Path, text: str) -> tuple[Fault, ...]:
    """Return the warnings about the configuration *text*, which must hold."""
    return doubts(directory, text).warnings


def assert_warned(directory: Path, code: str, text: str) -> None:
    """Hold that *text* is warned of by *code* at its marks, and of nothing else."""
    unmarked, places = marked(text)

    found = warnings(directory, unmarked)

    assert [(f.place.line, f.place.column, f.code.value) for f in found] == [
        (*place, code) for place in places
    ], [str(fault) for fault in found]
    assert all(fault.severity is Severity.WARNING for fault in found)


def mark(text: str, at: str) -> str:
    """Return *text* with a mark in front of *at*, which stands in it once."""
    assert text.count(at) == 1
    return text.replace(at, f"{MARK}{at}")


def routes(*lines: str) -> str:
    """Return a section of routes, each the inside of a flow mapping but for its upstream."""
    return "routes:\n" + "".join(
        f"  - {{name: {line}{'' if 'upstream:' in line else ', upstream: orders'}}}\n"
        for line in lines
    )
