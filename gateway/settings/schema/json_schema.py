"""Write the JSON Schema of the configuration, for editors."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.settings.presets.preset import Parameter, Preset
from gateway.settings.presets.vendors import PRESETS
from gateway.settings.schema.models import ConfigFile, TeamFile
from gateway.settings.schema.routes.route import WHOLE_ROUTE
from gateway.settings.text.yaml_nodes import parse_yaml

# A `${NAME}` reference may replace any value with a pattern; editors cannot know its value.
_REFERENCE = r"\$\{"
_ONE_REFERENCE = r"^\$\{[^{}]+\}$"

# What each route of the main file has, by the default that it may come from.
_OF_ROUTES: Mapping[str, Mapping[str, object]] = {
    "upstream": {"required": WHOLE_ROUTE["required"]},
    "require": {"anyOf": WHOLE_ROUTE["anyOf"]},
}


def make_schema() -> dict[str, Any]:
    """Return the schema of a main configuration file, JSON Schema draft 2020-12.

    ``$defs/TeamFile`` is the schema of an included file.
    """
    schema: dict[str, Any] = ConfigFile.model_json_schema()
    team = TeamFile.model_json_schema()
    del team["$defs"]  # the whole schema has all of them
    schema["$defs"]["TeamFile"] = team
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = "urn:jwt-gateway:configuration:1"
    schema = json.loads(json.dumps(schema))  # models share parts, which are changed in place
    tidy(schema)
    _add_references(schema)
    schema["allOf"] = [_unless_default(key, rule) for key, rule in _OF_ROUTES.items()]
    _add_presets(schema)
    return schema


def _unless_default(key: str, rule: Mapping[str, object]) -> dict[str, Any]:
    """Return a schema in which each route fits *rule*, unless `defaults` has the *key*.

    A file of a team may rely on those of the main file, which editors cannot know.
    """
    has_default = {"required": ["defaults"], "properties": {"defaults": {"required": [key]}}}
    return {
        "if": {"not": has_default},
        "then": {"properties": {"routes": {"items": rule}}},
    }


def _add_references(node: object) -> None:
    """Let `${NAME}` stand for every number, true and false."""
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        _add_references(child)
    if isinstance(node, dict) and node.get("type") in ("integer", "number", "boolean"):
        value = {key: node.pop(key) for key in ("type", "minimum", "maximum") if key in node}
        node["anyOf"] = [value, {"type": "string", "pattern": _ONE_REFERENCE}]


def _add_presets(schema: dict[str, Any]) -> None:
    """Let an issuer have a preset, with the keys of an issuer and the parameters of the preset."""
    definitions = schema["$defs"]
    definitions["PresetIssuer"] = _preset_issuer(definitions["IssuerModel"])
    either = [{"$ref": f"#/$defs/{name}"} for name in ("IssuerModel", "PresetIssuer")]
    for owner in (schema, definitions["TeamFile"]):
        named = owner["properties"]["issuers"]["patternProperties"]
        named.update({pattern: {"oneOf": either} for pattern in named})


def _preset_issuer(issuer: dict[str, Any]) -> dict[str, Any]:
    meanings: dict[str, dict[str, list[str]]] = {}  # names of presets, by meaning
    examples: dict[str, list[object]] = {}
    for preset in PRESETS.values():
        for parameter in preset.parameters:
            of_name = meanings.setdefault(parameter.name, {})
            of_name.setdefault(parameter.meaning, []).append(preset.name)
            shown = parse_yaml(parameter.example.encode(), preset.name, {}).root
            examples.setdefault(parameter.name, []).append(shown)
    text: dict[str, object] = {"type": "string", "minLength": 1}
    texts = {"type": "array", "items": text, "minItems": 1}
    parameters = {
        name: {
            "anyOf": [text, texts],
            "description": _describe_parameter(of),
            "examples": examples[name],
        }
        for name, of in meanings.items()
    }
    choice = {"enum": list(PRESETS), "description": "The settings of a vendor's issuer, by name."}
    return {
        "additionalProperties": False,
        "description": "A trusted issuer with the settings of a preset.",
        "oneOf": [_one_preset(preset, meanings) for preset in PRESETS.values()],
        "allOf": issuer["allOf"],
        "properties": {"preset": choice, **parameters, **issuer["properties"]},
        "required": ["preset"],
        "title": "PresetIssuer",
        "type": "object",
    }


def _describe_parameter(meanings: Mapping[str, list[str]]) -> str:
    """Return one sentence from the names of presets by *meanings*."""
    parts = (f"{' and '.join(presets)}: {meaning}" for meaning, presets in meanings.items())
    return f"Of {'; of '.join(parts)}."


def _one_preset(preset: Preset, parameters: Iterable[str]) -> dict[str, Any]:
    own = {one.name for one in preset.parameters}
    return {
        "properties": {
            "preset": {"const": preset.name},
            **{one.name: _shape_of(one) for one in preset.parameters},
            **{name: False for name in parameters if name not in own},
        },
        "required": [one.name for one in preset.required],
    }


def _shape_of(parameter: Parameter) -> dict[str, Any]:
    # JSON Schema knows no named groups; a pattern is of texts only, `items` of lists only.
    unnamed = re.sub(r"\?P<[a-z]+>", "", parameter.pattern.pattern)
    pattern = f"^({unnamed})$|{_REFERENCE}"
    if not parameter.many:
        return {"type": "string", "pattern": pattern}
    return {"pattern": pattern, "items": {"pattern": pattern}}


def format_schema() -> str:
    """Return the schema as text, as committed and as ``gateway schema`` prints it."""
    return json.dumps(make_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def tidy(node: object) -> None:
    """Remove what pydantic adds but the file format lacks: null, and titles of fields."""
    if isinstance(node, list):
        for item in node:
            tidy(item)
    if not isinstance(node, dict):
        return
    for item in node.values():
        tidy(item)
    properties = node.get("properties")
    fields = properties.values() if isinstance(properties, dict) else ()
    for field in fields:
        if not isinstance(field, dict):
            continue  # true or false: whether there may be one
        field.pop("title", None)
        # Defaults of whole tables are those of their keys, which are written there.
        if field.get("default", 0) is None or "$ref" in field or field.get("default") == {}:
            field.pop("default", None)
    _take_out_null(node)
    if "patternProperties" in node:
        node["additionalProperties"] = False
    if "pattern" in node:
        node["pattern"] = f"{node['pattern']}|{_REFERENCE}"


def _take_out_null(node: dict[str, Any]) -> None:
    branches = node.get("anyOf")
    if not isinstance(branches, list) or {"type": "null"} not in branches:
        return
    others = [branch for branch in node.pop("anyOf") if branch != {"type": "null"}]
    node.update({**(others[0] if len(others) == 1 else {"anyOf": others}), **node})
