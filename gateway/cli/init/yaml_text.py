"""Write values and comments as YAML for people."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator

from gateway.settings.text.scalars import parse_scalar

_WIDTH = 100

# Read alike everywhere, also between brackets.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*[A-Za-z0-9_]|[A-Za-z_]")


def quote(text: str) -> str:
    """Return *text* as a YAML scalar that every reader takes for this text.

    A reference to a variable is no reference any more.
    """
    literal = _literal(text)
    if _PLAIN.fullmatch(literal) and parse_scalar(literal) == literal:
        return literal
    return json.dumps(literal, ensure_ascii=not literal.isprintable())


def flow(texts: Iterable[str]) -> str:
    """Return *texts* as a list on one line."""
    return f"[{', '.join(map(quote, texts))}]"


def inline(value: object) -> str:
    """Return *value*, which JSON can say, on one line; its texts are no references."""
    return _literal(json.dumps(value))


def _literal(text: str) -> str:
    return text.replace("${", "$${")


def comment(text: str, indent: int) -> Iterator[str]:
    """Yield the lines of a comment; nothing in *text* can end it."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    margin = f"{' ' * indent}# "
    yield from textwrap.wrap(
        shown, _WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    )
