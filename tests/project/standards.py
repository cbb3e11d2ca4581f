"""Write ``docs/standards.md``: every line of the standards, and the tests that hold it.

A test holds a line by bearing its id, an RFC and the number of a line, in its docstring, in that
of its module, or in the name of one of its cases: a string that begins with the id, or a case of
``tests/corpus``. The name of a test cites a section (``test_9112_9_6_…`` is RFC 9112 §9.6), so no
id is read from it.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGE = Path("docs", "standards.md")

# A third number makes it a section of the RFC, which is written `RFC 9112 §9.6` and is no id.
_ID = re.compile(r"(?<![\w.])(?:\d{4,5}|MCP|SVID)\.\d+(?:\.\d+)*(?!\w)")

_INTRODUCTION = """\
# Standards

What each standard demands of a gateway in front of an API, in our own words, and the tests that
hold each line. *Not held* says why a line has no test, or which part of it has none. Sections are
those of the RFC in the heading, unless another one is named. `make standards` generates this page
from `tests/standards.yaml` and the ids in the tests.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement; *reason* says why no test holds it, if none does."""

    id: str
    section: str
    rule: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Standard:
    """The lines of one RFC, or of several that belong together."""

    name: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """A test, a case or a whole module that bears *ids*; *name* is empty for a module."""

    path: str
    name: str
    ids: frozenset[str] = field(compare=False)

    @property
    def is_case(self) -> bool:
        """Return whether this is a case, not a test or module."""
        return bool(self.name) and not self.name.startswith("test_")


def read_standards(text: str) -> tuple[Standard, ...]:
    """Return the standards that the YAML in *text* states; a misspelled key raises TypeError."""
    return tuple(_standard(**told) for told in yaml.safe_load(text))


def _standard(
    name: str, title: str, lines: list[dict[str, Any]], reason: str | None = None
) -> Standard:
    return Standard(name, title, tuple(Line(**{"reason": reason, **line}) for line in lines))


def find_holders(tests: Path) -> tuple[Holder, ...]:
    """Return everything with an id in the Python files and the corpus under *tests*."""
    found: list[Holder] = []
    for path in sorted(tests.rglob("*.py")):
        found += _in_module(path.relative_to(tests).as_posix(), path.read_text())
    for path in sorted((tests / "corpus").rglob("*.yaml")):
        found += _in_corpus(path.relative_to(tests).as_posix(), path.read_text())
    return tuple(sorted(set(found)))


def _in_module(path: str, text: str) -> Iterator[Holder]:
    if not _ID.search(text):
        return
    module = ast.parse(text)
    docstrings = dict(_docstrings(module))
    for docstring, name in docstrings.items():
        if not name or name.startswith("test_"):
            yield from _bearing(path, name, docstring.value)
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and node not in docstrings:
            yield from _in_case(path, node.value)


def _docstrings(module: ast.Module) -> Iterator[tuple[ast.Constant, str]]:
    """Yield each docstring with the name of its function; a module has none."""
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body[:1]:
                case [ast.Expr(value=ast.Constant(value=str()) as docstring)]:
                    yield docstring, "" if isinstance(node, ast.Module) else node.name


def _in_case(path: str, value: object) -> Iterator[Holder]:
    start = _ID.match(value) if isinstance(value, str) else None
    if isinstance(value, str) and start:
        yield from _bearing(path, value, start[0])


def _in_corpus(path: str, text: str) -> Iterator[Holder]:
    if _ID.search(text):
        for case in yaml.safe_load(text).get("cases", ()):
            yield from _bearing(path, case["name"], f"{case['name']} {case['source']}")


def _bearing(path: str, name: str, text: object) -> Iterator[Holder]:
    ids = frozenset(_ID.findall(str(text)))
    if ids:
        yield Holder(path, name, ids)


def find_faults(standards: Iterable[Standard], holders: Iterable[Holder]) -> list[str]:
    """Return the faults: lines that nothing holds or explains, and ids without a line."""
    lines = [line for standard in standards for line in standard.lines]
    numbers = {line.id.partition(".")[0] for line in lines}
    faults = []
    for number in sorted(numbers):
        listed = [line.id for line in lines if line.id.startswith(f"{number}.")]
        if listed != [f"{number}.{count + 1}" for count in range(len(listed))]:
            faults.append(f"{number}: its lines are not numbered from 1 on")
    borne = {one: holder for holder in holders for one in holder.ids}
    faults += [
        f"{line.id}: no test bears this id, and no reason is given"
        for line in lines
        if line.id not in borne and line.reason is None
    ]
    known = {line.id for line in lines}
    for one, holder in sorted(borne.items()):
        if one not in known and one.partition(".")[0] in numbers:
            faults.append(f"{one}: no line has this id; tests/{holder.path} {holder.name}".rstrip())
    return faults


def render_page(standards: Iterable[Standard], holders: Iterable[Holder]) -> str:
    """Return the page: a table for each standard, a row for each line."""
    listed = tuple(holders)
    parts = [_INTRODUCTION]
    for standard in standards:
        parts.append(f"## {standard.name}: {standard.title}\n")
        parts.append("| id | requirement | held by |\n|---|---|---|")
        parts += [
            _row(line, [one for one in listed if line.id in one.ids]) for line in standard.lines
        ]
        parts.append("")
    return "\n".join(parts)


def _row(line: Line, holders: list[Holder]) -> str:
    held = [] if line.reason is None else [f"*Not held.* {line.reason}"]
    held += [
        _named(path, [one for one in holders if one.path == path])
        for path in sorted({one.path for one in holders})
    ]
    cells = (line.id, f"{line.rule} ({line.section})", "<br>".join(held))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _named(path: str, holders: list[Holder]) -> str:
    """Return a link to the file at *path*, with its tests by name and its cases by number."""
    named = [f"`{one.name}`" for one in holders if one.name and not one.is_case]
    cases = sum(one.is_case for one in holders)
    if cases:
        named.append(f"{cases} case{'s' * (cases > 1)}")
    link = f"[{path}](../tests/{path})"
    return f"{link}: {', '.join(named)}" if named else link


def read_all(root: Path) -> tuple[tuple[Standard, ...], tuple[Holder, ...]]:
    """Return the standards and the holders of the repository at *root*."""
    standards = read_standards((root / "tests" / "standards.yaml").read_text())
    return standards, find_holders(root / "tests")


def main(root: Path = ROOT) -> int:
    """Write the page; return 1, with the faults on stderr, if there are any."""
    standards, holders = read_all(root)
    (root / PAGE).write_text(render_page(standards, holders))
    faults = find_faults(standards, holders)
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
