"""Read the files of a configuration from the disk, or from a record of an earlier reading."""

import glob
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar, cast

T = TypeVar("T")


class Disk(Protocol):
    """Access to the files of a configuration; each method may raise OSError.

    Loading reads files only through this, so replaying its results yields the very same
    configuration, whatever happened to the files since.
    """

    def read(self, path: Path, most_bytes: int) -> bytes:
        """Return the first *most_bytes* of the file at *path*, or all if there are fewer."""

    def find(self, pattern: str) -> tuple[Path, ...]:
        """Return the files whose names match *pattern*, in order; ``*`` and ``**`` match."""

    def resolve(self, path: Path) -> Path:
        """Return *path* with all links resolved."""

    def is_readable(self, path: Path) -> bool:
        """Return whether *path* is a file that we may read."""


class MachineDisk:
    """The disk of this machine as it is now."""

    def read(self, path: Path, most_bytes: int) -> bytes:
        """Return the first *most_bytes* of the file at *path*, or all if there are fewer."""
        try:
            with path.open("rb") as file:
                return file.read(most_bytes)
        except ValueError:  # a NUL in the name
            raise OSError("not a file name") from None

    def find(self, pattern: str) -> tuple[Path, ...]:
        """Return the files whose names match *pattern*, in order; ``*`` and ``**`` match."""
        found = (name for name in glob.iglob(pattern, recursive=True) if os.path.isfile(name))
        return tuple(map(Path, sorted(found)))

    def resolve(self, path: Path) -> Path:
        """Return *path* with all links resolved."""
        try:
            return path.resolve()
        except RuntimeError:
            raise OSError("its links go round in a circle") from None
        except ValueError:  # a NUL in the name
            raise OSError("not a file name") from None

    def is_readable(self, path: Path) -> bool:
        """Return whether *path* is a file that we may read."""
        # Not Path.is_file, which raises for too long a name or an unreadable directory.
        return os.path.isfile(path) and os.access(path, os.R_OK)


MACHINE_DISK = MachineDisk()

Question = tuple[str, str]
"""The name of a method of `Disk`, and its argument: a path or a pattern."""


@dataclass(frozen=True, slots=True)
class Record:
    """The result of each question to a disk: a value, or the OSError it raised.

    It can be pickled. It may hold private keys: never log it.
    """

    answers: dict[Question, object] = field(default_factory=dict, repr=False)

    def paths(self) -> tuple[str, ...]:
        """Return every path and pattern that was asked for, sorted, each once."""
        return tuple(sorted({name for _, name in self.answers}))


class RecordingDisk:
    """A wrapper of *disk* that keeps every result in *record*.

    The first result stays: a file that changes while loading is read once.
    """

    def __init__(self, disk: Disk = MACHINE_DISK) -> None:
        self._disk = disk
        self.record = Record()

    def read(self, path: Path, most_bytes: int) -> bytes:
        """Return the first *most_bytes* of the file at *path*, or all if there are fewer."""
        return self._ask(("read", str(path)), lambda: self._disk.read(path, most_bytes))

    def find(self, pattern: str) -> tuple[Path, ...]:
        """Return the files whose names match *pattern*, in order; ``*`` and ``**`` match."""
        return self._ask(("find", pattern), lambda: self._disk.find(pattern))

    def resolve(self, path: Path) -> Path:
        """Return *path* with all links resolved."""
        return self._ask(("resolve", str(path)), lambda: self._disk.resolve(path))

    def is_readable(self, path: Path) -> bool:
        """Return whether *path* is a file that we may read."""
        return self._ask(("is_readable", str(path)), lambda: self._disk.is_readable(path))

    def _ask(self, question: Question, answer: Callable[[], T]) -> T:
        answers = self.record.answers
        if question not in answers:
            try:
                answers[question] = answer()
            except OSError as error:
                answers[question] = error
        known = answers[question]
        if isinstance(known, OSError):
            raise known
        return cast("T", known)


class NeverRead:
    """The disk behind a complete record: it has nothing more."""

    def read(self, path: Path, most_bytes: int) -> bytes:
        """Raise OSError."""
        raise FileNotFoundError(f"{path} was not read before")

    def find(self, pattern: str) -> tuple[Path, ...]:
        """Raise OSError."""
        raise FileNotFoundError(f"{pattern} was not looked for before")

    def resolve(self, path: Path) -> Path:
        """Raise OSError."""
        raise FileNotFoundError(f"{path} was not resolved before")

    def is_readable(self, path: Path) -> bool:
        """Raise OSError."""
        raise FileNotFoundError(f"{path} was not looked at before")


def replay(record: Record) -> Disk:
    """Return a disk that answers as *record* says, and raises OSError for anything else."""
    disk = RecordingDisk(NeverRead())
    disk.record.answers.update(record.answers)
    return disk
