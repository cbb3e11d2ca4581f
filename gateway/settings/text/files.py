"""Read the configuration file and the files it includes."""

import glob
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.settings.text.disk import MACHINE_DISK, Disk
from gateway.settings.text.document import Document, Part
from gateway.settings.text.fault import Code, Fault, Place
from gateway.settings.text.grants import Grant, Include
from gateway.settings.text.scalars import shorten
from gateway.settings.text.variables import Withheld
from gateway.settings.text.yaml_nodes import MAX_FILE_BYTES, parse_yaml


class UnreadableError(Exception):
    """A file that everything else is in is unreadable; the message says which and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot read {show_path(path)}: {reason}")
        self._file = show_path(path)

    @property
    def fault(self) -> Fault:
        """Return it as a fault at the beginning of that file."""
        return Fault(Place(self._file, 1, 1), Code.MISSING_FILE, str(self))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file: its directory, for relative paths, and its content."""

    directory: Path
    document: Document


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """All files of a configuration. *digest* covers the bytes of all, in order.

    *disk* is where they and the files that they name are read. *includes* are the entries of
    `include`, also those that match no file.
    """

    main: Source
    included: tuple[Source, ...]
    digest: str
    disk: Disk
    includes: tuple[Include, ...] = ()


def read_sources(
    path: Path, environ: Mapping[str, str], faults: list[Fault], disk: Disk = MACHINE_DISK
) -> Sources:
    """Return the file at *path* with all files that it includes.

    Raises UnreadableError for *path* itself; an included file that cannot be read is a fault.
    """
    digest = hashlib.sha256()
    try:
        content = _read(disk, path)
    except OSError as error:
        raise UnreadableError(path, _reason(error)) from None
    main = _parse(path, content, environ, digest, faults)
    included: list[Source] = []
    seen: dict[Path, Include | None] = {disk.resolve(path): None}
    entries = _entries(main.document)
    for part, pattern, include in entries:
        for found in _matches(disk, main.directory, part, pattern, faults):
            try:
                resolved = disk.resolve(found)
                if resolved in seen:
                    _refuse_other_grants(seen[resolved], include, found, part, faults)
                    continue
                seen[resolved] = include
                content = _read(disk, found)
            except OSError as error:
                message = f"cannot read {show_path(found)}: {_reason(error)}"
                faults.append(part.fault(Code.MISSING_FILE, message))
                continue
            included.append(_parse(found, content, environ, digest, faults, include))
    includes = tuple(include for _, _, include in entries)
    return Sources(main, tuple(included), digest.hexdigest(), disk, includes)


def read_document(path: Path, environ: Mapping[str, str], disk: Disk = MACHINE_DISK) -> Document:
    """Return the file at *path* alone, without its includes; raises UnreadableError."""
    try:
        content = _read(disk, path)
    except OSError as error:
        raise UnreadableError(path, _reason(error)) from None
    return _parse_content(path, content, environ)


def find_file(
    name: str, directory: Path, part: Part, disk: Disk, faults: list[Fault]
) -> Path | None:
    """Return the path of the file *name*, which *part* names; None if it is unreadable.

    *directory* is that of the file which contains *part*. Without a grant, an included file can
    read nothing outside it: not through `..`, and not through a link.
    """
    path = (directory / name).absolute()
    refused = part.document.refuse(f"read {shorten(name)}, outside of its directory", Grant.FILES)
    if refused is not None and not _is_inside(path, directory, disk):
        faults.append(part.fault(Code.NOT_GRANTED, refused))
        return None
    if disk.is_readable(path):
        return path
    faults.append(part.fault(Code.MISSING_FILE, f"cannot read {shorten(name)}"))
    return None


def read_bounded(  # noqa: PLR0913, PLR0917 - as `find_file`, and how much of it
    name: str, directory: Path, part: Part, disk: Disk, most_bytes: int, faults: list[Fault]
) -> tuple[Path, bytes] | None:
    """Return the path of the file *name*, as `find_file` does, and its content.

    Of a file that is larger than *most_bytes*, that is one byte more.
    """
    path = find_file(name, directory, part, disk, faults)
    if path is None:
        return None
    try:
        return path, disk.read(path, most_bytes + 1)
    except OSError:  # a directory, or a failing disk
        faults.append(part.fault(Code.MISSING_FILE, f"cannot read {shorten(name)}"))
        return None


def find_files(pattern: str, directory: Path, disk: Disk) -> Sequence[Path]:
    """Return the files in *directory* that match *pattern*; a plain name matches itself."""
    if not glob.has_magic(pattern):
        return [directory / pattern]
    return disk.find(os.path.join(glob.escape(str(directory)), pattern))


def show_path(path: Path) -> str:
    """Return *path* as text that every stream can encode, whatever bytes it has."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_inside(path: Path, directory: Path, disk: Disk) -> bool:
    try:
        return disk.resolve(path).is_relative_to(disk.resolve(directory))
    except OSError:
        return False


def _parse(  # noqa: PLR0913, PLR0917 - what is read, as what, and what becomes of it
    path: Path,
    content: bytes,
    environ: Mapping[str, str],
    digest: "hashlib._Hash",
    faults: list[Fault],
    include: Include | None = None,
) -> Source:
    # The length comes first, so that moving text from one file to the next changes the digest.
    digest.update(len(content).to_bytes(8, "big") + content)
    readable: Mapping[str, str] | Withheld = environ
    if include is not None and not include.allows(Grant.ENVIRONMENT):
        message = include.refuse("read the environment by `${…}`", Grant.ENVIRONMENT)
        readable = Withheld(f"{message}; `$${{` is a literal `${{`")
    document = replace(_parse_content(path, content, readable), include=include)
    faults.extend(document.faults)
    return Source(path.parent, document)


def _parse_content(path: Path, content: bytes, environ: Mapping[str, str] | Withheld) -> Document:
    if len(content) <= MAX_FILE_BYTES:
        return parse_yaml(content, show_path(path), environ)
    start = Place(show_path(path), 1, 1)
    fault = Fault(start, Code.TOO_LARGE, f"larger than {MAX_FILE_BYTES // 1024**2} MiB")
    return Document(None, start, {}, {}, {}, (fault,), False)


def _read(disk: Disk, path: Path) -> bytes:
    return disk.read(path, MAX_FILE_BYTES + 1)


def _entries(document: Document) -> list[tuple[Part, str, Include]]:
    """Return the valid entries of `include`; faults in others are reported with their shape."""
    section = Part(document, (), document.root).child("include")
    found: list[tuple[Part, str, Include]] = []
    for index in range(len(section.raw) if isinstance(section.raw, list) else 0):
        entry = section.child(index)
        part = entry.child("files") if isinstance(entry.raw, dict) else entry
        if isinstance(part.raw, str) and part.raw:
            found.append((part, part.raw, _read_entry(entry, part)))
    return found


def _read_entry(entry: Part, files: Part) -> Include:
    document, hosts, under = entry.document, entry.child("hosts"), entry.child("under")
    return Include(
        document.text_at(files.path, str(files.raw)),
        _grants(entry.child("may")),
        document.value_place(entry.path),
        _texts(hosts),
        _texts(under),
        ", ".join(_written(part) for part in (hosts, under) if part.raw is not None),
    )


def _grants(part: Part) -> frozenset[Grant]:
    """Return the grants that *part* lists; an unknown word grants nothing."""
    words = part.raw if isinstance(part.raw, list) else []
    return frozenset(grant for grant in Grant if grant.value in words)


def _written(part: Part) -> str:
    """Return the key and the texts of a list as written in the file."""
    texts = _texts(part) or ()
    shown = [part.document.text_at((*part.path, index), text) for index, text in enumerate(texts)]
    return f"{part.path[-1]}: {json.dumps(shown)}"


def _texts(part: Part) -> tuple[str, ...] | None:
    """Return the texts that *part* lists; None without a list, () if it has no texts."""
    if part.raw is None:
        return None
    values = part.raw if isinstance(part.raw, list) else []
    return tuple(value for value in values if isinstance(value, str))


def _refuse_other_grants(
    first: Include | None, other: Include, path: Path, part: Part, faults: list[Fault]
) -> None:
    """Refuse a file that two entries include with different grants.

    Neither can be right: the wider one might grant the file too much.
    """
    if first is None or first.meaning == other.meaning:
        return
    message = (
        f"{show_path(path)} is included by `{shorten(first.pattern)}` ({first.at}) already, and"
        " may declare other things there: let only one of them match it"
    )
    faults.append(part.fault(Code.CONFLICTING_KEYS, message))


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
