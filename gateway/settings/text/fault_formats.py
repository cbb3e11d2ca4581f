"""Write faults as GitHub annotations and as JSON, and read the latter."""

from collections.abc import Mapping
from typing import Any

from gateway.settings.text.fault import Code, Fault, Place, Severity

# Escaped as in the toolkit of GitHub Actions: a colon or comma ends a property, a line end the
# command.
_IN_TEXT = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def annotate_fault(fault: Fault) -> str:
    """Return *fault* as a workflow command, its code as the title."""
    return annotate(fault.severity.value, fault.place, fault.code.value, fault.message)


def annotate(level: str, place: Place, title: str, text: str) -> str:
    """Return one workflow command; *level* is ``error``, ``warning`` or ``notice``.

    Nothing in *title* and *text* can end the command or start another one.
    """
    file, name = place.file.translate(_IN_PROPERTY), title.translate(_IN_PROPERTY)
    where = f"file={file},line={place.line},col={place.column}"
    return f"::{level} {where},title={name}::{text.translate(_IN_TEXT)}"


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
    """Return the fault in *written*.

    Raises ValueError for anything else: it may come from another version or another program.
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
