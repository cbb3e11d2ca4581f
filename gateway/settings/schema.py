"""Write the JSON Schema of the configuration, for editors."""

import json
from typing import Any

from gateway.settings.models import ConfigFile

# A `${NAME}` reference may stand wherever a pattern is asked for; editors cannot know its value.
_REFERENCE = r"\$\{"


def make_schema() -> dict[str, Any]:
    """Return the schema of a main configuration file, JSON Schema draft 2020-12."""
    schema: dict[str, Any] = ConfigFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    _tidy(schema)
    return schema


def format_schema() -> str:
    """Return the schema as the text that is committed and that ``gateway schema`` prints."""
    return json.dumps(make_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _tidy(node: object) -> None:
    """Take out what pydantic says and the file format does not: null, and titles of fields."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if not isinstance(node, dict):
        return
    for item in node.values():
        _tidy(item)
    for field in (node.get("properties") or {}).values():
        field.pop("title", None)
        if field.get("default", 0) is None:
            del field["default"]
    _take_out_null(node)
    if "pattern" in node:
        node["pattern"] = f"{node['pattern']}|{_REFERENCE}"


def _take_out_null(node: dict[str, Any]) -> None:
    branches = node.get("anyOf")
    if not isinstance(branches, list) or {"type": "null"} not in branches:
        return
    others = [branch for branch in branches if branch != {"type": "null"}]
    if len(others) == 1:
        del node["anyOf"]
        node.update({**others[0], **node})
    else:
        node["anyOf"] = others
