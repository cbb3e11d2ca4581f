"""Write a fault as a JSON object, and read it again."""

from collections.abc import Mapping
from typing import Any

from gateway.settings.text.fault import Code, Fault, Place, Severity


def fault_as_json(fault: Fault) -> dict[str, Any]:
    """Return *fault* as the object that ``--format json`` writes."""
    return {
        "file": fault.place.file,
        "line": fault.place.line,
        "column": fault.place.column,
        "severity": fault.severity.value,
        "code": fault.code.value,
        "message": fault.message,
    }


def fault_from_json(written: Mapping[str, object]) -> Fault:
    """Return the fault that is *written* so.

    Raises ValueError for anything else: it may come from another version, or from nobody of us.
    """
    match written:
        case {
            "file": str(file),
            "line": int(line),
            "column": int(column),
            "severity": str(severity),
            "code": str(code),
            "message": str(message),
        }:
            return Fault(Place(file, line, column), Code(code), message, Severity(severity))
        case _:
            raise ValueError("not a fault")
