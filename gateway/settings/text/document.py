"""A parsed configuration file: plain values, and the place of each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.settings.text.comments import Comment
from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.settings.text.grants import Grant, Include
from gateway.settings.text.scalars import shorten

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Borrowed:
    """A value that the route *route* does not have itself: it is at *path* of *document*."""

    document: "Document"
    path: KeyPath
    route: str


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """The content of a file. *root* is plain data.

    *values* and *keys* are places by key path: of the value, and of its key. *written* has, for
    each path at or above them, the texts in which ``${…}`` was replaced, and their original.
    *comments* are those to the gateway, *text* is the whole file. *include* is the entry that
    includes it; None for the main file, which may declare anything. *borrowed* has the values that
    are written elsewhere, by the path where they count.
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
    borrowed: Mapping[KeyPath, Borrowed] = field(default_factory=dict, repr=False)

    def may(self, grant: Grant) -> bool:
        """Return whether this file has *grant*."""
        return self.include is None or self.include.allows(grant)

    def refuse(self, what: str, grant: Grant) -> str | None:
        """Return why this file may not do *what*; None if it has *grant*."""
        if self.include is None or self.may(grant):
            return None
        return self.include.refuse(what, grant)

    def origin(self, path: KeyPath) -> Borrowed:
        """Return where the value at *path* is written: here, unless it is borrowed."""
        for length in range(len(path), 0, -1) if self.borrowed else ():
            found = self.borrowed.get(path[:length])
            if found is not None:
                return Borrowed(found.document, (*found.path, *path[length:]), found.route)
        return Borrowed(self, path, "")

    def value_place(self, path: KeyPath) -> Place:
        """Return the place of the value at *path*, or of the nearest value around it."""
        at = self.origin(path)
        return _nearest(at.document.values, at.path, at.document.start)

    def key_place(self, path: KeyPath) -> Place:
        """Return the place of the key of *path*; for a list item, which has none, its value."""
        at = self.origin(path)
        return at.document.keys.get(at.path) or self.value_place(path)

    def fault(
        self, path: KeyPath, code: Code, message: str, severity: Severity = Severity.ERROR
    ) -> Fault:
        """Return a fault at the value of *path*."""
        return self._fault(self.value_place(path), path, code, message, severity)

    def key_fault(
        self, path: KeyPath, code: Code, message: str, severity: Severity = Severity.ERROR
    ) -> Fault:
        """Return a fault at the key of *path*."""
        return self._fault(self.key_place(path), path, code, message, severity)

    def text_at(self, path: KeyPath, text: str) -> str:
        """Return *text*, the value at *path*, as it is written in the file."""
        at = self.origin(path)
        replaced = at.document.written.get(at.path)
        return replaced[0][1] if replaced else text

    def is_filled(self, path: KeyPath) -> bool:
        """Return whether `${…}` was replaced in the value at *path*.

        No message may take such a value apart: only as a whole it is shown as it was written.
        """
        at = self.origin(path)
        return bool(at.document.written.get(at.path))

    def _fault(
        self, place: Place, path: KeyPath, code: Code, message: str, severity: Severity
    ) -> Fault:
        at = self.origin(path)
        return Fault(place, code, at.document._as_written(at.path, message), severity, at.route)

    def _as_written(self, path: KeyPath, message: str) -> str:
        # The environment may hold secrets: a message quotes `${NAME}`, never its value.
        shown = {
            text: before
            for after, before in self.written.get(path, ())
            if after
            for text in (after, repr(after)[1:-1], shorten(after))
        }
        if not shown:
            return message
        # At once: what is written may have the value in it, as `${NAME:-value}` has.
        longest_first = sorted(shown, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest_first)), lambda at: shown[at[0]], message)


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

    def below(self, keys: KeyPath) -> "Part":
        """Return the part under *keys*, one in another."""
        part = self
        for key in keys:
            part = part.child(key)
        return part

    def refuse(self, what: str, grant: Grant) -> str | None:
        """Return why *what* may not be done here; None if the file that says so has *grant*."""
        return self.document.origin(self.path).document.refuse(what, grant)

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
