"""The token of the admin port comes from a source that nobody sees, or there is none."""

from pathlib import Path

import pytest

from gateway.cli.admin_port import admin_credential
from gateway.cli.admin_settings import UnreadableError
from tests.cli.config_files import VALID, write_config


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "here")
    monkeypatch.setenv("THERE", "there")


@pytest.mark.parametrize(
    ("source", "admin", "expected"),
    [
        (None, "{token_env: HERE}", "Bearer here"),
        ("env:THERE", "{token_env: HERE}", "Bearer there"),
        (None, "{token_env: NOT_SET}", None),
        (None, "127.0.0.1:9901", None),
        (None, "false", None),
    ],
)
def test_a_source_comes_before_what_the_configuration_names(
    source: str | None, admin: str, expected: str | None, tmp_path: Path
) -> None:
    path = write_config(tmp_path, VALID + f"admin: {admin}\n")

    assert admin_credential(source, path).get("Authorization") == expected


def test_without_a_configuration_there_is_only_the_source() -> None:
    assert admin_credential(None, None) == {}
    assert admin_credential("env:THERE", None) == {"Authorization": "Bearer there"}


def test_a_configuration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        admin_credential(None, tmp_path / "absent.yaml")
