"""A parsed configuration file: plain values, and the place of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.settings.text.comments import Comment
from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.settings.text.grants import Grant, Include
from gateway.settings.text.scalars import shorten

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """The content of a file. *root* is plain data.

    *values* and *keys* are places by key path: of the value, and of its key. *written* has, for
    each path at or above them, the texts in which ``${…}`` was replaced, and their original.
    *comments* are those to the gateway, *text* is the whole file. *include* is the entry that
    includes it; None for the main file, which may declare anything.
    """

    root: object
    start: Place
    values: Mapping[KeyPath, Place]
    keys: Mapping[KeyPath, Place]
    written: Mapping[KeyPath, Sequence[tuple[str, str]]]  # (after, before) replacement
    faults: tuple[Fault, ...]
    complete: bool  # False where the rest of the file could not be read
    comments: tuple[Comment, ...] = ()
    text: str = field(default="", repr=False)
    include: Include | None = None

    def may(self, grant: Grant) -> bool:
        """Return whether this file has *grant*."""
        return self.include is None or self.include.allows(grant)

    def refuse(self, what: str, grant: Grant) -> str | None:
        """Return why this file may not do *what*; None if it has *grant*."""
        if self.include is None or self.may(grant):
            return None
        return self.include.refuse(what, grant)

    def value_place(self, path: KeyPath) -> Place:
        """Return the place of the value at *path*, or of the nearest value around it."""
        return _nearest(self.values, path, self.start)

    def key_place(self, path: KeyPath) -> Place:
        """Return the place of the key of *path*; for a list item, which has none, its value."""
        return self.keys.get(path) or self.value_place(path)

    def fault(
        self, path: KeyPath, code: Code, message: str, severity: Severity = Severity.ERROR
    ) -> Fault:
        """Return a fault at the value of *path*."""
        return Fault(self.value_place(path), code, self._as_written(path, message), severity)

    def key_fault(
        self, path: KeyPath, code: Code, message: str, severity: Severity = Severity.ERROR
    ) -> Fault:
        """Return a fault at the key of *path*."""
        return Fault(self.key_place(path), code, self._as_written(path, message), severity)

    def text_at(self, path: KeyPath, text: str) -> str:
        """Return *text*, the value at *path*, as it is written in the file."""
        replaced = self.written.get(path)
        return replaced[0][1] if replaced else text

    def is_filled(self, path: KeyPath) -> bool:
        """Return whether `${…}` was replaced in the value at *path*.

        No message may take such a value apart: only as a whole it is shown as it was written.
        """
        return bool(self.written.get(path))

    def _as_written(self, path: KeyPath, message: str) -> str:
        # The environment may hold secrets: a message quotes `${NAME}`, never its value.
        for after, before in self.written.get(path, ()):
            if after:
                for shown in (after, repr(after)[1:-1], shorten(after)):
                    message = message.replace(shown, before)
        return message


class Part(NamedTuple):
    """A value inside a document, with its place; *raw* is plain data."""

    document: Document
    path: KeyPath
    raw: object

    def child(self, key: str | int) -> "Part":
        """Return the part under *key*; its *raw* is None if there is none."""
        raw: object = None
        if isinstance(self.raw, dict):
            raw = self.raw.get(key)
        elif isinstance(self.raw, list) and isinstance(key, int) and key < len(self.raw):
            raw = self.raw[key]
        return Part(self.document, (*self.path, key), raw)

    def fault(self, code: Code, message: str) -> Fault:
        """Return an error at this value."""
        return self.document.fault(self.path, code, message)

    def key_fault(self, code: Code, message: str) -> Fault:
        """Return an error at this key."""
        return self.document.key_fault(self.path, code, message)

    def warning(self, code: Code, message: str) -> Fault:
        """Return a warning at this value."""
        return self.document.fault(self.path, code, message, Severity.WARNING)

    def key_warning(self, code: Code, message: str) -> Fault:
        """Return a warning at this key."""
        return self.document.key_fault(self.path, code, message, Severity.WARNING)


def _nearest(places: Mapping[KeyPath, Place], path: KeyPath, start: Place) -> Place:
    for length in range(len(path), -1, -1):
        place = places.get(path[:length])
        if place is not None:
            return place
    return start
