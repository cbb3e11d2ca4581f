"""Write plain data as YAML that every version of YAML reads alike."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from gateway.settings.text.scalars import parse_scalar

_WIDTH = 100
# Also within brackets, and never a number, a date or a word with another meaning.
_PLAIN = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./@-]*[A-Za-z0-9_/])?")

Path = tuple[str | int, ...]


def write_yaml(data: Mapping[str, object], comments: Mapping[Path, str]) -> Iterator[str]:
    """Yield the lines of *data*: texts, numbers, true and false, in lists and tables.

    *comments* stand above what is at these paths.
    """
    yield from _table(data, (), comments, "")


def _table(
    data: Mapping[str, object], path: Path, comments: Mapping[Path, str], indent: str
) -> Iterator[str]:
    for key, value in data.items():
        at = (*path, key)
        if at in comments:
            yield f"{indent}# {comments[at]}"
        yield from _member(f"{indent}{_text(key)}:", value, at, comments, indent)


def _member(
    head: str, value: object, path: Path, comments: Mapping[Path, str], indent: str
) -> Iterator[str]:
    line = _inline(value)
    if line is not None and len(head) + len(line) < _WIDTH:
        yield f"{head} {line}"
        return
    yield head
    if isinstance(value, dict):
        yield from _table(value, path, comments, f"{indent}  ")
    elif isinstance(value, list):
        yield from _items(value, path, comments, f"{indent}  ")
    else:
        yield f"{indent}  {line}"


def _items(
    items: Sequence[object], path: Path, comments: Mapping[Path, str], indent: str
) -> Iterator[str]:
    for index, item in enumerate(items):
        at = (*path, index)
        if at in comments:
            yield f"{indent}# {comments[at]}"
        line = _inline(item)
        if line is not None:
            yield f"{indent}- {line}"
            continue
        inside = f"{indent}  "
        lines = (
            _table(item, at, comments, inside)
            if isinstance(item, dict)
            else _items(item, at, comments, inside)  # type: ignore[arg-type]  # a list
        )
        first, *rest = lines
        yield f"{indent}- {first[len(inside) :]}"
        yield from rest


def _inline(value: object) -> str | None:
    """Return *value* in one line if it is a scalar, a list of scalars, or empty."""
    if isinstance(value, dict):
        return None if value else "{}"
    if isinstance(value, list):
        parts = [_inline(item) if not isinstance(item, dict | list) else None for item in value]
        return None if None in parts else f"[{', '.join(map(str, parts))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(Decimal(repr(value)), "f")
    return _text(str(value))


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and parse_scalar(text) == text:
        return text
    return f'"{"".join(map(_escape, text))}"'


def _escape(sign: str) -> str:
    if sign in {'"', "\\"}:
        return f"\\{sign}"
    # Others would end the line, or control a terminal.
    return sign if sign.isprintable() else f"\\U{ord(sign):08x}"
