"""Install only the wheel and its dependencies, into an environment of its own."""

import hashlib
import re
import shutil
import subprocess
import sys
import venv
from base64 import urlsafe_b64decode
from importlib.metadata import Distribution, PackagePath, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def build(folder: Path, *targets: str, source: Path = ROOT) -> None:
    """Build the wheel, the source archive, or both into *folder*; no network is needed."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    for target in targets:
        command += ["--target", target]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)


def runtime_packages() -> list[str]:
    """Return the names in the lock of the image that this Python and machine install."""
    lines = (ROOT / "requirements" / "runtime.txt").read_text().splitlines()
    entries = [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"[a-z0-9]", line)]
    return [one.name for one in entries if one.marker is None or one.marker.evaluate()]


def install(folder: Path, wheel: Path) -> Path:
    """Make an environment in *folder* with the locked dependencies and *wheel*; return it.

    The dependencies are copied from the environment of the tests, in the versions of the lock,
    each file against the hash in its package's own record; the hash of *wheel* is checked by
    pip. So no index is asked, and an import that only the tools of the tests satisfy fails.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python3.*/site-packages")
    for name in runtime_packages():
        _copy(distribution(name), site)
    locked = folder / "wheel.txt"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    locked.write_text(f"jwt-gateway @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    pip(folder, "install", "--no-index", "--no-deps", "--require-hashes", "-r", str(locked))
    subprocess.run(
        [folder / "bin" / "python", "-m", "compileall", "-q", site], check=True, timeout=120
    )
    return folder


def move(environment: Path, target: Path, place: str) -> None:
    """Copy *environment* to *target*, which will be mounted at *place*."""
    shutil.copytree(environment, target, symlinks=True)
    command = target / "bin" / "gateway"
    _, _, rest = command.read_text().partition("\n")
    command.write_text(f"#!{place}/bin/python\n{rest}")


def pip(folder: Path, *arguments: str) -> str:
    """Run pip on the environment in *folder*; return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _copy(package: Distribution, site: Path) -> None:
    for file in package.files or ():
        if ".." in file.parts or file.suffix == ".pyc":  # programs, and what Python itself makes
            continue
        _check(package, file)
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.locate(), target)


def _check(package: Distribution, file: PackagePath) -> None:
    if file.hash is None:  # the record itself has none, nor has what the installer noted
        assert file.parts[0].endswith(".dist-info"), file
        return
    found = hashlib.new(file.hash.mode, Path(str(file.locate())).read_bytes()).digest()
    assert found == urlsafe_b64decode(file.hash.value + "=="), f"{package.name}: {file}"
