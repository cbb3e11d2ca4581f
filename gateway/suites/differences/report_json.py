"""Write for machines how two configurations differ."""

import json
from typing import Any

from gateway.suites.differences.compare import Difference
from gateway.suites.differences.facet import Change, Told
from gateway.suites.differences.matrix import Cell
from gateway.suites.differences.side import State


def format_json(difference: Difference) -> str:
    """Return one object: ``changes``, ``limits``, ``cells`` and ``asked``."""
    asked = difference.asked
    return json.dumps(
        {
            "changes": [_change(one) for one in difference.changed],
            "limits": [_change(one) for one in difference.limits],
            "cells": [_cell(one) for one in difference.cells],
            "asked": {
                "cells": asked.cells,
                "requests": asked.requests,
                "callers": sorted(asked.callers),
                "requests_that_mean_the_same": asked.same,
                "requests_left_out": asked.left_out,
            },
        },
        indent=2,
        ensure_ascii=False,
    )


def _change(change: Change) -> dict[str, Any]:
    return {
        "change": change.word,
        "subject": change.subject,
        "name": change.name,
        "facet": change.facet or None,
        "old": _told(change.old),
        "new": _told(change.new),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    request = cell.request
    return {
        "change": cell.kind.value,
        "method": request.method,
        "authority": request.authority,
        "target": request.target.decode("ascii"),
        "callers": list(cell.callers),
        "old": {**_state(cell.old), "because": _told(cell.old_cause)},
        "new": {**_state(cell.new), "because": _told(cell.new_cause)},
    }


def _state(state: State) -> dict[str, Any]:
    return {"becomes": state.word, "route": state.route, "would_deny": state.would_deny}


def _told(told: Told | None) -> dict[str, Any] | None:
    if told is None:
        return None
    place = told.place
    return {"text": told.text, "file": place.file, "line": place.line, "column": place.column}
