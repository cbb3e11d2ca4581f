"""Read the configuration file and the files it includes."""

import glob
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.settings.disk import MACHINE_DISK, Disk
from gateway.settings.document import Document, Part
from gateway.settings.fault import Code, Fault, Place
from gateway.settings.scalars import shorten
from gateway.settings.yaml_nodes import MAX_FILE_BYTES, parse_yaml


class UnreadableError(Exception):
    """The configuration file cannot be opened or read; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file: its directory, for relative paths, and what it says."""

    directory: Path
    document: Document


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """All files of a configuration. *digest* is over the bytes of all, in order.

    *disk* is where they are from, and where what they name is looked for.
    """

    main: Source
    included: tuple[Source, ...]
    digest: str
    disk: Disk


def read_sources(
    path: Path, environ: Mapping[str, str], faults: list[Fault], disk: Disk = MACHINE_DISK
) -> Sources:
    """Return the file at *path* with all that it includes.

    Raises UnreadableError for *path* itself; an included file that cannot be read is a fault.
    """
    digest = hashlib.sha256()
    try:
        content = _read(disk, path)
    except OSError as error:
        raise UnreadableError(f"cannot read {show_path(path)}: {_reason(error)}") from None
    main = _parse(path, content, environ, digest, faults)
    included: list[Source] = []
    seen = {disk.resolve(path)}
    for part, pattern in _patterns(main.document):
        for found in _matches(disk, main.directory, part, pattern, faults):
            resolved = disk.resolve(found)
            if resolved in seen:
                continue
            seen.add(resolved)
            try:
                content = _read(disk, found)
            except OSError as error:
                message = f"cannot read {show_path(found)}: {_reason(error)}"
                faults.append(part.fault(Code.MISSING_FILE, message))
                continue
            included.append(_parse(found, content, environ, digest, faults))
    return Sources(main, tuple(included), digest.hexdigest(), disk)


def read_document(path: Path, environ: Mapping[str, str]) -> Document:
    """Return the file at *path* alone, whatever it includes; raises UnreadableError."""
    try:
        content = _read(MACHINE_DISK, path)
    except OSError as error:
        raise UnreadableError(f"cannot read {show_path(path)}: {_reason(error)}") from None
    return _parse_content(path, content, environ)


def find_file(
    name: str, directory: Path, part: Part, disk: Disk, faults: list[Fault]
) -> Path | None:
    """Return the path of the file *name*, which *part* names; None where it cannot be read."""
    path = (directory / name).absolute()
    if disk.is_readable(path):
        return path
    faults.append(part.fault(Code.MISSING_FILE, f"cannot read {shorten(name)}"))
    return None


def find_files(pattern: str, directory: Path, disk: Disk) -> Sequence[Path]:
    """Return the files in *directory* that match *pattern*; a plain name is taken as it is."""
    if not glob.has_magic(pattern):
        return [directory / pattern]
    return disk.find(os.path.join(glob.escape(str(directory)), pattern))


def show_path(path: Path) -> str:
    """Return *path* as text that every stream can carry, whatever bytes are in it."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _parse(
    path: Path,
    content: bytes,
    environ: Mapping[str, str],
    digest: "hashlib._Hash",
    faults: list[Fault],
) -> Source:
    # The length before the bytes: moving text from one file to the next changes the digest.
    digest.update(len(content).to_bytes(8, "big") + content)
    document = _parse_content(path, content, environ)
    faults.extend(document.faults)
    return Source(path.parent, document)


def _parse_content(path: Path, content: bytes, environ: Mapping[str, str]) -> Document:
    if len(content) <= MAX_FILE_BYTES:
        return parse_yaml(content, show_path(path), environ)
    start = Place(show_path(path), 1, 1)
    fault = Fault(start, Code.TOO_LARGE, f"larger than {MAX_FILE_BYTES // 1024**2} MiB")
    return Document(None, start, {}, {}, {}, (fault,), False)


def _read(disk: Disk, path: Path) -> bytes:
    return disk.read(path, MAX_FILE_BYTES + 1)


def _patterns(document: Document) -> list[tuple[Part, str]]:
    include = Part(document, (), document.root).child("include")
    patterns = include.raw if isinstance(include.raw, list) else []
    return [
        (include.child(index), pattern)
        for index, pattern in enumerate(patterns)
        if isinstance(pattern, str) and pattern
    ]


def _matches(
    disk: Disk, directory: Path, part: Part, pattern: str, faults: list[Fault]
) -> Sequence[Path]:
    found = find_files(pattern, directory, disk)
    if not found:
        message = f"no file matches `{shorten(pattern)}`"
        faults.append(part.warning(Code.UNMATCHED_INCLUDE, message))
    return found


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
