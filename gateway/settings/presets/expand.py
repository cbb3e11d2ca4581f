"""Replace `preset` of an issuer by the settings that it stands for."""

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.decision.rules.claim_tests import KINDS
from gateway.settings.presets.preset import Parameter, Preset, Value
from gateway.settings.presets.vendors import PRESETS
from gateway.settings.text.document import Document, KeyPath, Part
from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.settings.text.files import Source, Sources
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.text.yaml_nodes import parse_yaml

# Stands for an issuer whose preset is unknown, so that what names it is still checked. The fault
# keeps it from ever being used.
_UNKNOWN: Mapping[str, object] = {
    "issuer": "https://unknown.invalid",
    "discovery": True,
    "audiences": ["unknown"],
}


# Presets by other names of their vendors.
_ALIASES: Mapping[str, str] = {
    **dict.fromkeys(["azure", "azuread", "azure_ad", "aad", "microsoft", "msft"], "entra"),
    **dict.fromkeys(["aws", "amazon", "aws_cognito"], "cognito"),
    **dict.fromkeys(["github", "actions"], "github_actions"),
    **dict.fromkeys(["gcp", "iap"], "google_iap"),
    **dict.fromkeys(["redhat", "rhsso", "rh_sso"], "keycloak"),
}


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """The keys that the schema knows: *all* of an issuer, and the key sources among them."""

    all: Collection[str]
    sources: Collection[str]


def expand_presets(sources: Sources, keys: IssuerKeys, faults: list[Fault]) -> Sources:
    """Return *sources* with every preset of an issuer expanded.

    Keys that are written beside `preset` win over its own; mappings are merged. A preset that has
    faults is expanded with examples, so that the rest of the file is still checked.
    """
    wrong = {fault.place for fault in faults if fault.severity is Severity.ERROR}
    expander = _Expander(keys, wrong, faults)
    return replace(
        sources,
        main=expander.expand(sources.main),
        included=tuple(expander.expand(source) for source in sources.included),
    )


class _Expander:
    """Expand presets, and collect their faults."""

    def __init__(self, keys: IssuerKeys, wrong: Collection[Place], faults: list[Fault]) -> None:
        self._keys = keys
        self._wrong = wrong  # the places of values that were refused already
        self._faults = faults

    def expand(self, source: Source) -> Source:
        """Return *source* with its presets expanded."""
        root = Part(source.document, (), source.document.root)
        issuers = root.child("issuers")
        named = issuers.raw if isinstance(issuers.raw, dict) else {}
        parts = [issuers.child(name) for name in named]
        expanded = {
            at.path: self._issuer(part, at)
            for part in parts
            if (at := self._find_preset(part)) is not None
        }
        if not expanded or not isinstance(root.raw, dict):
            return source
        values = {path[1]: value for path, value in expanded.items()}
        document = source.document
        keys, places = dict(document.keys), dict(document.values)
        written = dict(document.written)
        for path, value in expanded.items():
            _add_places(document, path, value, keys, places, written)
        whole = {**root.raw, "issuers": {**named, **values}}
        expanded_document = replace(document, root=whole, keys=keys, values=places, written=written)
        return replace(source, document=expanded_document)

    def _find_preset(self, part: Part) -> Part | None:
        """Return where the preset of an issuer is named, also under a misspelled key."""
        for name in part.raw if isinstance(part.raw, dict) else ():
            child = part.child(name)
            if name == "preset":
                return child
            names_one = isinstance(child.raw, str) and child.raw in PRESETS
            if names_one and name not in self._keys.all:
                meant = did_you_mean(name, ["preset"])
                message = f"unknown key `{shorten(name)}`{meant}"
                self._faults.append(child.key_fault(Code.UNKNOWN_KEY, message))
                return child
        return None

    def _issuer(self, part: Part, at: Part) -> dict[str, object]:
        own = {name: value for name, value in _mapping(part.raw).items() if name != at.path[-1]}
        preset = PRESETS.get(at.raw) if isinstance(at.raw, str) else None
        if preset is None:
            self._refuse_unknown(at)
            return {**_UNKNOWN, **{name: own[name] for name in own if name in self._keys.all}}
        parameters = {one.name: one for one in preset.parameters}
        for name in own:
            if name not in parameters and name not in self._keys.all:
                self._refuse_key(part.child(name), preset)
        for needed in preset.required:
            if needed.name not in own:
                message = f"`preset: {preset.name}` needs `{needed.name}`: {needed.meaning}"
                self._faults.append(at.key_fault(Code.MISSING_KEY, f"{message}, {needed.shown}"))
        values = {one.name: self._value(one, part.child(one.name)) for one in preset.parameters}
        settings = preset.fill(values)
        if any(source in own for source in self._keys.sources):
            for source in self._keys.sources:
                settings.pop(source, None)
        if "introspection" in own:  # its answers are not signed, unless they say so
            settings.pop("algorithms", None)
        # Of missing ones only: an example would add to a table that is written.
        missing = [needed for needed in preset.own_keys if needed.name not in own]
        settings.update({needed.name: _example(needed.example) for needed in missing})
        rest = {name: value for name, value in own.items() if name in self._keys.all}
        merged: dict[str, object] = _merge(settings, rest)
        return _keep_rules(settings, merged)

    def _value(self, parameter: Parameter, part: Part) -> Value:
        fallback = _example(parameter.example) if parameter.default is None else parameter.default
        if part.raw is None or part.document.value_place(part.path) in self._wrong:
            return fallback  # its absence is reported elsewhere, or what is wrong is already
        problem = parameter.problem(part.raw)
        if problem is None:
            return part.raw  # type: ignore[return-value]  # its problem would have been found
        self._faults.append(part.fault(Code.BAD_VALUE, problem))
        return fallback

    def _refuse_unknown(self, at: Part) -> None:
        if at.document.value_place(at.path) in self._wrong:
            return
        if not isinstance(at.raw, str):
            self._faults.append(at.fault(Code.WRONG_TYPE, "expected the name of a preset, as text"))
            return
        name = _ALIASES.get(at.raw.lower())
        meant = f": did you mean `{name}`?" if name else did_you_mean(at.raw, PRESETS)
        meant = meant or f"; there are {', '.join(PRESETS)}"
        self._faults.append(
            at.fault(Code.UNKNOWN_REFERENCE, f"no preset is named `{shorten(at.raw)}`{meant}")
        )

    def _refuse_key(self, part: Part, preset: Preset) -> None:
        name = str(part.path[-1])
        known = (*(one.name for one in preset.parameters), *self._keys.all)
        message = f"unknown key `{shorten(name)}`{did_you_mean(name, known)}"
        self._faults.append(part.key_fault(Code.UNKNOWN_KEY, message))


def _mapping(raw: object) -> dict[str, object]:
    return raw if isinstance(raw, dict) else {}


def _example(text: str) -> Any:
    return parse_yaml(text.encode(), "example", {}).root


def _merge(settings: object, own: object) -> Any:
    if not (isinstance(settings, dict) and isinstance(own, dict)):
        return copy.deepcopy(own)
    merged = dict(settings)
    for name, value in own.items():
        merged[name] = _merge(settings.get(name), value)
    return merged


def _keep_rules(settings: Mapping[str, object], merged: dict[str, object]) -> dict[str, object]:
    """Return *merged* with the groups of claim tests in *settings* that its own have replaced.

    A group is a guard of the vendor's tokens: one that an API adds must hold as well.
    """
    kept, own = _claims_in(settings), _claims_in(merged)
    lost = [
        {kind: copy.deepcopy(kept[kind])}
        for kind in KINDS
        if isinstance(kept.get(kind), list) and own.get(kind) != kept[kind]
    ]
    if not lost or not own:
        return merged
    every = own.get("all", [])
    # A table under `all` tests a claim of this name, and is a part of its own.
    parts = {**own, "all": [*every, *lost]} if isinstance(every, list) else {"all": [own, *lost]}
    return {**merged, "require": {**_mapping(merged["require"]), "claims": parts}}


def _claims_in(issuer: Mapping[str, object]) -> dict[str, object]:
    return _mapping(_mapping(issuer.get("require")).get("claims"))


def _add_places(  # noqa: PLR0913, PLR0917 - from where, and to where
    document: Document,
    at: KeyPath,
    issuer: object,
    keys: dict[KeyPath, Place],
    values: dict[KeyPath, Place],
    written: dict[KeyPath, Sequence[tuple[str, str]]],
) -> None:
    """Give all that the preset named at *at* added to *issuer* the place of the preset.

    What it has from `${NAME}` is shown as written, as everywhere.
    """
    key, value = document.key_place(at), document.value_place(at)
    replaced = document.written.get(at[:-1], ())
    for path, node in _nodes(at[:-1], issuer):
        if path in values:
            continue
        keys[path], values[path] = key, value
        texts = _as_written(node, replaced)
        if texts:
            written[path] = texts


def _nodes(path: KeyPath, node: object) -> Iterator[tuple[KeyPath, object]]:
    """Yield everything below *path*, with its path."""
    steps: Iterable[tuple[str | int, object]] = ()
    if isinstance(node, dict):
        steps = node.items()
    elif isinstance(node, list):
        steps = enumerate(node)
    for step, child in steps:
        yield (*path, step), child
        yield from _nodes((*path, step), child)


def _as_written(node: object, replaced: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what of *node* came from `${…}`, with its original: the whole text comes first."""
    if not isinstance(node, str):
        return list(replaced) if isinstance(node, dict | list) else []
    original = node
    for after, before in replaced:
        if after:
            original = original.replace(after, before)
    return [] if original == node else [(node, original), *replaced]
