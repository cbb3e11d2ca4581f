"""Shared fixtures: the gateway, installed as users install it."""

from pathlib import Path

import pytest

from tests.project.clean_install import build, install, move


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with the wheel and its dependencies; tests must not change it."""
    folder = tmp_path_factory.mktemp("installed")
    build(folder / "dist", "wheel")
    (wheel,) = (folder / "dist").glob("*.whl")
    return install(folder / "venv", wheel)


@pytest.fixture(scope="session")
def image(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the contents of /opt/gateway in the image; tests must not change it."""
    target = tmp_path_factory.mktemp("image") / "gateway"
    move(installed, target, "/opt/gateway")
    return target
