"""Write the differences of two configurations as a page: one file, without scripts."""

from collections.abc import Iterator, Sequence
from html import escape as escape_markup

from gateway.suites.differences.compare import Difference
from gateway.suites.differences.compare_regions import Cell, Gap
from gateway.suites.differences.facet import Change, Kind, Statement
from gateway.suites.differences.report_text import (
    TITLES,
    count_cells,
    format_summary,
    show_place,
    show_state,
)

# Nothing is loaded, and nothing runs: texts of a configuration may be anybody's.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1c2430; --dim: #5a6675;
  --line: #d5dbe3; --card: #f6f8fa; --bad: #b3261e; --good: #1b6e3c; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --text: #e4e9f0; --dim: #9aa7b7;
  --line: #323b47; --card: #1a2029; --bad: #ff8a80; --good: #7bd49b; --warn: #e8b75c; } }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; background: var(--ground);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .dim { color: var(--dim); } code { font: .9em ui-monospace, monospace;
  overflow-wrap: anywhere; } ul.counts { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0;
  list-style: none; } ul.counts li { border: 1px solid var(--line); border-radius: .5rem;
  padding: .25rem .75rem; background: var(--card); } ul.counts b { font-size: 1.25rem; }
article { border: 1px solid var(--line); border-left: .3rem solid var(--dim);
  border-radius: .4rem; background: var(--card); padding: .5rem .9rem; margin: .6rem 0; }
article h3 { font-size: 1rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
.opened, .loosened { border-left-color: var(--bad); } .closed { border-left-color: var(--good); }
.moved, .keys, .undecided { border-left-color: var(--warn); }
.kind { font-size: .85rem; font-weight: 600; } .kind.opened, .kind.loosened { color: var(--bad); }
.kind.closed { color: var(--good); } .kind.moved, .kind.keys { color: var(--warn); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .3rem 0 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
"""


def format_html(difference: Difference, old: str, new: str) -> Iterator[str]:
    """Yield the lines of a page about *difference*, between files with the names *old* and *new*.

    All kinds are in it, the worst first, with every caller.
    """
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{_show(old)} and {_show(new)}</title><style>{_STYLE}</style></head><body>"
    yield "<main><h1>What changes</h1>"
    yield f'<p class="dim">from <code>{_show(old)}</code> to <code>{_show(new)}</code></p>'
    yield from _counts(difference)
    yield f"<p>{_show(format_summary(difference))}</p>"
    for kind in Kind:
        cells = difference.of(kind)
        if cells:
            yield f"<section><h2>{_show(TITLES[kind])}</h2>"
            for cell in cells:
                yield from _cell(cell)
            yield "</section>"
    yield from _gaps(difference.gaps)
    yield from _changes("Settings that changed", difference.changed)
    yield from _changes("Limits that changed", difference.limits)
    yield "</main></body></html>"


def _counts(difference: Difference) -> Iterator[str]:
    yield '<ul class="counts">'
    for kind in Kind:
        settings = sum(kind in change.kinds for change in (*difference.changed, *difference.limits))
        count = count_cells(difference.of(kind)) + settings
        if count:
            yield f'<li><b>{count:,}</b> <span class="kind {kind.value}">{kind.value}</span></li>'
    if difference.gaps:
        yield f"<li><b>{len(difference.gaps):,}</b> not decided</li>"
    yield "</ul>"


def _cell(cell: Cell) -> Iterator[str]:
    request = cell.request
    methods = "any method" if cell.methods is None else ", ".join(cell.methods)
    target = request.target.decode("ascii", "backslashreplace")
    yield f'<article class="{cell.kind.value}">'
    yield f"<h3>{_show(methods)} <code>{_show(request.authority + target)}</code></h3>"
    yield f"<p>for {_show('; '.join(cell.callers))}</p><dl>"
    for word, state, cause in (
        ("before", cell.old, cell.old_cause),
        ("after", cell.new, cell.new_cause),
    ):
        yield f"<dt>{word}</dt><dd><b>{_show(show_state(state))}</b>: {_statement(cause)}</dd>"
    yield "</dl></article>"


def _gaps(gaps: Sequence[Gap]) -> Iterator[str]:
    if not gaps:
        return
    yield "<section><h2>Not decided: such a difference may exist</h2>"
    for gap in gaps:
        yield '<article class="undecided">'
        yield f"<h3>{gap.kind.value}? <code>{_show(gap.request)}</code></h3>"
        yield f"<p>{_show(gap.why)}</p></article>"
    yield "</section>"


def _changes(title: str, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield f"<section><h2>{title}</h2>"
    for change in changes:
        worst = next((kind.value for kind in Kind if kind in change.kinds), "")
        parts = (change.word, change.subject, change.name, change.facet)
        kinds = "".join(
            f' <span class="kind {kind.value}">{kind.value}</span>'
            for kind in Kind
            if kind in change.kinds
        )
        yield f'<article class="{worst}">'
        yield f"<h3>{_show(' '.join(part for part in parts if part))}{kinds}</h3><dl>"
        for word, statement in (("before", change.old), ("after", change.new)):
            shown = "not there" if statement is None else _statement(statement)
            yield f"<dt>{word}</dt><dd>{shown}</dd>"
        yield "</dl></article>"
    yield "</section>"


def _show(text: str) -> str:
    """Escape markup, and what shows a text in another order or not at all (CVE-2021-42574)."""
    if text.isprintable():
        return escape_markup(text)
    return escape_markup(
        "".join(
            sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
            for sign in text
        )
    )


def _statement(statement: Statement) -> str:
    place = _show(show_place(statement))
    return f'{_show(statement.text)} <span class="dim"><code>{place}</code></span>'
