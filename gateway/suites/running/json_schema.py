"""Write the JSON Schema of a suite file, for editors."""

import json
from typing import Any

from gateway.settings.schema.json_schema import tidy
from gateway.suites.running.models import PersonasFile, SuiteFile


def make_suite_schema() -> dict[str, Any]:
    """Return the schema of a suite file, JSON Schema draft 2020-12.

    ``$defs/PersonasFile`` is the schema of a file of personas that suites include.
    """
    schema: dict[str, Any] = SuiteFile.model_json_schema()
    personas = PersonasFile.model_json_schema()
    del personas["$defs"]  # all of them are in the whole schema
    schema["$defs"]["PersonasFile"] = personas
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    tidy(schema)
    return schema


def format_suite_schema() -> str:
    """Return the schema as the text that is committed and that ``gateway schema`` prints."""
    text = json.dumps(make_suite_schema(), indent=2, ensure_ascii=False, sort_keys=True)
    return f"{text}\n"
