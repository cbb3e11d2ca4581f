"""Write the differences of two configurations for people."""

from collections.abc import Iterator, Sequence

from gateway.suites.differences.compare import Difference
from gateway.suites.differences.compare_regions import Asked, Cell, Gap
from gateway.suites.differences.facet import Change, Kind, Statement
from gateway.suites.differences.side import State

_ALWAYS = tuple(kind for kind in Kind if kind is not Kind.CHANGED)
TITLES = {
    Kind.OPENED: "opened: allowed from now on",
    Kind.LOOSENED: "loosened: accepted from now on, and only reported before",
    Kind.KEYS: "keys: other keys or authorities decide from now on",
    Kind.CLOSED: "closed: refused from now on",
    Kind.MOVED: "moved: sent to other servers from now on",
    Kind.CHANGED: "changed: the same outcome for another reason",
}
_SHOWN_CALLERS = 6


def format_difference(difference: Difference, every: bool) -> Iterator[str]:
    """Yield what changed in meaning, then who gains or loses access.

    *every* also shows requests whose reason changed, and all callers.
    """
    yield from _section("rules", difference.changed)
    yield from _section("limits", difference.limits)
    for kind in (*_ALWAYS, *((Kind.CHANGED,) if every else ())):
        cells = difference.of(kind)
        if cells:
            yield TITLES[kind]
            for group in _by_target(cells):
                yield from _cells(group, every)
    yield from _gaps(difference.gaps)
    yield format_summary(difference)
    yield from _left_out(difference.asked)


def format_summary(difference: Difference) -> str:
    """Return a summary in one line."""
    asked = difference.asked
    scope = f"every request to {asked.routes:,} {_plural(asked.routes, 'route')} compared"
    if asked.cells:
        callers = f"{len(asked.callers):,} {_plural(len(asked.callers), 'caller')}"
        scope += f"; {asked.cells:,} decisions about {callers}"
    if difference.is_empty:
        return f"no difference in meaning ({scope})"
    rules, limits = len(difference.changed), len(difference.limits)
    parts = [f"{rules} {_plural(rules, 'rule')} changed"] if rules else []
    if limits:
        parts.append(f"{limits} {_plural(limits, 'limit')} changed")
    for kind in Kind:
        count = count_cells(difference.of(kind))
        if count:
            parts.append(f"{count:,} {kind.value}")
    if difference.gaps:
        parts.append(f"{len(difference.gaps):,} not decided")
    return f"{', '.join(parts)} ({scope})"


def count_cells(cells: Sequence[Cell]) -> int:
    """Return how many request/caller pairs *cells* stand for."""
    return sum(len(cell.callers) for cell in cells)


def show_state(state: State) -> str:
    """Return the outcome of a request in words."""
    report = "" if state.would_deny is None else f", {state.would_deny} only reported"
    return f"{state.word}{report}"


def show_place(statement: Statement) -> str:
    """Return ``file:line``."""
    return f"{statement.place.file}:{statement.place.line}"


def show_kinds(change: Change) -> str:
    """Return what *change* means, for the end of a line: `` [loosened]``."""
    kinds = ", ".join(kind.value for kind in Kind if kind in change.kinds)
    return f" [{kinds}]" if kinds else ""


def _section(title: str, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield title
    for change in changes:
        name = " ".join(part for part in (change.subject, change.name) if part)
        facet = f": {change.facet}" if change.facet else ""
        yield f"  {change.word} {name}{facet}{show_kinds(change)}"
        for sign, statement in (("-", change.old), ("+", change.new)):
            if statement is not None:
                yield f"    {sign} {statement.text} ({show_place(statement)})"


def _by_target(cells: Sequence[Cell]) -> Iterator[Sequence[Cell]]:
    """Yield groups of cells that differ only in their methods and header fields."""
    groups: dict[object, list[Cell]] = {}
    for cell in cells:
        request = cell.request
        alike = (request.authority, request.target, cell.callers)
        key = (*alike, cell.old, cell.new, cell.old_cause, cell.new_cause)
        groups.setdefault(key, []).append(cell)
    yield from groups.values()


def _cells(group: Sequence[Cell], every: bool) -> Iterator[str]:
    cell = group[0]
    methods = ",".join(dict.fromkeys(name for one in group for name in one.methods or ()))
    request = cell.request
    yield f"  {methods or 'any method'} {request.authority}{request.target.decode('ascii')}"
    yield f"    {_callers(cell.callers, every)}"
    for sign, state, cause in (("-", cell.old, cell.old_cause), ("+", cell.new, cell.new_cause)):
        yield f"    {sign} {show_state(state)}: {cause.text} ({show_place(cause)})"


def _gaps(gaps: Sequence[Gap]) -> Iterator[str]:
    """Yield what was not decided, each reason once."""
    if gaps:
        yield "not decided: such a difference may exist"
    for gap in gaps:
        yield f"  {gap.kind.value}? {gap.request}: {gap.why}"


def _callers(callers: Sequence[str], every: bool) -> str:
    if every or len(callers) <= _SHOWN_CALLERS:
        return "; ".join(callers)
    return f"{'; '.join(callers[:_SHOWN_CALLERS])}; and {len(callers) - _SHOWN_CALLERS} more"


def _left_out(asked: Asked) -> Iterator[str]:
    if asked.left_out:
        regions = f"{asked.left_out:,} {_plural(asked.left_out, 'region')} of requests"
        yield f"beyond --max-cells: {regions}, searched only for kinds that are not shown yet"


def _plural(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"
