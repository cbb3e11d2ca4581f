"""Write the differences of two configurations for programs: JSON, GitHub annotations."""

import json
from collections.abc import Iterator
from typing import Any

from gateway.settings.text.fault_formats import annotate
from gateway.suites.differences.compare import Difference
from gateway.suites.differences.compare_regions import Cell
from gateway.suites.differences.facet import Change, Kind, Statement
from gateway.suites.differences.report_text import show_kinds, show_place, show_state
from gateway.suites.differences.side import State

_LEVELS = {
    Kind.OPENED: "error",
    Kind.LOOSENED: "error",
    Kind.MOVED: "warning",
    Kind.KEYS: "warning",
    Kind.CLOSED: "warning",
}


# --- JSON


def format_json(difference: Difference) -> str:
    """Return one object: ``changes``, ``limits``, ``cells``, ``gaps`` and ``asked``."""
    asked = difference.asked
    return json.dumps(
        {
            "changes": [_change(one) for one in difference.changed],
            "limits": [_change(one) for one in difference.limits],
            "cells": [_cell(one) for one in difference.cells],
            "gaps": [
                {"change": gap.kind.value, "request": gap.request, "because": gap.why}
                for gap in difference.gaps
            ],
            "asked": {
                "routes": asked.routes,
                "regions": asked.regions,
                "cells": asked.cells,
                "requests": asked.requests,
                "callers": sorted(asked.callers),
                "requests_left_out": asked.left_out,
            },
        },
        indent=2,
    )


def _change(change: Change) -> dict[str, Any]:
    return {
        "change": change.word,
        "subject": change.subject,
        "name": change.name,
        "facet": change.facet or None,
        "kinds": [kind.value for kind in Kind if kind in change.kinds],
        "old": _statement(change.old),
        "new": _statement(change.new),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    request = cell.request
    return {
        "change": cell.kind.value,
        "method": request.method,
        "methods": None if cell.methods is None else list(cell.methods),
        "authority": request.authority,
        "target": request.target.decode("ascii"),
        "callers": list(cell.callers),
        "old": {**_state(cell.old), "because": _statement(cell.old_cause)},
        "new": {**_state(cell.new), "because": _statement(cell.new_cause)},
    }


def _state(state: State) -> dict[str, Any]:
    return {"becomes": state.word, "route": state.route, "would_deny": state.would_deny}


def _statement(statement: Statement | None) -> dict[str, Any] | None:
    if statement is None:
        return None
    place = statement.place
    return {"text": statement.text, "file": place.file, "line": place.line, "column": place.column}


# --- GitHub annotations


def format_github(difference: Difference) -> Iterator[str]:
    """Yield an annotation for each difference, at the level of the worst that it means.

    Opened or loosened is an error; moved, other keys or closed a warning; the rest a notice.

    All cells with one cause are one annotation, at the line of the new configuration that allows or
    refuses them.
    """
    groups: dict[object, list[Cell]] = {}
    for cell in difference.cells:
        if cell.kind in _LEVELS:
            key = cell.kind, cell.old.word, cell.new.word, cell.old_cause, cell.new_cause
            groups.setdefault(key, []).append(cell)
    for cells in groups.values():
        yield _annotate_cells(cells)
    for change in (*difference.changed, *difference.limits):
        yield _annotate_change(change)


def _annotate_cells(cells: list[Cell]) -> str:
    first = cells[0]
    callers = list(dict.fromkeys(name for cell in cells for name in cell.callers))
    lines = [
        f"for {'; '.join(callers)}",
        f"before: {show_state(first.old)}: {first.old_cause.text} ({show_place(first.old_cause)})",
        f"after: {show_state(first.new)}: {first.new_cause.text} ({show_place(first.new_cause)})",
        *dict.fromkeys(cell.request.line for cell in cells),
    ]
    title = f"{first.kind.value}: {first.request.line}"
    more = len(cells) - 1
    if more:
        title += f" and {more} more"
    return annotate(_LEVELS[first.kind], first.new_cause.place, title, "\n".join(lines))


def _annotate_change(change: Change) -> str:
    statement = change.new or change.old
    title = " ".join(
        part for part in (change.word, change.subject, change.name, change.facet) if part
    )
    old = "" if change.old is None else f"before: {change.old.text} ({show_place(change.old)})\n"
    new = "" if change.new is None else f"after: {change.new.text}"
    if statement is None:
        raise ValueError("a change has an old or a new side")
    levels = [level for kind, level in _LEVELS.items() if kind in change.kinds]
    means = show_kinds(change)
    level = levels[0] if levels else "notice"
    return annotate(level, statement.place, f"{title}{means}", f"{old}{new}")
