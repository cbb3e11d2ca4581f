"""A reader of lists of strings with whole numbers as parameters (RFC 9651 §4.2), and no more."""

import re

_ITEM = re.compile(
    r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"((?:;[a-z*][a-z0-9_.*-]*=-?\d{1,15})*)'
)


def parse_list(text: str) -> dict[str, dict[str, int]]:
    """Return the parameters of each string; raises ValueError where it is no such list."""
    found: dict[str, dict[str, int]] = {}
    position = 0
    while True:
        item = _ITEM.match(text, position)
        if item is None:
            raise ValueError(f"no item at {position} of {text!r}")
        parameters = [one.partition("=") for one in item[2].split(";")[1:]]
        found[item[1]] = {name: int(value) for name, _, value in parameters}
        position = item.end()
        if position == len(text):
            return found
        comma = re.compile(r"[ \t]*,[ \t]*(?=.)").match(text, position)
        if comma is None:
            raise ValueError(f"no comma at {position} of {text!r}")
        position = comma.end()
