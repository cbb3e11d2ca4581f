"""A failed test is the same after it was written and read; what is none is refused."""

import json
from typing import Any

import pytest

from gateway.settings.text.fault import Place
from gateway.suites.running.failed_tests import (
    FailedTest,
    failed_test_as_json,
    failed_test_from_json,
)

FAILED = FailedTest(
    Place("a.test.yaml", 3, 4), "own orders", "alice", "GET a/b", ("expected allow", "a.yaml:1:2")
)


def test_what_was_written_is_read_as_it_was() -> None:
    written = json.dumps(failed_test_as_json(FAILED))

    assert failed_test_from_json(json.loads(written)) == FAILED


@pytest.mark.parametrize("change", [{"line": "3"}, {"persona": None}, {"reasons": "none"}])
def test_what_is_no_failed_test_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a failed test"):
        failed_test_from_json(failed_test_as_json(FAILED) | change)


def test_it_is_named_with_its_place() -> None:
    assert str(FAILED) == "a.test.yaml:3:4: own orders: alice"
