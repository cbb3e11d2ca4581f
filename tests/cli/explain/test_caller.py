"""A persona is found by its name in a suite."""

from pathlib import Path

import click
import pytest

from gateway.cli.explain.caller import find_persona
from gateway.cli.suite_file import load_suite
from gateway.settings.values.configuration import Settings
from tests.suites.login_world import LOGIN_ESTATE
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


SESSIONS = """\
version: 1
personas:
  alice: {issuer: main, session: web}
  nobody: {issuer: main, session: wbe}
  stranger: {issuer: partner, session: web}
"""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nobody", "no login `wbe`: did you mean `web`?"),
        ("stranger", "a session of `web` has a token of the issuer `main`, not of `partner`"),
    ],
)
def test_a_session_is_one_that_the_configuration_may_have(
    name: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "personas.yaml"
    path.write_text(SESSIONS)
    suite, settings = load_suite(path), load(tmp_path, LOGIN_ESTATE)

    assert find_persona("alice", suite, settings).session == "web"
    with pytest.raises(click.UsageError, match=problem.replace("?", r"\?")):
        find_persona(name, suite, settings)
