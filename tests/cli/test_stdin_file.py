"""A dash is stdin wherever a file is read."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import command
from gateway.cli.stdin_file import STDIN, StdinDisk
from tests.cli.config_files import INVALID, VALID, write_config
from tests.cli.explained import PERSONAS

TESTS = """\
version: 1
gateway: gateway.yaml
personas:
  nobody: {anonymous: true}
tests:
  - {name: health, request: GET http://a/healthz, expect: {nobody: allow}}
"""


def run_with(stdin: str, *arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(command, words, input=stdin, prog_name="gateway")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "-"],
        ["check", "--config", "-"],
        ["routes", "-"],
        ["diff", "-", "FILE"],
        ["diff", "FILE", "-"],
        ["explain", "/healthz", "--config", "-"],
        ["explain", "--issuer", "main", "--config", "-"],
    ],
)
def test_a_configuration_from_stdin_is_as_good_as_a_file(
    arguments: list[str], tmp_path: Path
) -> None:
    file = write_config(tmp_path)

    done = run_with(VALID, *(word.replace("FILE", str(file)) for word in arguments))

    assert (done.exit_code, done.stderr) == (0, "")


def test_its_faults_name_stdin_and_their_place() -> None:
    done = run_with(INVALID, "check", "-")

    assert done.exit_code == 1
    assert done.stderr.startswith("<stdin>:9:1: unknown_key: ")
    assert done.stderr.endswith("<stdin>: invalid, 2 errors\n")


def test_names_in_it_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more.yaml").write_text(
        "routes:\n  - {name: b, match: {path: /b}, upstream: orders, require: {}}\n"
    )

    done = run_with(f"{VALID}include: [more.yaml]\n", "check", "-", "--json")

    assert json.loads(done.stdout)["includes"][0]["found"] == ["more.yaml"]


@pytest.mark.parametrize(
    ("stdin", "arguments"),
    [
        (TESTS, ["test", "-"]),
        (TESTS, ["test", "-", "--config", "gateway.yaml"]),
        (VALID, ["test", "access.test.yaml", "--config", "-"]),
        (TESTS, ["explain", "http://a/healthz", "--as", "nobody", "--suite", "-"]),
        (TESTS, ["diff", "gateway.yaml", "gateway.yaml", "--personas", "-"]),
    ],
)
def test_a_suite_from_stdin_is_as_good_as_a_file(
    stdin: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path)
    (tmp_path / "access.test.yaml").write_text(TESTS)

    done = run_with(stdin, *arguments)

    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "-", "-"], "stdin (-) is OLD already: pass NEW in a file"),
        (["test", "-", "--config", "-"], "stdin (-) is the configuration already"),
        (["explain", "/x", "--config", "-", "--token", "-"], "stdin (-) is the configuration"),
        (["run", "-"], "name a file, not -"),
    ],
)
def test_stdin_is_one_file(arguments: list[str], message: str) -> None:
    done = run_with(VALID, *arguments)

    assert done.exit_code == 2
    assert message in done.stderr


def test_an_admin_port_is_found_in_a_configuration_from_stdin() -> None:
    done = run_with(f"{VALID}admin: false\n", "healthcheck", "-")

    assert (done.exit_code, done.stderr) == (1, "gateway: <stdin> turns the admin port off\n")


def test_a_suite_of_personas_is_read_once() -> None:
    assert (
        "--as: no such persona"
        in run_with(
            PERSONAS,
            "explain",
            "/x",
            "--as",
            "bob",
            "--suite",
            "-",
            "--config",
            "config/gateway.yaml",
        ).stderr
    )


def test_as_much_is_read_as_is_asked_for_and_the_end_only_once() -> None:
    reads: list[bytes] = []

    @click.command()
    def verb() -> None:
        disk = StdinDisk()
        reads.extend(disk.read(STDIN, most) for most in (2, 4, 1, 99, 99))

    CliRunner().invoke(verb, input="abcdef", catch_exceptions=False)

    assert reads == [b"ab", b"abcd", b"a", b"abcdef", b"abcdef"]
