"""A persona is found by its name in a suite."""

from pathlib import Path

import click
import pytest

from gateway.cli.explain.caller import find_persona
from gateway.cli.suite_file import load_suite
from gateway.settings.values.configuration import Settings
from tests.suites.worlds import load

PERSONAS = """\
version: 1
personas:
  nobody: {anonymous: true}
  alice: {issuer: main}
  stranger: {issuer: mian}
  listed: {issuer: main, revoked: [bocked]}
"""


@pytest.fixture(name="settings")
def make_settings(tmp_path: Path) -> Settings:
    return load(tmp_path)


@pytest.fixture(name="suite")
def write_suite(tmp_path: Path) -> Path:
    path = tmp_path / "personas.yaml"
    path.write_text(PERSONAS)
    return path


@pytest.mark.parametrize("name", ["nobody", "alice"])
def test_a_persona_is_found_by_its_name(name: str, suite: Path, settings: Settings) -> None:
    assert find_persona(name, load_suite(suite), settings).name == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("alcie", "no such persona: did you mean `alice`?; "),
        ("stranger", "no issuer `mian`: did you mean `main`?"),
        ("listed", "no revocation list `bocked`: did you mean `blocked`?"),
    ],
)
def test_a_persona_who_cannot_ask_is_a_usage_error(
    name: str, said: str, suite: Path, settings: Settings
) -> None:
    with pytest.raises(click.UsageError) as refused:
        find_persona(name, load_suite(suite), settings)

    assert said in refused.value.message


def test_a_suite_without_personas_says_so(suite: Path, settings: Settings) -> None:
    suite.write_text("version: 1\n")

    with pytest.raises(click.UsageError, match="has none"):
        find_persona("alice", load_suite(suite), settings)
