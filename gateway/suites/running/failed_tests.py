"""A failed test, and its form in JSON: the place, the persona, and the reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.settings.text.fault import Place


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A test of a suite that failed for one persona."""

    place: Place
    test: str
    persona: str
    request: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        place = self.place
        return f"{place.file}:{place.line}:{place.column}: {self.test}: {self.persona}"


def failed_test_as_json(failed: FailedTest) -> dict[str, Any]:
    """Return *failed* as ``gateway test --format json`` and ``POST /reload`` write it."""
    return {
        "file": failed.place.file,
        "line": failed.place.line,
        "column": failed.place.column,
        "test": failed.test,
        "persona": failed.persona,
        "request": failed.request,
        "reasons": list(failed.reasons),
    }


def failed_test_from_json(written: Mapping[str, object]) -> FailedTest:
    """Return the failed test in *written*; raises ValueError for anything else."""
    match written:
        case {
            "file": str(file),
            "line": int(line),
            "column": int(column),
            "test": str(test),
            "persona": str(persona),
            "request": str(request),
            "reasons": list(reasons),
        }:
            place = Place(file, line, column)
            return FailedTest(place, test, persona, request, tuple(map(str, reasons)))
        case _:
            raise ValueError("not a failed test")
