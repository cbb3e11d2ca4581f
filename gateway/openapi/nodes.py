"""Read any YAML or JSON into nodes with places, whatever a stranger has written.

A configuration is read more strictly (``settings.text``). A description of an API is written for
other programs: it has dates, aliases, numbers as keys. All scalars stay text here, and an alias
is the very node that it names, so that nine lines never become a billion nodes.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from gateway.settings.text.fault import Code, Fault, Place
from gateway.settings.text.scalars import shorten

MAX_FILE_BYTES = 16 * 1024 * 1024  # GitHub's own description has 12 MiB
_MAX_DEPTH = 200  # schemas nest some tens of levels
_MAX_NODES = 1_000_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Member(NamedTuple):
    """A value in a table, with the place of its key."""

    place: Place
    node: "Node"


@dataclass(slots=True, eq=False)
class Node:
    """A value with its place; a scalar is the text that stands there.

    Not frozen: a table is filled while it is read. *is_plain* means that a scalar has no quotes.
    """

    place: Place
    value: "str | dict[str, Member] | list[Node]"
    is_plain: bool = False

    @property
    def members(self) -> Mapping[str, Member] | None:
        """Return the members of a table; None for anything else."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def items(self) -> "Sequence[Node] | None":
        """Return the items of a list; None for anything else."""
        return self.value if isinstance(self.value, list) else None

    @property
    def text(self) -> str | None:
        """Return the text of a scalar; None for anything else."""
        return self.value if isinstance(self.value, str) else None

    def child(self, key: str) -> "Node | None":
        """Return the value of *key* in a table; None if there is none."""
        member = self.value.get(key) if isinstance(self.value, dict) else None
        return None if member is None else member.node


class UnreadableNodesError(Exception):
    """The content is neither YAML nor JSON, or too large; *fault* says where."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def read_nodes(content: bytes, file: str) -> Node:
    """Return the whole *content* as nodes; *file* is the name in places.

    Raises UnreadableNodesError, and nothing else, for any bytes. Of a key that a table has twice,
    nobody knows which one counts.
    """
    start = Place(file, 1, 1)
    if len(content) > MAX_FILE_BYTES:
        message = f"larger than {MAX_FILE_BYTES // 1024 // 1024} MiB"
        raise UnreadableNodesError(Fault(start, Code.TOO_LARGE, message))
    builder = _Builder(start)
    try:
        text = content.decode("utf-8-sig")
        if not _read_json(text, file, builder):
            _read_yaml(text, file, builder)
    except UnicodeDecodeError:
        message = "not UTF-8 text"
        raise UnreadableNodesError(Fault(start, Code.NOT_YAML, message)) from None
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        place = start if mark is None else Place(file, mark.line + 1, mark.column + 1)
        message = f"not YAML: {problem or 'the text cannot be read'}"
        raise UnreadableNodesError(Fault(place, Code.NOT_YAML, message)) from None
    if builder.root is None:
        raise UnreadableNodesError(Fault(start, Code.NOT_YAML, "the file is empty"))
    return builder.root


class _Builder:
    """Turn events of either syntax into nodes."""

    def __init__(self, start: Place) -> None:
        self.root: Node | None = None
        self._start = start
        self._open: list[Node] = []
        self._keys: list[tuple[str, Place] | None] = []
        self._anchors: dict[str, Node] = {}
        self._count = 0

    def open(self, place: Place, value: "dict[str, Member] | list[Node]", anchor: object) -> None:
        """Open a table or a list; it is attached at once, and filled until ``close``."""
        if len(self._open) >= _MAX_DEPTH:
            self._stop(place, Code.TOO_LARGE, f"nested more than {_MAX_DEPTH} levels deep")
        if self._wants_key():
            self._stop(place, Code.WRONG_TYPE, "a key must be plain text")
        node = Node(place, value)
        self._attach(node, anchor)
        self._open.append(node)
        self._keys.append(None)

    def close(self) -> None:
        """Close the table or list that was opened last."""
        self._open.pop()
        self._keys.pop()

    def scalar(self, place: Place, text: str, is_plain: bool, anchor: object) -> None:
        """Add a scalar: a key, or a value."""
        if not self._wants_key():
            self._attach(Node(place, text, is_plain), anchor)
            return
        first = self._open[-1].child(text)
        if first is not None:
            message = f"`{shorten(text)}` is already set in line {first.place.line}"
            self._stop(place, Code.DUPLICATE_KEY, message)
        self._count_one(place)
        self._keys[-1] = text, place

    def alias(self, place: Place, name: str) -> None:
        """Add the node with this anchor once more."""
        node = self._anchors.get(name)
        if self._wants_key():
            self._stop(place, Code.WRONG_TYPE, "a key must be plain text")
        if node is None:
            self._stop(place, Code.NOT_YAML, f"not YAML: no anchor `{shorten(name)}`")
        else:
            self._attach(node, None)

    def second_document(self, place: Place) -> None:
        """Refuse a second document."""
        if self.root is not None:
            self._stop(place, Code.YAML_SURPRISE, "a second document: write one per file")

    def _wants_key(self) -> bool:
        return bool(self._open) and self._open[-1].members is not None and self._keys[-1] is None

    def _attach(self, node: Node, anchor: object) -> None:
        self._count_one(node.place)
        if isinstance(anchor, str):
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        value, key = self._open[-1].value, self._keys[-1]
        if isinstance(value, list):
            value.append(node)
        elif isinstance(value, dict) and key is not None:
            value[key[0]] = Member(key[1], node)
            self._keys[-1] = None

    def _count_one(self, place: Place) -> None:
        self._count += 1
        if self._count > _MAX_NODES:
            self._stop(place, Code.TOO_LARGE, f"more than {_MAX_NODES:,} values in one file")

    def _stop(self, place: Place, code: Code, message: str) -> None:
        raise UnreadableNodesError(Fault(place, code, message))


def _read_yaml(text: str, file: str, builder: _Builder) -> None:
    events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
    for event in events:
        mark = event.start_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        match event:
            case yaml.ScalarEvent():
                builder.scalar(place, event.value, bool(event.implicit[0]), event.anchor)
            case yaml.MappingStartEvent():
                builder.open(place, {}, event.anchor)
            case yaml.SequenceStartEvent():
                builder.open(place, [], event.anchor)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                builder.close()
            case yaml.AliasEvent():
                builder.alias(place, event.anchor or "")
            case yaml.DocumentStartEvent():
                builder.second_document(place)


# The tokens of JSON that is known to be valid.
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\]",:]+')


def _read_json(text: str, file: str, builder: _Builder) -> bool:
    """Read *text* if it is JSON, and return whether it is.

    YAML almost contains JSON: not its pairs of surrogates, nor keys of more than 1,024 characters.
    """
    if not text.lstrip().startswith("{"):
        return False
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except RecursionError:
        return False  # the other reader counts levels, and says where there are too many
    except ValueError as error:
        if not file.endswith(".json") or not isinstance(error, json.JSONDecodeError):
            return False
        place = Place(file, error.lineno, error.colno)
        fault = Fault(place, Code.NOT_YAML, f"not JSON: {error.msg.lower()}")
        raise UnreadableNodesError(fault) from None
    lines = [0, *(found.end() for found in re.finditer("\n", text))]
    for found in _JSON.finditer(text):
        word, at = found.group(), found.start()
        line = bisect_right(lines, at)
        place = Place(file, line, at - lines[line - 1] + 1)
        if word in "{[":
            builder.open(place, {} if word == "{" else [], None)
        elif word in "}]":
            builder.close()
        else:
            is_plain = not word.startswith('"')
            builder.scalar(place, word if is_plain else str(json.loads(word)), is_plain, None)
    return True
