"""Find suite files: those that are named, and in folders those that are called so."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

SUFFIX = ".test.yaml"


def find_suites(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files among *paths* and, in its folders, all files ``*.test.yaml``, in order.

    A file that comes up twice is taken once. Folders with a dot in front are not looked into.
    """
    found = (
        file for path in paths for file in (_in_folder(path) if os.path.isdir(path) else [path])
    )
    return tuple({os.path.realpath(file): file for file in found}.values())


def _in_folder(folder: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            if file.endswith(SUFFIX):
                yield Path(name, file)
