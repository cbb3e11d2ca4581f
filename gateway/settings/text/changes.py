"""Detect changes of the files that a configuration was read from."""

import os
from pathlib import Path

from gateway.settings.text.disk import MACHINE_DISK, Disk, Record
from gateway.settings.text.yaml_nodes import MAX_FILE_BYTES

Identity = tuple[tuple[object, ...], ...]
"""The metadata of files, read without opening them: equal as long as nothing was written."""


def identify(record: Record) -> Identity:
    """Return the identity of all files in *record*, as they are on this machine now.

    Kubernetes updates a mounted ConfigMap by renaming a symbolic link above its files, whose
    names stay the same: so each name is resolved.
    """
    patterns = [name for question, name in record.answers if question == "find"]
    files = {name for question, name in record.answers if question != "find"}
    return (
        *((pattern, *MACHINE_DISK.find(pattern)) for pattern in sorted(patterns)),
        *map(_identify_file, sorted(files)),
    )


def differs(record: Record, disk: Disk = MACHINE_DISK) -> bool:
    """Return whether *disk* now differs from *record*.

    Only content counts: a link may lead elsewhere if the bytes are the same.
    """
    return any(
        _is_otherwise(question, name, answer, disk)
        for (question, name), answer in record.answers.items()
    )


def _identify_file(name: str) -> tuple[object, ...]:
    try:
        found = os.stat(name)
        leads_to = os.path.realpath(name)
    except (OSError, ValueError) as error:
        return name, type(error).__name__
    return name, leads_to, found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _is_otherwise(question: str, name: str, answer: object, disk: Disk) -> bool:
    try:
        if question == "find":
            return disk.find(name) != answer
        if question == "is_readable":
            return disk.is_readable(Path(name)) != answer
        if question == "read":
            return _read_again(name, answer, disk) != answer
    except OSError as error:
        return not (isinstance(answer, OSError) and error.errno == answer.errno)
    return False


def _read_again(name: str, answer: object, disk: Disk) -> bytes:
    """Return the file's content now, one byte more than before, so that growth shows.

    A file that was too large to be read whole is compared as far as it was read.
    """
    size = len(answer) if isinstance(answer, bytes) else 0
    return disk.read(Path(name), size if size > MAX_FILE_BYTES else size + 1)
