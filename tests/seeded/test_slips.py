"""`gateway check` refuses every slip of `broken/slips.yaml`, and editors show most by the schema.

Each is an edit of `broken/gateway.yaml`, in the format of `mistakes.py`, with one mark, and

- ``code`` of the fault there, and ``says``, a part of its message: mostly the text to write;
- ``unseen``: why an editor that validates with `config/gateway.schema.json` does not show it.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from gateway.settings.load import Loaded, Rejected, load_settings
from tests.seeded.mistakes import Mistake, read_mistakes
from tests.settings.configs import ENVIRON

ROOT = Path(__file__).parents[2]
BASE = Path(__file__).parent / "broken"
SLIPS = read_mistakes("broken/slips", BASE)
SCHEMA = json.loads((ROOT / "config" / "gateway.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TEAM_VALIDATOR = jsonschema.Draft202012Validator(
    {"$ref": "#/$defs/TeamFile", "$defs": SCHEMA["$defs"]}
)


class EditorLoader(yaml.CSafeLoader):
    """Reads YAML as editors do: version 1.2, core schema; a key twice is an error."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own name

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping, unless it has a key twice."""
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


# YAML 1.2.2 §10.3.2; octal and hexadecimal numbers are in no file here.
for tag, pattern in {
    "null": r"null|Null|NULL|~|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
}.items():
    EditorLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), None
    )


def read_as_editor(text: str) -> object:
    """Return the content of *text*; raises YAMLError if no schema is needed to see a fault."""
    return yaml.load(text, EditorLoader)


def sight(slip: Mistake) -> str:
    """Return whether an editor shows the slip: as no ``yaml``, by the ``schema``, or not."""
    try:
        content = read_as_editor(slip.after)
    except yaml.YAMLError:
        return "yaml"
    return "unseen" if VALIDATOR.is_valid(content) else "schema"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broken")


def test_without_a_slip_the_files_are_valid(folder: Path) -> None:
    loaded = load_settings(BASE / "gateway.yaml", ENVIRON)

    assert isinstance(loaded, Loaded), loaded
    assert loaded.warnings == ()
    VALIDATOR.validate(read_as_editor((BASE / "gateway.yaml").read_text()))
    for path in (BASE / "routes.d").iterdir():
        TEAM_VALIDATOR.validate(read_as_editor(path.read_text()))


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_is_refused_where_it_is_with_what_to_write(slip: Mistake, folder: Path) -> None:
    rejected = load_settings(slip.make(folder), ENVIRON)

    assert isinstance(rejected, Rejected)
    there = [
        fault
        for fault in rejected.faults
        if (fault.place.line, fault.place.column) == slip.places[0]
        and fault.code == slip.told["code"]
    ]
    assert there, rejected.faults
    assert any(slip.told.get("says", "") in fault.message for fault in there), there


@pytest.fixture(scope="module")
def sights() -> dict[str, str]:
    return {slip.name: sight(slip) for slip in SLIPS}


def test_what_editors_do_not_show_is_known_with_its_reason(sights: dict[str, str]) -> None:
    unseen = {name for name, seen in sights.items() if seen == "unseen"}

    assert unseen == {slip.name for slip in SLIPS if slip.told.get("unseen")}


def test_editors_show_nine_of_ten_and_the_documentation_says_how_many(
    sights: dict[str, str],
) -> None:
    seen = list(sights.values())
    by_schema, by_yaml = seen.count("schema"), seen.count("yaml")
    readable = len(SLIPS) - by_yaml

    assert len(SLIPS) >= 150
    assert by_schema >= 0.9 * readable
    text = " ".join((ROOT / "docs" / "commands.md").read_text().split())
    assert (
        f"of {len(SLIPS)} broken files that `check` refuses, {by_yaml} are no YAML, which editors"
        f" show without a schema; of the other {readable}, the schema shows {by_schema}"
    ) in text


def test_no_two_slips_are_one() -> None:
    assert len({slip.name for slip in SLIPS}) == len(SLIPS)
    assert len({slip.after for slip in SLIPS}) == len(SLIPS)
