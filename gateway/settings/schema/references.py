"""Give values from the environment the type that the schema wants: numbers, true and false."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.texts import FileText
from gateway.settings.schema.types import WRITTEN
from gateway.settings.text.document import Document, KeyPath
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import parse_scalar
from gateway.settings.text.variables import is_reference

_FILE = get_args(FileText)[-1]

_WORDS = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}


def type_references(document: Document, kind: type[BaseModel], faults: list[Fault]) -> Document:
    """Return *document*, a *kind*, in which each ``${NAME}`` has the type of its place.

    The environment has only text. Where the schema takes text as well as a number, a text that
    reads as a number is one. A value of another type is a fault.
    """
    typed: dict[KeyPath, tuple[object, tuple[str, str]]] = {}
    for path, (text, *_) in document.written.items():
        value = _value_at(document.root, path)
        if not isinstance(value, str) or value != text[0]:
            continue
        wanted = _wanted(kind, path)
        if not is_reference(text[1]) and "written" not in wanted:
            continue
        read = _read(value, wanted)
        if read is not None:
            typed[path] = read, text
        elif wanted and "text" not in wanted:
            faults.append(document.fault(path, Code.WRONG_TYPE, _refusal(wanted, text[1])))
    return _with(document, typed) if typed else document


def takes_file(kind: type[BaseModel], path: KeyPath) -> bool:
    """Return whether a *kind* has the name of a file at *path*."""
    return any(_FILE in marks for _, marks in _leaves(kind, (), path))


def _read(text: str, wanted: frozenset[str]) -> object:
    """Return *text* as one of the *wanted* types; None if it is none of them."""
    value = parse_scalar(text)
    if isinstance(value, bool):
        return value if "boolean" in wanted else None
    if isinstance(value, int):
        return value if wanted & {"integer", "number"} else None
    return value if isinstance(value, float) and "number" in wanted else None


def _refusal(wanted: frozenset[str], reference: str) -> str:
    words = [word for name, word in _WORDS.items() if name in wanted]
    if words:
        return f"expected {' or '.join(words)}, which the value of `{reference}` is not"
    return "write the value itself here, not a variable: who reads the file must see it"


def _with(document: Document, typed: Mapping[KeyPath, tuple[object, tuple[str, str]]]) -> Document:
    """Return *document* with the values in *typed*, which are no texts to be hidden any more."""
    root, written = document.root, dict(document.written)
    for path, (value, text) in typed.items():
        root = _put(root, path, value)
        for length in range(len(path)):
            rest = list(written[path[:length]])
            rest.remove(text)
            written[path[:length]] = rest
    # A short text would be found in the words of a message.
    written = {path: texts for path, texts in written.items() if texts and path not in typed}
    return replace(document, root=root, written=written)


def _put(node: Any, path: KeyPath, value: object) -> object:
    if not path:
        return value
    copied = node.copy()
    copied[path[0]] = _put(node[path[0]], path[1:], value)
    return copied


def _value_at(node: Any, path: KeyPath) -> object:
    for step in path:
        # The value of a repeated key is not in the tree.
        if not (step in node if isinstance(node, dict) else isinstance(node, list)):
            return None
        node = node[step]
    return node


def _wanted(kind: type[BaseModel], path: KeyPath) -> frozenset[str]:
    """Return the types that a *kind* takes at *path*: of JSON Schema, `text` or `written`."""
    return frozenset(
        word for leaf, marks in _leaves(kind, (), path) for word in _types(leaf, marks)
    )


def _leaves(
    kind: Any, marks: Sequence[object], path: KeyPath
) -> Iterator[tuple[Any, Sequence[object]]]:
    """Yield the types of the values at *path* of a *kind*, each with its annotations."""
    arguments = get_args(kind)
    if get_origin(kind) is Annotated:
        yield from _leaves(arguments[0], (*marks, *arguments[1:]), path)
    elif isinstance(kind, type) and issubclass(kind, RootModel):
        yield from _leaves(kind.model_fields["root"].annotation, (), path)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items() if path else ():
            if (field.alias or name) == path[0]:
                yield from _leaves(field.annotation, tuple(field.metadata), path[1:])
    elif get_origin(kind) in {list, dict}:
        is_fitting = bool(path) and isinstance(path[0], int) is (get_origin(kind) is list)
        yield from _leaves(arguments[-1], (), path[1:]) if is_fitting else ()
    elif arguments and get_origin(kind) is not Literal:
        for one in arguments:
            yield from _leaves(one, marks, path)
    elif not path:
        yield kind, marks


def _types(kind: Any, marks: Sequence[object]) -> Iterator[str]:
    shown = [mark.json_schema for mark in marks if isinstance(mark, WithJsonSchema)]
    if kind is type(None):
        return
    if WRITTEN in marks:
        yield "written"
        return
    if not shown:
        yield {bool: "boolean", int: "integer", float: "number"}.get(kind, "text")
        return
    schema = shown[-1] or {}
    if schema.get("const") is False:
        yield "boolean"
    elif isinstance(schema.get("type"), str) and schema["type"] in _WORDS:
        yield schema["type"]
    else:
        # Words and constants of other types: what opens a route, and the version.
        yield "written" if kind in {bool, int} else "text"
