"""Find a page of the documentation, or the sections about a topic, in the installed package."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import gateway

_FENCE: Final = re.compile(r"^ *(```|~~~)")
_HEADING: Final = re.compile(r"^(#{1,6}) (.+)$")
# `scope_missing (403)`: a topic is known by its name alone, too.
_CODE: Final = re.compile(r"([a-z][a-z0-9_]+) \(\d+\)")
_ROW: Final = re.compile(r"^\| (?:\[)?`([^`]+)`")

_INDEX: Final = "index"


@dataclass(frozen=True, slots=True)
class Section:
    """The *text* under a *heading* of *page*, such as ``reasons``; Markdown, with the heading.

    The whole page has the *level* 1. *anchor* is that of GitHub.
    """

    page: str
    heading: str
    anchor: str
    level: int
    text: str

    @property
    def topic(self) -> str:
        """Return what `gateway help` finds this by."""
        return self.page if self.level == 1 else f"{self.page}#{self.anchor}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table about *name*: an option, a key, a metric; with the *head* of the table."""

    section: Section
    name: str
    head: str
    text: str


def pages_path() -> Path:
    """Return the folder of the pages, in the installed package or the checkout."""
    package = Path(gateway.__file__).parent
    installed = package / "docs"
    return installed if installed.exists() else package.parent / "docs"


@cache
def read_pages() -> tuple[Section, ...]:
    """Return all sections of all pages, in the order of their names; each page comes first."""
    folder = pages_path()
    files = sorted(folder.rglob("*.md"))
    named = ((str(file.relative_to(folder).with_suffix("")), file) for file in files)
    return tuple(
        section for name, file in named for section in _sections(name, file.read_text("utf-8"))
    )


def _sections(page: str, text: str) -> Iterator[Section]:
    lines = text.splitlines()
    heads = list(_headings(lines))
    for index, (line, level, heading) in enumerate(heads):
        ends = (other for other, deep, _ in heads[index + 1 :] if deep <= level)
        body = "\n".join(lines[line : next(ends, len(lines))]).rstrip()
        yield Section(page, heading, make_anchor(heading), level, body)


def _headings(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the index, the level and the text of each heading; a comment in code is none."""
    is_code = False
    for index, line in enumerate(lines):
        if _FENCE.match(line):
            is_code = not is_code
        found = None if is_code else _HEADING.match(line)
        if found is not None:
            yield index, len(found[1]), found[2]


def make_anchor(heading: str) -> str:
    """Return the anchor of *heading*, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def list_pages() -> tuple[tuple[str, str], ...]:
    """Return each page in the order of the index, with the question that it answers."""
    index = next(one.text for one in read_pages() if one.page == _INDEX and one.level == 1)
    found = re.findall(r"^\| \[[^\]]+\]\(([^).]+)\.md\) \| (.+) \|$", index, re.MULTILINE)
    return tuple((page, question) for page, question in found)


def find_sections(topic: str) -> tuple[Section, ...]:
    """Return the page named *topic*, else the sections with that name on any page.

    *topic* may be a link: ``docs/reasons.md#scope_missing-403``.
    """
    page, _, anchor = topic.strip().lower().replace(" ", "-").partition("#")
    page = page.removeprefix("docs/").removesuffix(".md")
    sections = read_pages()
    if anchor:
        # Between all pages of one name, such as `index`, the shortest path is meant.
        return tuple(one for one in sections if one.page == page and one.anchor == anchor)[:1]
    whole = [one for one in sections if one.page == page and one.level == 1]
    return tuple(whole or (one for one in sections if page in _names(one)))


def find_rows(topic: str) -> tuple[Row, ...]:
    """Return the rows of tables whose first cell is *topic*; each under its own heading."""
    return tuple(row for row in _rows() if row.name == topic)


def all_topics() -> frozenset[str]:
    """Return everything that `find_sections` and `find_rows` know by a name."""
    names = {name for one in read_pages() for name in _names(one)}
    return frozenset(names | {row.name for row in _rows()})


def _names(section: Section) -> frozenset[str]:
    code = _CODE.fullmatch(section.heading)
    # `keycloak` is the page `providers/keycloak`.
    page = {section.page, section.page.rpartition("/")[2]}
    own = page if section.level == 1 else {section.anchor}
    return frozenset(own if code is None else {*own, code[1]})


@cache
def _rows() -> tuple[Row, ...]:
    """Return the rows of every table, each once: in the deepest section around it."""
    found: dict[tuple[str, str], Row] = {}
    for section in read_pages():
        head = ""
        for line in section.text.splitlines():
            row = _ROW.match(line)
            if not line.startswith("|"):
                head = ""
            elif not head:
                head = line
            elif row is not None:
                # A deeper section comes later, and replaces the one around it.
                found[section.page, line] = Row(section, row[1], head, line)
    return tuple(found.values())
