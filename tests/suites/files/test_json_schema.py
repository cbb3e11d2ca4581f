"""The schema of suite files is current, closed, described, and fits what is read."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from gateway.suites.files.models import format_suite_schema, make_suite_schema
from gateway.suites.files.read_suite import BrokenSuite, read_suite
from gateway.suites.running.ready import Configurations, ReadySuite, make_ready
from gateway.suites.simulation.token_attacks import ATTACKS
from tests.project.console import find_fences
from tests.suites.login_world import LOGIN_ESTATE
from tests.suites.worlds import FAILING, SUITE

ROOT = Path(__file__).parents[3]
DOCUMENTATION = (ROOT / "docs" / "suites.md").read_text()
SUITES = sorted((ROOT / "config").glob("**/*.test.yaml"))
PERSONAS = sorted((ROOT / "config").glob("**/personas.yaml"))


def tables() -> list[dict[str, Any]]:
    schema = make_suite_schema()
    return [schema, *schema["$defs"].values()]


def test_the_committed_schema_is_current() -> None:
    committed = (ROOT / "config" / "suite.schema.json").read_text()

    message = "run: gateway schema --suite > config/suite.schema.json"
    assert committed == format_suite_schema(), message


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(make_suite_schema())


@pytest.mark.parametrize("text", [SUITE, FAILING, *(path.read_text() for path in SUITES)])
def test_every_example_fits_the_schema(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), make_suite_schema())


@pytest.mark.parametrize("path", PERSONAS, ids=str)
def test_every_file_of_personas_fits_its_part_of_the_schema(path: Path) -> None:
    schema = make_suite_schema()

    personas = {"$ref": "#/$defs/PersonasFile", "$defs": schema["$defs"]}

    jsonschema.validate(yaml.safe_load(path.read_text()), personas)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("version: 1", "version: 2"),
        ("tests:", "test:"),
        ("alice: allow", "alice: alow"),
        ("alice: allow", "alice: {alow: {}}"),
        ("alice: allow", "alice: {allow: {header: {}}}"),
        ("alice: allow", "alice: {allow: {absent: []}}"),
        ("{anonymous: true}", "{anonymous: false}"),
        ("{anonymous: true}", "{}"),
        ("{extends: alice,", "{extends: alice, times: {exp: 5m},"),
        ("{extends: alice,", "{extends: alice, attack: nonesuch,"),
        ("{extends: alice,", "{extends: alice, algorithm: none,"),
        ("gateway: gateway.yaml", "gateway: gateway.yaml\nat: 5"),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(good: str, bad: str, tmp_path: Path) -> None:
    text = SUITE.replace(good, bad, 1)
    path = tmp_path / "a.test.yaml"
    path.write_text(text)

    assert isinstance(read_suite(path, {}), BrokenSuite)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), make_suite_schema())


def test_every_table_is_closed() -> None:
    assert all(table["additionalProperties"] is False for table in tables())


def test_every_key_is_described_in_the_schema_and_in_the_documentation() -> None:
    for table in tables():
        for key, field in table["properties"].items():
            row = next(
                (
                    line
                    for line in DOCUMENTATION.splitlines()
                    if line.startswith(f"| `{key}` |") and field["description"] in line
                ),
                None,
            )
            if key == "allow":
                continue  # the long form, which has a section of its own
            assert row is not None, key
            default = field.get("default")
            if default is not None:
                shown = default if isinstance(default, str) else json.dumps(default)
                assert f"`{shown}`" in row


def test_every_attack_is_in_the_documentation_and_no_other() -> None:
    table = DOCUMENTATION.partition("| attack |")[2].partition("\n\n")[0]

    assert [line.split("`")[1] for line in table.splitlines() if "`" in line] == list(ATTACKS)


CALLS = """\
version: 1
issuers: {main: {issuer: "https://login.example/", discovery: true, audiences: [shop]}}
upstreams: {shop: {servers: ["http://10.0.0.7:8000"], protocol: h2c}}
routes:
  - {name: a, match: {path_prefix: /shop.Orders/}, upstream: shop, require: {scopes: [orders]}}
"""
CALLERS = """\
personas:
  nobody: {anonymous: true}
  guest: {issuer: main}
  alice: {issuer: main, claims: {scope: orders}}
"""


def test_the_example_of_the_documentation_is_true(tmp_path: Path) -> None:
    examples = [fence for fence in find_fences(DOCUMENTATION) if fence.language == "yaml"]
    example, by_session, calls = examples
    assert_true(tmp_path, example.body, ROOT / "config" / "gateway.yaml")
    config = tmp_path / "gateway.yaml"
    config.write_text(LOGIN_ESTATE.replace("https://app.example", "https://app.example.com"))
    assert_true(tmp_path, f"version: 1\n{by_session.body}", config)
    config.write_text(CALLS)
    assert_true(tmp_path, f"version: 1\n{CALLERS}{calls.body}", config)


def assert_true(directory: Path, text: str, config: Path) -> None:
    path = directory / "a.test.yaml"
    path.write_text(text)

    ready = make_ready(path, config, {}, Configurations({}))

    assert isinstance(ready, ReadySuite), ready
    assert all(ready.judge(test, persona).passed for test, persona in ready.cases())
