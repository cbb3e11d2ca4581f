"""The options that verbs share."""

import json
from pathlib import Path

import click
import pytest

from gateway.cli.options import Word, find_color
from tests.cli.config_files import INVALID, run, write_config


def test_another_word_names_the_nearest_and_is_not_repeated() -> None:
    with pytest.raises(click.BadParameter) as refused:
        Word(["text", "json", "github"]).convert("jsno-secret", None, None)

    assert refused.value.message == "choose text, json or github"
    with pytest.raises(click.BadParameter, match="did you mean `github`"):
        Word(["text", "json", "github"]).convert("githup", None, None)


@pytest.mark.parametrize(
    "arguments", [["--json"], ["--format", "json"], ["--json", "--format", "json"]]
)
def test_json_is_short_for_the_format(arguments: list[str], tmp_path: Path) -> None:
    done = run("check", write_config(tmp_path), *arguments)

    assert json.loads(done.stdout)["valid"]


@pytest.mark.parametrize("form", ["text", "github"])
def test_two_formats_are_a_usage_error(form: str, tmp_path: Path) -> None:
    done = run("check", write_config(tmp_path), "--format", form, "--json")

    assert done.exit_code == 2
    assert f"leave out --format {form}" in done.stderr


@pytest.mark.parametrize(
    ("environ", "color"),
    [
        ({}, None),
        ({"NO_COLOR": "", "FORCE_COLOR": ""}, None),
        ({"NO_COLOR": "0"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ({"FORCE_COLOR": "0"}, None),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm"}, None),
    ],
)
def test_the_environment_says_whether_there_are_colours(
    environ: dict[str, str], color: bool | None
) -> None:
    """https://no-color.org, https://force-color.org."""
    assert find_color(environ) is color


NEITHER = {"NO_COLOR": None, "FORCE_COLOR": None}


@pytest.mark.parametrize(
    ("arguments", "env", "coloured"),
    [
        (["check", "--color", "always"], {}, True),
        (["--color", "always", "check"], {}, True),
        (["check", "--color", "always"], {"NO_COLOR": "1"}, True),
        (["check"], {"FORCE_COLOR": "1"}, True),
        (["check", "--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["check", "--color", "auto"], {}, False),
        (["check"], {}, False),
    ],
)
def test_an_option_says_more_than_the_environment(
    arguments: list[str], env: dict[str, str], coloured: bool, tmp_path: Path
) -> None:
    done = run(*arguments, write_config(tmp_path, INVALID), env={**NEITHER, **env})

    assert done.exit_code == 1
    assert ("\x1b[" in done.stderr) is coloured


def test_each_verb_of_a_group_has_colours_as_an_option() -> None:
    assert "--color" in run("token", "get", "--help").stdout
