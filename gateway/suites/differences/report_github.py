"""Write how two configurations differ as annotations that GitHub shows beside the lines."""

from collections.abc import Iterator

from gateway.settings.text.fault_formats import annotate
from gateway.suites.differences.compare import Difference
from gateway.suites.differences.facet import Change
from gateway.suites.differences.matrix import Cell, Kind
from gateway.suites.differences.report_text import show_place, show_state

_LEVELS = {Kind.OPENED: "error", Kind.CLOSED: "warning", Kind.MOVED: "warning"}


def format_github(difference: Difference) -> Iterator[str]:
    """Yield an error for what opened, a warning for what closed or moved, else notices.

    What differs for one cause is one annotation, at the line of the newer configuration that
    lets in or keeps out.
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
    told = change.new or change.old
    title = " ".join(
        part for part in (change.word, change.subject, change.name, change.facet) if part
    )
    old = "" if change.old is None else f"before: {change.old.text} ({show_place(change.old)})\n"
    new = "" if change.new is None else f"after: {change.new.text}"
    if told is None:
        raise ValueError("a change has an old or a new side")
    return annotate("notice", told.place, title, f"{old}{new}")
