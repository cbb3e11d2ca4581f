"""What several tests of the project share: the gateway, installed as users install it."""

from pathlib import Path

import pytest

from tests.project.clean_install import build, install, move


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with the wheel in it, and what the wheel needs; not to be changed."""
    folder = tmp_path_factory.mktemp("installed")
    build(folder / "dist", "wheel")
    (wheel,) = (folder / "dist").glob("*.whl")
    return install(folder / "venv", wheel)


@pytest.fixture(scope="session")
def image(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what is at /opt/gateway in the image; not to be changed."""
    target = tmp_path_factory.mktemp("image") / "gateway"
    move(installed, target, "/opt/gateway")
    return target
