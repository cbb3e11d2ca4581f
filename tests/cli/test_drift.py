"""`gateway diff --openapi`: its output and its exit codes."""

import json
from pathlib import Path

import pytest

from tests.cli.config_files import run
from tests.openapi.apis import with_paths, write
from tests.openapi.gateways import text_of

GUARDED = "{name: a, match: {path: /a, methods: [GET]}, upstream: api, require: {scopes: [read]}}"
DESCRIPTION = with_paths("/a: {get: {security: [{login: [read]}]}}")


def files(folder: Path, *routes: str, description: str = DESCRIPTION) -> tuple[Path, Path]:
    config = folder / "gateway.yaml"
    config.write_text(text_of(*routes))
    return write(folder, description), config


def test_no_difference_is_one_line_and_0(tmp_path: Path) -> None:
    api, config = files(tmp_path, GUARDED)

    done = run("diff", "--openapi", api, config, "--fail-on", "any")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "no difference (1 operations, 1 routes)\n"


@pytest.mark.parametrize(
    ("access", "fail_on", "code"),
    [
        ("public: true", None, 0),
        ("public: true", "opened", 1),
        ("public: true", "closed", 0),
        ("public: true", "closed,opened", 1),
        ("public: true", "any", 1),
        ("require: {scopes: [read, write]}", "opened", 0),
        ("require: {scopes: [read, write]}", "closed", 1),
    ],
)
def test_the_exit_code_is_0_unless_a_kind_must_not_be(
    tmp_path: Path, access: str, fail_on: str | None, code: int
) -> None:
    api, config = files(tmp_path, GUARDED.replace("require: {scopes: [read]}", access))

    done = run("diff", "--openapi", api, config, *(("--fail-on", fail_on) if fail_on else ()))

    assert (done.exit_code, done.stderr) == (code, "")
    assert f"    - {api}:4: a token with" in done.stdout
    assert f"    + {config}:7: " in done.stdout


def test_json_and_annotations(tmp_path: Path) -> None:
    api, config = files(tmp_path, GUARDED.replace("require: {scopes: [read]}", "public: true"))

    as_json = run("diff", "--openapi", api, config, "--json")
    annotated = run("diff", "--openapi", api, config, "--format", "github")

    (finding,) = json.loads(as_json.stdout)["findings"]
    assert (finding["what"], finding["kind"]) == ("public", "opened")
    assert annotated.stdout.startswith("::error file=")
    assert annotated.stderr == "1 opened (1 operations, 1 routes)\n"


def test_files_with_faults_are_1_and_unreadable_ones_3(tmp_path: Path) -> None:
    api, config = files(tmp_path, GUARDED)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("a: [")

    assert run("diff", "--openapi", wrong, config).exit_code == 1
    assert run("diff", "--openapi", api, wrong).exit_code == 1
    assert run("diff", "--openapi", tmp_path / "none", config).exit_code == 3
    assert run("diff", "--openapi", api, tmp_path / "none").exit_code == 3


def test_two_configurations_or_personas_beside_a_description_are_a_usage_error(
    tmp_path: Path,
) -> None:
    api, config = files(tmp_path, GUARDED)

    assert run("diff", "--openapi", api, config, config).exit_code == 2
    assert run("diff", "--openapi", api, config, "--personas", config).exit_code == 2
    assert run("diff", config).exit_code == 2
