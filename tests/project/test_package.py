"""The wheel and the source archive, built without a network."""

import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import gateway

ROOT = Path(__file__).parents[2]
VERSION = gateway.__version__


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def wheel_names(built: Path) -> list[str]:
    with zipfile.ZipFile(built / f"jwt_gateway-{VERSION}-py3-none-any.whl") as wheel:
        return wheel.namelist()


@pytest.fixture(scope="module")
def metadata(built: Path) -> Message:
    with zipfile.ZipFile(built / f"jwt_gateway-{VERSION}-py3-none-any.whl") as wheel:
        text = wheel.read(f"jwt_gateway-{VERSION}.dist-info/METADATA").decode()
    return Parser().parsestr(text)


@pytest.fixture(scope="module")
def sdist_names(built: Path) -> list[str]:
    with tarfile.open(built / f"jwt_gateway-{VERSION}.tar.gz") as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def test_the_wheel_tells_type_checkers_that_it_is_typed(wheel_names: list[str]) -> None:
    assert "gateway/py.typed" in wheel_names


def test_the_wheel_carries_its_licence(wheel_names: list[str]) -> None:
    assert f"jwt_gateway-{VERSION}.dist-info/licenses/LICENSE" in wheel_names


def test_the_wheel_holds_every_module_of_the_package_and_no_test(wheel_names: list[str]) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "gateway").rglob("*.py")}

    assert modules <= set(wheel_names)
    assert not [name for name in wheel_names if name.startswith(("tests/", "benchmarks/"))]


def test_the_wheel_installs_the_command_and_the_plugin_of_pytest(built: Path) -> None:
    with zipfile.ZipFile(built / f"jwt_gateway-{VERSION}-py3-none-any.whl") as wheel:
        entry_points = wheel.read(f"jwt_gateway-{VERSION}.dist-info/entry_points.txt").decode()

    assert "gateway = gateway.__main__:main" in entry_points
    assert "jwt-gateway = gateway.suites.pytest_plugin" in entry_points


def test_the_demo_configuration_is_within_reach_of_an_installed_gateway(
    wheel_names: list[str],
) -> None:
    assert "gateway/config/demo.yaml" in wheel_names


def test_the_wheel_has_the_pages_and_the_manual_page_byte_for_byte(built: Path) -> None:
    with zipfile.ZipFile(built / f"jwt_gateway-{VERSION}-py3-none-any.whl") as wheel:
        pages = {
            name.removeprefix("gateway/docs/"): wheel.read(name)
            for name in wheel.namelist()
            if name.startswith("gateway/docs/") and name.endswith(".md")
        }
        manual = wheel.read(f"jwt_gateway-{VERSION}.data/data/share/man/man1/gateway.1")

    folder = ROOT / "docs"
    assert pages == {
        str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.md")
    }
    assert manual == (ROOT / "man" / "gateway.1").read_bytes()


def test_the_metadata_is_what_an_index_shows(metadata: Message) -> None:
    assert metadata["Name"] == "jwt-gateway"
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"


def test_an_index_takes_the_metadata_of_both(built: Path) -> None:
    """Validated against the core metadata specification, as an index does on upload."""
    base = f"jwt_gateway-{VERSION}"
    with zipfile.ZipFile(built / f"{base}-py3-none-any.whl") as wheel:
        of_wheel = wheel.read(f"{base}.dist-info/METADATA")
    with tarfile.open(built / f"{base}.tar.gz") as archive:
        member = archive.extractfile(f"{base}/PKG-INFO")
        assert member is not None
        of_sdist = member.read()

    for raw in (of_wheel, of_sdist):
        checked = Metadata.from_email(raw, validate=True)
        assert checked.description_content_type == "text/markdown"
        assert {one.name.lower() for one in checked.requires_dist or ()} >= {"aiohttp", "pyjwt"}


@pytest.mark.parametrize(
    "name",
    ["README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "config/demo.yaml", "man/gateway.1"],
)
def test_the_source_archive_holds_what_a_packager_needs(sdist_names: list[str], name: str) -> None:
    assert name in sdist_names


def test_the_source_archive_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    with tarfile.open(built / f"jwt_gateway-{VERSION}.tar.gz") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # 3.11.2 has none
        archive.extractall(tmp_path)
    source = tmp_path / f"jwt_gateway-{VERSION}"
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]

    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)

    wheel = f"jwt_gateway-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(built / wheel) as ours, zipfile.ZipFile(source / "dist" / wheel) as theirs:
        assert ours.namelist() == theirs.namelist()
        assert [ours.read(name) for name in ours.namelist()] == [
            theirs.read(name) for name in theirs.namelist()
        ]
