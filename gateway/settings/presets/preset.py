"""A preset: the settings of a vendor's issuer, with parameters."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.settings.text.scalars import shorten
from gateway.settings.text.yaml_nodes import parse_yaml

Value = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a preset must be given: *meaning* in words, and an *example*.

    A parameter that is *many* is one text or a list of texts. A named group of *pattern* is a
    placeholder as well.
    """

    name: str
    meaning: str
    example: str
    pattern: re.Pattern[str]
    default: str | None = None
    many: bool = False

    def problem(self, raw: object) -> str | None:
        """Return what is wrong with the value *raw*, and what to write instead."""
        values = raw if self.many and isinstance(raw, list) else [raw]
        for value in values:
            if not isinstance(value, str):
                return f"expected text: {self.meaning}, {self.shown}"
            if not self.pattern.fullmatch(value):
                return f"`{shorten(value)}` is not {self.meaning}, {self.shown}"
        return None if values else f"the list is empty: write {self.shown}"

    def placeholders(self, value: Value) -> Mapping[str, Value]:
        """Return the values of all placeholders that *value*, which is valid, sets."""
        found = self.pattern.fullmatch(value) if isinstance(value, str) else None
        groups = {} if found is None else found.groupdict()
        return {self.name: [value] if self.many and isinstance(value, str) else value, **groups}

    @property
    def shown(self) -> str:
        """Return the example, as in a configuration."""
        return f"e.g. `{self.name}: {self.example}`"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key of every issuer that a preset cannot know: *meaning* in words, and an *example*."""

    name: str
    meaning: str
    example: str

    @property
    def shown(self) -> str:
        """Return the example, as in a configuration."""
        return f"e.g. `{self.name}: {self.example}`"


@dataclass(frozen=True, slots=True)
class Preset:
    """The issuer of a vendor.

    *settings* is the YAML of an issuer. ``<name>`` in it stands for a parameter: as a whole text
    for its value, which may be a list, or inside of a text.
    """

    name: str
    vendor: str
    settings: str
    parameters: tuple[Parameter, ...] = ()
    own_keys: tuple[OwnKey, ...] = ()

    @property
    def required(self) -> tuple[Parameter | OwnKey, ...]:
        """Return what an issuer with this preset must set."""
        return (*(one for one in self.parameters if one.default is None), *self.own_keys)

    def fill(self, values: Mapping[str, Value]) -> dict[str, object]:
        """Return the settings with *values* of all parameters, which are valid."""
        known: dict[str, Value] = {}
        for parameter in self.parameters:
            known.update(parameter.placeholders(values[parameter.name]))
        root = parse_yaml(self.settings.encode(), f"preset {self.name}", {}).root
        filled = _fill(root, known)
        return filled if isinstance(filled, dict) else {}


_PLACEHOLDER = re.compile(r"<(\w+)>")


def _fill(node: object, known: Mapping[str, Value]) -> object:
    if isinstance(node, dict):
        return {key: _fill(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(item, known) for item in node]
    if not isinstance(node, str):
        return node
    whole = _PLACEHOLDER.fullmatch(node)
    if whole is not None:
        value = known[whole[1]]
        return value if isinstance(value, str) else list(value)
    return _PLACEHOLDER.sub(lambda found: str(known[found[1]]), node)
