"""Sample mutants and see which live: ``python -m tests.mutants [FOLDER OR MODULE …]``.

Each mutant is tried in a copy of the project, by the tests that mirror its module and, where it
survives them, by those of its folder. SECONDS bounds the run, SEED repeats one.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.mutate import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
FOLDERS = ("gateway/decision", "gateway/keyring", "gateway/http")
_DEFAULT_SECONDS = 600
_TRIAL_SECONDS = 120  # a mutant that hangs its tests is noticed
_NO_TESTS = 5  # pytest's exit code where it found none: nothing was noticed


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def mirrors_of(module: Path, root: Path) -> Iterator[list[Path]]:
    """Yield the tests of *module*, from its own to those of the folder that it is in."""
    folder = root / "tests" / module.parent.relative_to("gateway")
    own = sorted(folder.glob(f"test_{module.stem}.py")) + sorted(
        folder.glob(f"test_{module.stem}_*.py")
    )
    if own:
        yield own
    if folder.is_dir():
        yield [folder]


def is_noticed(mutant: Mutant, module: Path, root: Path) -> bool:
    """Return whether a test of the copy in *root* fails with *mutant* in the place of *module*."""
    original = (root / module).read_text()
    (root / module).write_text(mutant.source)
    try:
        return any(_fails(tests, root) for tests in mirrors_of(module, root))
    finally:
        (root / module).write_text(original)


def fails_unchanged(module: Path, root: Path) -> bool:
    """Return whether the tests of *module* fail without a mutant: then they notice nothing."""
    return any(_fails(tests, root) for tests in mirrors_of(module, root))


def _fails(tests: list[Path], root: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, *map(str, tests)],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
            timeout=_TRIAL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return True
    # An error while tests are collected (a module that does not load) is noticed, too.
    return done.returncode not in {0, _NO_TESTS}


def copy_project(folder: Path) -> Path:
    """Copy what the tests need of the project into *folder*; return the copy."""
    copy = folder / "project"
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=ignored, symlinks=True)
    return copy


def main() -> int:
    """Try as many mutants as there is time for; name those that no test noticed.

    Return 1 where tests fail without a mutant, or take too long: each mutant would count as
    noticed.
    """
    places = [ROOT / place for place in sys.argv[1:] or FOLDERS]
    seconds = float(os.environ.get("SECONDS") or _DEFAULT_SECONDS)
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    modules = [
        path.relative_to(ROOT)
        for place in places
        for path in ([place] if place.is_file() else sorted(place.rglob("*.py")))
    ]
    sample = [
        (module, one) for module in modules for one in mutants_of((ROOT / module).read_text())
    ]
    random.Random(seed).shuffle(sample)
    tried, survivors, end = 0, 0, time.monotonic() + seconds
    sound: set[Path] = set()  # modules whose tests pass as they are
    with tempfile.TemporaryDirectory() as folder:
        root = copy_project(Path(folder))
        for module, mutant in sample:
            if time.monotonic() >= end:
                break
            if module not in sound:
                if fails_unchanged(module, root):
                    _say(f"{module}: its tests fail without a mutant, or take too long")
                    return 1
                sound.add(module)
            tried += 1
            if not is_noticed(mutant, module, root):
                survivors += 1
                _say(f"{module}:{mutant.line}: {mutant.before} became {mutant.after}")
    _say(f"{tried} of {len(sample)} mutants tried, {survivors} noticed by no test; SEED={seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
