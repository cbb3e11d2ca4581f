"""The outcome of a reload is one line, and no name in it makes another."""

import pytest

from gateway.cli.reload_text import describe_reload, print_problems
from gateway.reloading.report import ReloadOutcome, ReloadReport
from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.suites.running.failed_tests import FailedTest

PLACE = Place("a.yaml", 1, 2)
ERROR = Fault(PLACE, Code.BAD_VALUE, "no")
WARNING = Fault(PLACE, Code.UNUSED_ISSUER, "nobody", Severity.WARNING)


STAYS = "not reloaded, the previous configuration stays active: "
FORCE = "`gateway reload --force` accepts the configuration without them"


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (ReloadReport(ReloadOutcome.APPLIED, "0123456789abcdef"), "reloaded, config 0123456789ab"),
        (
            ReloadReport(ReloadOutcome.INVALID, "ab", f"{ERROR}", (ERROR,)),
            "not reloaded, the previous configuration stays active: the configuration has faults",
        ),
        # Refused elsewhere, and only doubtful itself.
        (
            ReloadReport(ReloadOutcome.INVALID, "ab", "worker 1: no", (WARNING,)),
            "not reloaded, the previous configuration stays active: worker 1: no",
        ),
        (
            ReloadReport(ReloadOutcome.UNAVAILABLE, "ab", f"{ERROR}", (ERROR,)),
            f"{STAYS}keys or revocation lists are missing ({FORCE})",
        ),
        (
            ReloadReport(ReloadOutcome.UNAVAILABLE, "ab", "issuer `a`: no keys", ()),
            f"{STAYS}issuer `a`: no keys ({FORCE})",
        ),
        (
            ReloadReport(ReloadOutcome.NEEDS_RESTART, "ab", "a\n::x"),
            "not reloaded, the previous configuration stays active: a\\n::x",
        ),
    ],
)
def test_the_outcome_is_one_line(report: ReloadReport, line: str) -> None:
    assert describe_reload(report) == line


def test_failures_are_told_as_suites_tell_them(capsys: pytest.CaptureFixture[str]) -> None:
    """CWE-150: whoever named a test must not make lines or steer a terminal."""
    failure = FailedTest(PLACE, "own\n::x", "alice", "GET a/b", ("expected \x1b[2J",))

    print_problems(ReloadReport(ReloadOutcome.TESTS_FAILED, "ab", "1 of 2", (ERROR,), (failure,)))

    assert capsys.readouterr().err.splitlines() == [
        str(ERROR),
        "FAIL a.yaml:1:2: own\\n::x: alice",
        "  GET a/b",
        "  expected \\x1b[2J",
    ]
