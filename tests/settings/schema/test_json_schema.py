import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from gateway.settings.schema.json_schema import format_schema, make_schema
from gateway.suites.files.models import make_suite_schema
from tests.project.console import find_fences
from tests.settings.configs import ROUTES, config

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "config"
PAGES = sorted([*(ROOT / "docs").glob("**/*.md"), ROOT / "README.md"])
PAGES = sorted([*(ROOT / "docs").glob("**/*.md"), ROOT / "README.md"])
TEAM_FILES = sorted(CONFIG.glob("**/routes.d/*.yaml"))
# What is for `gateway test` has a schema of its own.
SUITES = {*CONFIG.glob("**/*.test.yaml"), *CONFIG.glob("**/personas.yaml")}
# What other programs read has other schemas; beside it lies what the gateway reads.
OTHERS = {
    path
    for directory in ("kubernetes", "prometheus", "grafana")
    for path in CONFIG.glob(f"{directory}/*.yaml")
    if path.name != "gateway.yaml"
}
EXAMPLES = sorted({*CONFIG.glob("**/*.yaml")}.difference(TEAM_FILES, SUITES, OTHERS))
DOCUMENTATION = (ROOT / "docs" / "configuration.md").read_text()


def test_the_committed_schema_is_current() -> None:
    committed = (ROOT / "config" / "gateway.schema.json").read_text()

    assert committed == format_schema(), "run: gateway schema > config/gateway.schema.json"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(make_schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_fits_the_schema(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), make_schema())


@pytest.mark.parametrize("path", TEAM_FILES, ids=lambda path: path.name)
def test_every_file_of_a_team_fits_its_part_of_the_schema(path: Path) -> None:
    team = {"$ref": "#/$defs/TeamFile", "$defs": make_schema()["$defs"]}

    jsonschema.validate(yaml.safe_load(path.read_text()), team)


@pytest.mark.parametrize(
    "extra",
    [
        "listn: a:1\n",
        "drain: 30\n",
        "workers: many\n",
        "admin: true\n",
        "trusted_proxies: []\n",
        "limits: {body: 10MB}\n",
        "scope_implies: {'a b': [c]}\n",
    ],
)
def test_the_schema_refuses_what_the_gateway_refuses(extra: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(config(extra)), make_schema())


@pytest.mark.parametrize(
    ("extra", "fits"),
    [
        ("workers: ${WORKERS}\n", True),
        ("workers: ${WORKERS:-4}\n", True),
        ("limits: {fields: '${FIELDS}'}\n", True),
        ("limits: {fields: 'x${FIELDS}'}\n", False),
        ("limits: {fields: '80'}\n", False),
        ("identity: {forward_token: '${FORWARD:-false}'}\n", True),
        ("identity: {forward_token: 'false'}\n", False),
    ],
)
def test_the_schema_takes_variables_for_numbers_true_and_false(extra: str, fits: bool) -> None:
    whole = yaml.safe_load(config(extra))

    assert jsonschema.Draft202012Validator(make_schema()).is_valid(whole) is fits


@pytest.mark.parametrize("value", ["public: '${OPEN}'", "require: {optional: '${OPEN}'}"])
def test_the_schema_takes_no_variable_that_opens_a_route(value: str) -> None:
    whole = yaml.safe_load(config(routes=ROUTES.replace("require: {}", value)))

    assert not jsonschema.Draft202012Validator(make_schema()).is_valid(whole)


def test_the_schema_knows_that_a_public_route_has_nothing_to_report() -> None:
    public = config(routes=ROUTES.replace("require: {}", "public: true"))
    enforcing = yaml.safe_load(public.replace("public: true", "public: true\n    mode: enforce"))
    reporting = yaml.safe_load(public.replace("public: true", "public: true\n    mode: report"))

    jsonschema.validate(enforcing, make_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(reporting, make_schema())


def tables() -> list[dict[str, Any]]:
    schema = make_schema()
    return [schema, *schema["$defs"].values()]


def test_every_key_is_described_in_the_schema_and_in_the_documentation() -> None:
    for table in tables():
        for key, field in table["properties"].items():
            row = next(
                line
                for line in DOCUMENTATION.splitlines()
                if line.startswith(f"| `{key}` |") and field["description"] in line
            )
            default = field.get("default")
            if default is not None and not isinstance(default, dict):
                shown = default if isinstance(default, str) else json.dumps(default)
                assert f"`{shown}`" in row


def test_every_table_is_closed() -> None:
    """Names of claims are free, but each has a closed table."""
    others = [table["additionalProperties"] for table in tables()]

    assert [one for one in others if one is not False] == [{"$ref": "#/$defs/ClaimModel"}]


@pytest.mark.parametrize(
    ("defaults", "route", "fits"),
    [
        (None, {"require": {}}, False),
        (None, {"upstream": "orders"}, False),
        ({"upstream": "orders"}, {"require": {}}, True),
        ({"upstream": "orders"}, {}, False),
        ({"upstream": "orders", "require": {}}, {}, True),
        ({"upstream": "orders", "require": {}}, {"defaults": False}, False),
        ({"upstream": "orders"}, {"defaults": False, "require": {}}, False),
        ({"require": {"optional": True}}, {"upstream": "orders"}, False),
        ({"public": True}, {"upstream": "orders"}, False),
        ({"match": {"path": "/a"}}, {"upstream": "orders", "require": {}}, False),
        ({"match": {"methods": ["GET"]}}, {"upstream": "orders", "require": {}}, True),
    ],
)
def test_the_schema_knows_what_a_route_may_take_from_defaults(
    defaults: dict[str, Any] | None, route: dict[str, Any], fits: bool
) -> None:
    routes = [{"name": "orders", "match": {"path": "/a"}, **route}]
    whole = {**yaml.safe_load(config()), "routes": routes}
    if defaults is not None:
        whole["defaults"] = defaults

    assert jsonschema.Draft202012Validator(make_schema()).is_valid(whole) is fits


AUTH0 = {"preset": "auth0", "domain": "shop.eu.auth0.com", "audiences": ["orders"]}


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"leeway": "5s", "jwks_url": "https://a.example"}, True),
        ({"preset": "auth"}, False),
        ({"domain": None}, False),
        ({"audiences": None}, False),
        ({"tenant": "of another preset"}, False),
        ({"leway": "5s"}, False),
    ],
)
def test_the_schema_knows_the_parameters_of_a_preset(changes: dict[str, Any], fits: bool) -> None:
    issuer = {key: value for key, value in {**AUTH0, **changes}.items() if value is not None}
    whole = {**yaml.safe_load(config()), "issuers": {"main": issuer}}
    validator = jsonschema.Draft202012Validator(make_schema())

    assert validator.is_valid(whole) is fits


def shown_in_documentation() -> list[tuple[str, dict[str, Any]]]:
    """Return what the pages show of configurations and suites, and the page of each.

    The page of checks shows what is wrong: its examples that are right are checked elsewhere.
    """
    fences = [
        (page.name, yaml.safe_load(fence.body))
        for page in PAGES
        if page.name != "checks.md"
        for fence in find_fences(page.read_text())
        if fence.language == "yaml"
    ]
    return [(name, content) for name, content in fences if isinstance(content, dict)]


def test_what_the_documentation_shows_fits_the_schemas() -> None:
    schemas = [make_schema(), make_suite_schema()]
    for schema in schemas:
        del schema["required"]  # most show some sections of a file
    fitting = 0
    for page, content in shown_in_documentation():
        for schema in schemas:
            if content.keys() <= schema["properties"].keys():
                found = [
                    e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(content)
                ]
                assert not found, (page, found)
                fitting += 1
                break
    assert fitting > 100


def test_editors_can_read_every_pattern(tmp_path: Path) -> None:
    """They are ECMAScript, as JSON Schema recommends (2020-12 Core §6.4)."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = "for (const p of JSON.parse(require('fs').readFileSync(0))) new RegExp(p, 'u')"
    patterns = [*find_patterns(make_schema()), *find_patterns(make_suite_schema())]

    done = subprocess.run(
        [node, "-e", script],
        input=json.dumps(patterns),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert len(patterns) > 100
    assert (done.returncode, done.stderr) == (0, "")


def find_patterns(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from find_patterns(item)
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        yield from node.get("patternProperties", {})
        for item in node.values():
            yield from find_patterns(item)


def test_every_key_shows_what_to_write() -> None:
    """An example, a default, a closed list of values, or the keys of a table."""
    for table in tables():
        for key, field in table["properties"].items():
            assert shows_values(field), (table.get("title"), key)


def shows_values(field: dict[str, Any]) -> bool:
    own = {"examples", "default", "enum", "const", "$ref"} & field.keys()
    if own or str(field.get("type")) in {"boolean", "integer", "number"}:
        return True
    below = [*field.get("anyOf", ()), *field.get("oneOf", ()), field.get("items")]
    below += [*field.get("patternProperties", {}).values(), field.get("additionalProperties")]
    return any(shows_values(one) for one in below if isinstance(one, dict))


def test_every_example_of_a_key_is_right() -> None:
    schema = make_schema()
    judged = 0
    for table in [schema, *schema["$defs"].values()]:
        for key, field in table["properties"].items():
            for example in field.get("examples", ()):
                one = {**field, "$defs": schema["$defs"]}
                errors = list(jsonschema.Draft202012Validator(one).iter_errors(example))
                assert not errors, (table.get("title"), key, example)
                judged += 1
    assert judged > 100
