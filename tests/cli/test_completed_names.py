"""Names are completed from the files of a command line, and from nothing that is broken."""

from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from gateway.cli.completed_names import (
    complete_issuer,
    complete_login,
    complete_persona,
    complete_request,
)
from gateway.cli.explain.command import command as explain
from tests.cli.config_files import INVALID, write_config
from tests.cli.explained import SECRET, write_world
from tests.settings.build.login.login_configs import login, with_logins

PARAMETER = explain.params[0]


def context(**params: object) -> click.Context:
    made = click.Context(explain)
    made.params.update(params)
    return made


def test_a_request_is_a_method_and_the_path_of_a_route(tmp_path: Path) -> None:
    path = write_config(tmp_path)

    def complete(begun: str, *words: str) -> Sequence[str]:
        return complete_request(context(config=path, words=words), PARAMETER, begun)

    assert complete("P") == ["POST", "PUT", "PATCH"]
    assert complete("/") == ["/", "/healthz"]
    assert complete("/h", "GET") == ["/healthz"]
    assert complete("P", "GET") == []
    assert complete("", "GET", "/") == []


def test_issuers_and_logins_are_those_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "s" * 40)
    path = write_config(tmp_path, with_logins(login()))

    assert complete_issuer(context(config=path), PARAMETER, "") == ["main"]
    assert complete_login(context(config=path), PARAMETER, "w") == ["web"]
    assert complete_login(context(config=path), PARAMETER, "x") == []


def test_personas_are_those_of_the_suite_and_issuers_of_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_SECRET", SECRET)
    write_world(tmp_path)
    suite = tmp_path / "personas.yaml"

    assert complete_persona(context(suite_file=suite), PARAMETER, "a") == ["alice"]
    assert complete_persona(context(), PARAMETER, "a") == []
    assert "main" in complete_issuer(context(suite_file=suite), PARAMETER, "")


@pytest.mark.parametrize("text", [INVALID, "", None])
def test_a_broken_file_completes_nothing_and_says_nothing(
    text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.yaml"
    if text is not None:
        path.write_text(text)

    assert complete_issuer(context(config=path), PARAMETER, "") == []
    assert complete_persona(context(suite_file=path), PARAMETER, "") == []
    assert complete_request(context(config=path), PARAMETER, "/") == []
    assert capsys.readouterr() == ("", "")
