"""Read YAML into plain values with a place for each; refuse what YAML versions read differently.

Built on parser events instead of PyYAML's composer, which recurses, so that a file of brackets
exhausts the stack, and resolves aliases, so that nine lines become a billion nodes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from gateway.settings.text.comments import Comments
from gateway.settings.text.document import Document, KeyPath
from gateway.settings.text.fault import Code, Fault, Place
from gateway.settings.text.scalars import Surprise, parse_scalar, shorten
from gateway.settings.text.variables import BadReference, Withheld, replace_variables
from gateway.settings.text.yaml_errors import explain_yaml_error

MAX_FILE_BYTES = 10 * 1024 * 1024
_MAX_DEPTH = 32  # ours needs about ten, nested scope groups included
MAX_NODES = 500_000  # 10,000 routes need about 250,000
_MAX_FAULTS = 1_000  # nobody reads more, and a hostile file could have millions

# Surrogates are not characters: no UTF-8 text can carry them.
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

_NODES = {
    yaml.ScalarEvent,
    yaml.MappingStartEvent,
    yaml.SequenceStartEvent,
    yaml.AliasEvent,
}
_ENDS = {yaml.MappingEndEvent, yaml.SequenceEndEvent}

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(content: bytes, file: str, environ: Mapping[str, str] | Withheld) -> Document:
    """Return the document in *content*, with its faults.

    Never raises, for any bytes. *file* is the name in places.
    """
    builder = _Builder(file, environ)
    complete = False
    try:
        builder.build(content)
        complete = True
    except _StopError as stop:
        builder.faults.append(stop.fault)
    except UnicodeDecodeError as error:
        builder.faults.append(_not_utf8(content, file, error.start))
    except yaml.YAMLError as error:
        builder.faults.append(_not_yaml(file, builder.text, error))
    return Document(
        builder.root,
        builder.start,
        builder.values,
        builder.keys,
        builder.written,
        tuple(builder.faults),
        complete,
        tuple(builder.comments.found(file)),
        builder.text,
    )


class _StopError(Exception):
    """The rest of the file cannot be read usefully."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True, eq=False)
class _Frame:
    """A collection that is still open."""

    path: KeyPath
    items: dict[str, object] | list[object]
    key: str | None = None  # of a mapping: the key whose value comes next
    discard: bool = False  # whether that key is a duplicate

    def path_of_next(self) -> KeyPath:
        """Return the path of the value that comes next."""
        if isinstance(self.items, list):
            return (*self.path, len(self.items))
        # The places of a discarded value must not replace those of the first one.
        return (*self.path, f"{self.key}\0" if self.discard else self.key or "")


class _Builder:
    """Turn parser events into plain values."""

    def __init__(self, file: str, environ: Mapping[str, str] | Withheld) -> None:
        self.root: object = None
        self.values: dict[KeyPath, Place] = {}
        self.keys: dict[KeyPath, Place] = {}
        self.written: dict[KeyPath, list[tuple[str, str]]] = {}
        self.faults: list[Fault] = []
        self.text = ""
        self.comments = Comments("")
        self._has_comments = False
        self._file = file
        self.start = Place(file, 1, 1)
        self._environ = environ
        self._stack: list[_Frame] = []
        self._documents = 0
        self._nodes = 0

    def build(self, content: bytes) -> None:
        """Read the whole of *content*."""
        self.text = content.decode("utf-8-sig")
        self.comments = Comments(self.text)
        self._has_comments = self.comments.is_any_left
        events = _Loader(self.text)
        # Not `yaml.parse`, which looks twice for each event.
        for event in iter(events.get_event, None):
            # By its very type: most of a large file is nodes, and each costs a few looks.
            kind = type(event)
            if kind in _NODES:
                self._add_node(event)
            elif kind in _ENDS:
                self._stack.pop()
            elif kind is yaml.DocumentStartEvent:
                self._open_document(event)

    def _open_document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _StopError(
                self._fault(event, Code.YAML_SURPRISE, "a second document: write one per file")
            )

    def _add_node(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._has_comments and isinstance(event, yaml.ScalarEvent):
            self.comments.take_out(event)
        if self._nodes > MAX_NODES:
            raise _StopError(self._fault(event, Code.TOO_LARGE, "too many values in one file"))
        if len(self.faults) > _MAX_FAULTS:
            raise _StopError(self._fault(event, Code.TOO_LARGE, "too many faults in one file"))
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.items, dict) and frame.key is None:
            self._add_key(frame, event)
            return
        path = () if frame is None else frame.path_of_next()
        self.values[path] = self._place(event)
        self._refuse_extras(event)
        self._attach(frame, self._value_of(event, path))

    def _add_key(self, frame: _Frame, event: yaml.NodeEvent) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise _StopError(self._fault(event, Code.YAML_SURPRISE, "a key must be plain text"))
        self._refuse_extras(event)
        key = event.value
        meaning = parse_scalar(key) if event.implicit[0] else key
        if isinstance(meaning, Surprise):
            self.faults.append(self._fault(event, Code.YAML_SURPRISE, meaning.message))
        elif not isinstance(meaning, str):
            message = f"the key `{shorten(key)}` is not text: quote it"
            self.faults.append(self._fault(event, Code.WRONG_TYPE, message))
        frame.key = key
        path = (*frame.path, key)
        first = self.keys.get(path)
        frame.discard = first is not None
        if first is not None:
            message = f"`{shorten(key)}` is already set in line {first.line}"
            self.faults.append(self._fault(event, Code.DUPLICATE_KEY, message))
            return
        self.keys[path] = self._place(event)

    def _attach(self, frame: _Frame | None, value: object) -> None:
        if frame is None:
            self.root = value
        elif isinstance(frame.items, list):
            frame.items.append(value)
        else:
            if not frame.discard:
                frame.items[frame.key or ""] = value
            frame.key = None

    def _value_of(self, event: yaml.NodeEvent, path: KeyPath) -> object:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, yaml.AliasEvent):
            return None
        return self._open_collection(event, path)

    def _open_collection(self, event: yaml.NodeEvent, path: KeyPath) -> object:
        if len(self._stack) >= _MAX_DEPTH:
            message = f"nested more than {_MAX_DEPTH} levels deep"
            raise _StopError(self._fault(event, Code.TOO_LARGE, message))
        items: dict[str, object] | list[object]
        items = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        # The caller attaches it before the first child arrives; it is filled in place.
        self._stack.append(_Frame(path, items))
        return items

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> object:
        value = parse_scalar(event.value) if event.implicit[0] else event.value
        if isinstance(value, Surprise):
            self.faults.append(self._fault(event, Code.YAML_SURPRISE, value.message))
            return event.value
        if value is None and path:
            message = "a value is missing here: write one, or leave the key out"
            self.faults.append(self._fault(event, Code.WRONG_TYPE, message))
        if not isinstance(value, str):
            return value
        return self._text(event, path, value)

    def _text(self, event: yaml.ScalarEvent, path: KeyPath, value: str) -> str:
        replaced = replace_variables(value, self._environ)
        if isinstance(replaced, BadReference):
            self.faults.append(self._fault(event, replaced.code, replaced.message))
            return value
        if replaced != value:
            for length in range(len(path) + 1):
                self.written.setdefault(path[:length], []).append((replaced, value))
        if _CONTROL.search(replaced):
            message = "control characters are not allowed"
            if "-----BEGIN " in replaced:
                key = next((step for step in reversed(path) if isinstance(step, str)), "key")
                message = (
                    "a key or a certificate stays in a file of its own: write the name of the file,"
                    f" e.g. `{'pem_file' if key == 'pem' else shorten(key)}: file.pem`"
                )
            self.faults.append(self._fault(event, Code.BAD_VALUE, message))
        return replaced

    def _refuse_extras(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            message = "anchors and aliases are not supported: write the value out"
            self.faults.append(self._fault(event, Code.YAML_SURPRISE, message))
        elif getattr(event, "tag", None) is not None:
            message = "tags are not supported: write the plain value"
            self.faults.append(self._fault(event, Code.YAML_SURPRISE, message))

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark else self.start

    def _fault(self, event: yaml.Event, code: Code, message: str) -> Fault:
        return Fault(self._place(event), code, message)


def _not_utf8(content: bytes, file: str, offset: int) -> Fault:
    line = content.count(b"\n", 0, offset) + 1
    column = offset - (content.rfind(b"\n", 0, offset) + 1) + 1
    return Fault(Place(file, line, column), Code.NOT_YAML, "not UTF-8 text")


def _not_yaml(file: str, text: str, error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    return Fault(place, Code.NOT_YAML, f"not YAML: {explain_yaml_error(text, error)}")
