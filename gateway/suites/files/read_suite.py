"""Read a suite file, or report all its faults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.settings.schema.shape import check_shape
from gateway.settings.text.disk import MACHINE_DISK, Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import UnreadableError, read_document, show_path
from gateway.suites.files.models import HostileModel, PersonasFile, SuiteFile
from gateway.suites.files.read_personas import build_personas
from gateway.suites.files.read_tests import build_tests
from gateway.suites.files.suite import Suite, Waiver

__all__ = ["BrokenSuite", "UnreadableError", "read_suite"]

M = TypeVar("M", bound=PersonasFile)

_BY_THEMSELVES = ("personas", "tests")


@dataclass(frozen=True, slots=True)
class BrokenSuite:
    """All faults of the suite in *file*, in order of place."""

    file: str
    faults: tuple[Fault, ...]


def read_suite(
    path: Path, environ: Mapping[str, str], disk: Disk = MACHINE_DISK
) -> Suite | BrokenSuite:
    """Return the suite in the file at *path*; it may have only personas and no tests.

    Never raises for the content of a file; raises UnreadableError if *path* itself cannot be read.
    *environ* is where ``${NAME}`` comes from, *disk* has the file itself.
    """
    texts: list[Fault] = []  # the faults of the files as YAML
    root = _read(path, environ, texts, disk)
    if root is None:
        return _broken(path, texts, [])
    faults: list[Fault] = []
    model = _check_rest(root, SuiteFile, faults)
    sections = [*_included(model, root, path, environ, texts, faults), root.child("personas")]
    personas = build_personas(sections, faults)
    names = [name for part in sections if isinstance(part.raw, dict) for name in part.raw]
    tests = build_tests(root.child("tests"), names, faults)
    if texts or faults:
        return _broken(path, texts, faults)
    return Suite(
        file=show_path(path),
        gateway=None if model.gateway is None else _beside(path, model.gateway),
        environment=model.environment,
        at=model.at,
        personas=personas,
        tests=tests,
        root=root,
        waivers=_build_waivers(model.hostile, root.child("hostile")),
    )


def _beside(path: Path, name: str) -> Path:
    """Return the file *name*, relative to *path*, without `..` if that is the same file."""
    written = os.path.join(path.parent, name)
    plain = os.path.normpath(written)
    try:
        # After a folder that is a symbolic link, it is another file.
        return Path(plain if os.path.samefile(plain, written) else written)
    except (OSError, ValueError):
        return Path(written)


def _broken(path: Path, texts: list[Fault], faults: list[Fault]) -> BrokenSuite:
    # A value that YAML versions read differently is reported already: skip what follows from it.
    rejected = {fault.place for fault in texts}
    every = [*texts, *(fault for fault in faults if fault.place not in rejected)]
    ordered = sorted(dict.fromkeys(every), key=lambda fault: fault.place)
    return BrokenSuite(show_path(path), tuple(ordered))


def _read(
    path: Path, environ: Mapping[str, str], texts: list[Fault], disk: Disk = MACHINE_DISK
) -> Part | None:
    document = read_document(path, environ, disk)
    texts.extend(document.faults)
    if not document.complete:
        return None
    if isinstance(document.root, dict):
        return Part(document, (), document.root)
    what = "the file is empty" if document.root is None else "the file is not a mapping"
    message = f"{what}: expected keys and values, e.g. version: 1"
    texts.append(document.fault((), Code.WRONG_TYPE, message))
    return None


def _check_rest(root: Part, kind: type[M], faults: list[Fault]) -> M:
    """Return all of *root* except its personas and tests, which are checked one by one."""
    raw = root.raw if isinstance(root.raw, dict) else {}
    rest = {key: value for key, value in raw.items() if key not in _BY_THEMSELVES}
    model = check_shape(Part(root.document, (), rest), kind, faults)
    # Without a version, the rest is checked anyway; nothing is ever run from it.
    return kind(version=1) if model is None else model


def _included(  # noqa: PLR0913, PLR0917 - two kinds of faults, and where to look
    model: SuiteFile,
    root: Part,
    path: Path,
    environ: Mapping[str, str],
    texts: list[Fault],
    faults: list[Fault],
) -> list[Part]:
    """Return the personas of the included files."""
    found: list[Part] = []
    for index, name in enumerate(model.include or ()):
        try:
            other = _read(_beside(path, name), environ, texts)
        except UnreadableError as error:
            at = root.child("include").child(index)
            faults.append(at.fault(Code.MISSING_FILE, str(error)))
            continue
        if other is not None:
            _check_rest(other, PersonasFile, faults)
            found.append(other.child("personas"))
    return found


def _build_waivers(model: HostileModel | None, part: Part) -> tuple[Waiver, ...]:
    """Return the waivers of the section ``hostile`` in *part*."""
    if model is None:
        return ()
    at = part.child("waive")
    return tuple(
        Waiver(
            at.document.key_place(at.child(index).path),
            tuple(one.attacks),
            None if one.routes is None else tuple(one.routes),
            one.reason,
        )
        for index, one in enumerate(model.waive)
    )
