"""Who asks is found in a suite, or in a place where a token lies."""

from pathlib import Path

import click
import pytest

from gateway.cli.explain_caller import find_persona, load_suite, read_token
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


@pytest.mark.parametrize(("text", "code"), [("version: 2\n", 1), (None, 3)])
def test_a_suite_that_cannot_be_used_is_the_end(
    text: str | None, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "suite.yaml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(SystemExit) as end:
        load_suite(path)

    assert end.value.code == code
    assert "suite.yaml" in capsys.readouterr().err


def test_a_token_is_read_whatever_it_is_worth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("T", "Bearer x")

    assert read_token("env:T") == b"x"
    with pytest.raises(click.UsageError, match="history"):
        read_token("eyJ")
    with pytest.raises(SystemExit) as end:
        read_token("env:NO_SUCH_VARIABLE")
    assert (end.value.code, capsys.readouterr().err) == (
        3,
        "gateway: the environment variable is not set\n",
    )
