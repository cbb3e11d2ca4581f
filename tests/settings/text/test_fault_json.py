"""A fault is the same after it was written and read; what is none is refused."""

from typing import Any

import pytest

from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.settings.text.fault_formats import fault_as_json, fault_from_json

ERROR = Fault(Place("a.yaml", 1, 2), Code.BAD_VALUE, "not a host")
WARNING = Fault(Place("a.yaml", 3, 4), Code.UNUSED_ISSUER, "nobody", Severity.WARNING)
WRITTEN = {
    "file": "a.yaml",
    "line": 1,
    "column": 2,
    "severity": "error",
    "code": "bad_value",
    "message": "not a host",
}


def test_a_fault_as_json_has_each_part_by_its_name() -> None:
    assert fault_as_json(ERROR) == WRITTEN


@pytest.mark.parametrize("fault", [ERROR, WARNING])
def test_what_was_written_is_read_as_it_was(fault: Fault) -> None:
    assert fault_from_json(fault_as_json(fault)) == fault


@pytest.mark.parametrize(
    "change", [{"line": "1"}, {"code": "nonesuch"}, {"severity": "fatal"}, {"message": None}]
)
def test_what_is_no_fault_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not"):
        fault_from_json(WRITTEN | change)
