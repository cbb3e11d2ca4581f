"""Split the files into general settings and the named parts that every file may hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from gateway.settings.schema.models import ConfigFile
from gateway.settings.schema.shape import check_shape
from gateway.settings.schema.types import NAME
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Source, Sources
from gateway.settings.text.grants import Grant
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean

_SHARED = ("issuers", "upstreams", "resources", "defaults", "routes")  # allowed in team files
_GRANTS = {
    "issuers": Grant.ISSUERS,
    "upstreams": Grant.UPSTREAMS,
    "resources": Grant.RESOURCES,
}

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, eq=False)
class Named(Generic[M]):
    """A named part of some file.

    It is not *sound* if its shape has faults: *model* then holds the valid rest, or is None.
    """

    name: str
    part: Part
    model: M | None
    sound: bool
    directory: Path


def are_mappings(sources: Sources, faults: list[Fault]) -> bool:
    """Return whether every file is keys and values; one that is not is a fault."""
    for source in (sources.main, *sources.included):
        document = source.document
        if isinstance(document.root, dict):
            continue
        what = "the file is empty" if document.root is None else "the file is not a mapping"
        # `version`, which starts the main file, is an error in the others.
        example = "routes: [{name: orders, …}]"
        if source is sources.main:
            example = "version: 1; `gateway init` writes a first file"
        message = f"{what}: expected keys and values, e.g. {example}"
        faults.append(document.fault((), Code.WRONG_TYPE, message))
    return all(
        isinstance(source.document.root, dict) for source in (sources.main, *sources.included)
    )


def check_general(source: Source, faults: list[Fault]) -> ConfigFile:
    """Return the settings of the main file that team files cannot have.

    A setting with a wrong shape is a fault and has its default here: the other settings are
    still checked, and nothing is ever started from this value.
    """
    root = _root(source)
    raw: dict[str, Any] = {key: value for key, value in root.items() if key not in _SHARED}
    part = Part(source.document, (), raw)
    model = check_shape(part, ConfigFile, faults)
    if model is not None:
        return model
    versioned = Part(source.document, (), {**raw, "version": 1})
    return check_shape(versioned, ConfigFile, []) or ConfigFile(version=1)


def check_team_files(sources: Sources, faults: list[Fault]) -> None:
    """Refuse keys that only the main file may have, and keys that were not granted."""
    for source in sources.included:
        for key in _root(source):
            if key in _SHARED:
                _refuse_ungranted(key, source, faults)
                continue
            meant = did_you_mean(key, _SHARED)
            message = (
                f"`{shorten(key)}` is not allowed in an included file, only"
                f" {', '.join(_SHARED)}{meant}"
            )
            faults.append(Part(source.document, (key,), None).key_fault(Code.UNKNOWN_KEY, message))


def _refuse_ungranted(key: str, source: Source, faults: list[Fault]) -> None:
    grant = _GRANTS.get(key)
    refused = None if grant is None else source.document.refuse(f"declare {key}", grant)
    if refused is not None:
        part = Part(source.document, (key,), None)
        faults.append(part.key_fault(Code.NOT_GRANTED, refused))


def collect_named(
    sources: Sources, section: str, kind: type[M], faults: list[Fault]
) -> list[Named[M]]:
    """Return the parts of the mapping *section* in all files, refusing a name used twice."""
    found: list[Named[M]] = []
    for source, part in _section(sources, section):
        if not isinstance(part.raw, dict):
            message = f"expected a mapping of names to values: {_show_named(section, part)}"
            faults.append(part.fault(Code.WRONG_TYPE, message))
            continue
        if _lacks_name(part.raw, kind):
            message = f"a name comes first: {_show_named(section, part)}"
            faults.append(part.fault(Code.WRONG_TYPE, message))
            continue
        for name in part.raw:
            child = part.child(name)
            if not NAME.fullmatch(name):
                message = (
                    f"`{shorten(name)}` is not a valid name: use letters, digits, `.`, `_` and `-`"
                )
                faults.append(child.key_fault(Code.BAD_VALUE, message))
            found.append(_named(name, child, kind, source.directory, faults))
    return _refuse_repeated(found, section, faults)


# One of each, as it is written.
_EXAMPLES = {
    "issuers": '{issuer: "https://login.example.com/", discovery: true, audiences: [NAME]}',
    "upstreams": '{servers: ["http://10.0.0.7:8000"]}',
    "resources": '{resource: "https://api.example.com/orders"}',
    "login": "{issuer: NAME, client_id: web, origins: [https://app.example.com]}",
}


def _show_named(section: str, part: Part) -> str:
    """Return what to write for *section*, with the name that *part* has, if it has one."""
    items = part.raw if isinstance(part.raw, list) else []
    names = (item.get("name") for item in items if isinstance(item, dict))
    found = next((name for name in names if isinstance(name, str) and NAME.fullmatch(name)), None)
    name = "NAME" if found is None or part.document.is_filled(part.path) else found
    return f"write `{section}: {{{name}: {_EXAMPLES.get(section, '{…}')}}}`"


def _lacks_name(raw: Mapping[str, object], kind: type[BaseModel]) -> bool:
    """Return whether the keys in *raw* are those of one *kind*, whose own name is left out."""
    keys = {field.alias or name for name, field in kind.model_fields.items()}
    return bool(raw.keys() & keys) and not any(isinstance(one, dict) for one in raw.values())


def collect_routes(sources: Sources, kind: type[M], faults: list[Fault]) -> list[Named[M]]:
    """Return the routes of all files, refusing a name used twice."""
    found: list[Named[M]] = []
    sections = _section(sources, "routes")
    if not sections:
        message = "no routes: without one every request would be refused"
        faults.append(sources.main.document.fault((), Code.MISSING_KEY, message))
    for source, part in sections:
        if not isinstance(part.raw, list):
            message = (
                "expected a list of routes: write `- name: orders` for each, and its keys below"
            )
            faults.append(part.fault(Code.WRONG_TYPE, message))
            continue
        if not part.raw:
            message = "the list is empty: leave the key out, or add an item"
            faults.append(part.fault(Code.EMPTY_LIST, message))
        for index in range(len(part.raw)):
            child = part.child(index)
            name = child.child("name").raw
            known = name if isinstance(name, str) else ""
            found.append(_named(known, child, kind, source.directory, faults))
    return _refuse_repeated(found, "routes", faults)


def _named(name: str, part: Part, kind: type[M], directory: Path, faults: list[Fault]) -> Named[M]:
    wrong: list[Fault] = []
    model = check_shape(part, kind, wrong)
    faults.extend(wrong)
    return Named(name, part, model, not wrong, directory)


def _refuse_repeated(
    found: Sequence[Named[M]], section: str, faults: list[Fault]
) -> list[Named[M]]:
    first: dict[str, Named[M]] = {}
    unique: list[Named[M]] = []
    for named in found:
        other = first.setdefault(named.name, named) if named.name else named
        if other is named:
            unique.append(named)
            continue
        place = other.part.document.key_place(other.part.path)
        message = (
            f"the name `{shorten(named.name)}` is already used in {section}, at"
            f" {place.file}:{place.line}"
        )
        at = named.part.child("name") if section == "routes" else named.part
        code = Code.DUPLICATE_NAME
        faults.append(
            at.fault(code, message) if section == "routes" else at.key_fault(code, message)
        )
    return unique


def _section(sources: Sources, section: str) -> list[tuple[Source, Part]]:
    return [
        (source, Part(source.document, (), source.document.root).child(section))
        for source in (sources.main, *sources.included)
        if isinstance(source.document.root, dict) and section in source.document.root
    ]


def _root(source: Source) -> dict[str, Any]:
    root = source.document.root
    return root if isinstance(root, dict) else {}
