"""Settings: frozen, silent about secrets, and free of what loading needs."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from gateway.settings.values.configuration import Address
from tests.settings.configs import ENVIRON, SECRET, config, load, one_issuer


def test_a_loaded_secret_is_in_no_repr(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        one_issuer("{issuer: a, secret_env: SECRET, audiences: [a]}")
        + "admin: {token_env: TOKEN}\n",
    )

    assert settings.admin is not None
    assert settings.admin.token == ENVIRON["TOKEN"]
    assert settings.issuers["main"].source.secret == SECRET.encode()
    assert SECRET not in repr(settings)
    assert ENVIRON["TOKEN"] not in repr(settings)


def test_nothing_can_change_settings_once_they_are_loaded(tmp_path: Path) -> None:
    settings = load(tmp_path, config())

    with pytest.raises(FrozenInstanceError):
        settings.listen = settings.listen  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        settings.listen[0].address.port = 1  # type: ignore[misc]


def test_addresses_are_equal_by_what_they_say() -> None:
    assert Address("a", 1) == Address("a", 1) != Address("a", 2)


def test_values_are_imported_without_pydantic_and_yaml() -> None:
    """Nothing of loading is left on the request path."""
    script = (
        "import sys, gateway.settings.values.configuration\n"
        "sys.exit(bool({'pydantic', 'yaml'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)

    assert done.returncode == 0
