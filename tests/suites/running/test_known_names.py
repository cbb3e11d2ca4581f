"""Every name in a suite is a name in its configuration."""

from pathlib import Path

import pytest

from gateway.suites.files.read_suite import BrokenSuite
from tests.suites.worlds import SUITE, make, make_or_not


def faults(directory: Path, suite: str) -> list[str]:
    broken = make_or_not(directory, suite)
    assert isinstance(broken, BrokenSuite)
    return [str(fault).removeprefix(f"{directory}/a.test.yaml:") for fault in broken.faults]


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        (
            "issuer: main",
            "issuer: mian",
            "4:19: unknown_reference: no issuer `mian` in the configuration: did you mean `main`?",
        ),
        (
            "issuer: main",
            "revoked: [blokced], issuer: main",
            "4:21: unknown_reference: no revocation list `blokced` in the configuration: did you "
            "mean `blocked`?",
        ),
        (
            "alice: allow",
            "alice: {allow: {route: reed-order}}",
            "10:37: unknown_reference: no route `reed-order` in the configuration: did you mean "
            "`read-order`?",
        ),
        (
            "alice: allow",
            "alice: {allow: {upstream: shop}}",
            "10:40: unknown_reference: no upstream `shop` in the configuration",
        ),
    ],
)
def test_a_name_that_the_configuration_does_not_have_is_a_fault(
    good: str, bad: str, expected: str, tmp_path: Path
) -> None:
    assert faults(tmp_path, SUITE.replace(good, bad, 1)) == [expected]


def test_names_that_are_there_are_none(tmp_path: Path) -> None:
    suite = SUITE.replace("alice: allow", "alice: {allow: {route: read-order, upstream: orders}}")

    make(tmp_path, suite.replace("issuer: main", "revoked: [blocked], issuer: main"))
