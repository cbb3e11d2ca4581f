"""Write a configuration as one file without defaults, presets, includes and variables.

It means the same when it is loaded, and no secret is in it: where one may be, the variable stays.
"""

import glob
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Final

from gateway.cli.check.yaml_text import write_yaml
from gateway.lints.secrets import find_secrets
from gateway.settings.load import Loaded, Rejected, load_settings
from gateway.settings.schema.models import ConfigFile
from gateway.settings.schema.references import takes_file
from gateway.settings.text.disk import MACHINE_DISK
from gateway.settings.text.document import Document, KeyPath
from gateway.settings.text.grants import Grant
from gateway.settings.text.yaml_nodes import MAX_FILE_BYTES, MAX_NODES

_NAMED: Final = ("issuers", "upstreams", "resources")
_NOT_WRITTEN: Final = frozenset({"include", "defaults"})
_LEFT_OUT: Final = frozenset({*_NOT_WRITTEN, "routes", *_NAMED})

# Where a secret may be, whatever its variable is called.
_HIDING: Final = frozenset({"client_secret", "extra_params", "keys", "otlp", "proxy", "set", "url"})
_SECRET_NAME: Final = re.compile(
    r"(?i)\$\{\w*(secret|passw|pwd|token|key|credential|auth|private|cert|user|login|dsn)"
)


class NotOneFileError(Exception):
    """The configuration cannot be written as one file; the message says why."""


@dataclass(slots=True, eq=False)
class Resolved:
    """The *lines* of the file, and the secrets that were written in the files, by variable."""

    lines: Sequence[str] = ()
    hidden: dict[str, str] = field(default_factory=dict, repr=False)


def resolve(loaded: Loaded, environ: Mapping[str, str]) -> Resolved:
    """Return *loaded* as one file that means the same; raise NotOneFileError."""
    _refuse_too_many(loaded.places.documents)
    writer = _Writer(loaded, environ)
    data = writer.whole()
    lines = [*_head(writer.hidden), *write_yaml(data, writer.comments)]
    hidden = {name: value for name, (value, _) in writer.hidden.items()}
    if sum(len(line.encode()) + 1 for line in lines) > MAX_FILE_BYTES:
        most = f"{MAX_FILE_BYTES // 1024**2} MiB"
        raise NotOneFileError(f"as one file it would be refused: larger than {most}")
    if any(map(_has_resources_of_its_own, loaded.places.documents)):
        _prove(loaded, lines, {**environ, **hidden})
    return Resolved(lines, hidden)


def _head(hidden: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield "# Resolved by `gateway check --resolved`: edit the files that it names, not this one."
    for name, (_, place) in hidden.items():
        yield f"# {name} stands for what looks like a secret at {place}."


class _Writer:
    """Plain data for the file, with comments that say where each part is from."""

    def __init__(self, loaded: Loaded, environ: Mapping[str, str]) -> None:
        self._loaded = loaded
        self._routes = {one.name: one for one in loaded.settings.policy.routes.routes}
        self._taken = {document: _by_route(document) for document in loaded.places.documents}
        self.comments: dict[KeyPath, str] = {}
        self.hidden: dict[str, tuple[str, str]] = {}  # value and place, by variable
        # Those of this machine may be variables of the file, which mean something else.
        self._taken_names = frozenset(environ)

    def whole(self) -> dict[str, object]:
        """Return the whole file."""
        documents = self._loaded.places.documents
        main = documents[0]
        data = {
            key: self._value(main, (key,), value)
            for key, value in _root(main).items()
            if key not in _LEFT_OUT
        }
        for section in _NAMED:
            found: dict[str, object] = {}
            for document in documents:
                for name, value in _table(_root(document).get(section)).items():
                    found[name] = self._value(document, (section, name), value)
                    self._say((section, name), document, (section, name))
            if found:
                data[section] = found
        routes: list[object] = []
        for document in documents:
            raw = _root(document).get("routes")
            for index, route in enumerate(raw if isinstance(raw, list) else ()):
                self._say(("routes", len(routes)), document, ("routes", index))
                routes.append(self._route(document, index, _table(route)))
        data["routes"] = routes
        return data

    def _route(self, document: Document, index: int, raw: Mapping[str, object]) -> object:
        path: KeyPath = ("routes", index)
        own = {key: value for key, value in raw.items() if key != "defaults"}
        data = _table(self._value(document, path, own))
        accepted = self._routes[str(raw["name"])].issuers
        require = data.get("require")
        if accepted is not None and isinstance(require, dict) and "issuers" not in require:
            # In one file every issuer reaches every route: name those that reach this one.
            names = [name for name in self._loaded.settings.issuers if name in accepted]
            data["require"] = {**require, "issuers": names}
        return data

    def _say(self, at: KeyPath, document: Document, path: KeyPath) -> None:
        """Add a comment that says where a part is written, and what of it is elsewhere."""
        place = document.value_place(path)
        text = f"{place.file}:{place.line}"
        elsewhere: dict[str, list[str]] = {}
        for taken in self._taken[document].get(path, ()):
            other = document.value_place(taken)
            keys = ".".join(map(str, taken[len(path) :]))
            elsewhere.setdefault(f"{other.file}:{other.line}", []).append(keys)
        more = (f"{', '.join(keys)} from {where}" for where, keys in elsewhere.items())
        comment = "; ".join([text, *more])
        if not comment.isprintable():
            comment = "".join(sign if sign.isprintable() else "?" for sign in comment)
        self.comments[at] = comment

    def _value(self, document: Document, path: KeyPath, value: object) -> object:
        if isinstance(value, dict):
            return {key: self._value(document, (*path, key), one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._value(document, (*path, at), one) for at, one in enumerate(value)]
        return self._text(document, path, value) if isinstance(value, str) else value

    def _text(self, document: Document, path: KeyPath, value: str) -> str:
        if _takes_file(tuple(0 if isinstance(step, int) else step for step in path)):
            return _literal(str((_directory(document) / value).absolute()))
        if path[0] == "suites":
            return _literal(_beside(_directory(document), value))
        if document.is_filled(path):
            written = document.text_at(path, value)
            return written if _may_be_secret(path, written, value) else _literal(value)
        if any(find_secrets(value)):
            return self._hide(document, path, value)
        return _literal(value)

    def _hide(self, document: Document, path: KeyPath, value: str) -> str:
        place = document.value_place(path)
        free = (f"HIDDEN_{number}" for number in itertools.count(1))
        name = next(one for one in free if one not in self._taken_names and one not in self.hidden)
        self.hidden[name] = value, f"{place.file}:{place.line}"
        return f"${{{name}}}"


def _by_route(document: Document) -> dict[KeyPath, list[KeyPath]]:
    """Return the paths of what each route takes from `defaults`, by the path of the route."""
    found: dict[KeyPath, list[KeyPath]] = {}
    for path in document.borrowed:
        if path[-1] != "require":  # what is in it is named
            found.setdefault(path[:2], []).append(path)
    return found


@cache
def _takes_file(path: KeyPath) -> bool:
    """Return whether a configuration has the name of a file at *path*, in each list at 0."""
    return takes_file(ConfigFile, path)


def _root(document: Document) -> Mapping[str, object]:
    return _table(document.root)


def _table(raw: object) -> dict[str, object]:
    return raw if isinstance(raw, dict) else {}


def _directory(document: Document) -> Path:
    return Path(document.start.file).parent


def _literal(value: str) -> str:
    return value.replace("${", "$${")


def _beside(directory: Path, pattern: str) -> str:
    folder = str(directory.absolute())
    return os.path.join(glob.escape(folder) if glob.has_magic(folder) else folder, pattern)


def _may_be_secret(path: KeyPath, written: str, value: str) -> bool:
    return (
        not _HIDING.isdisjoint(path)
        or _SECRET_NAME.search(written) is not None
        or any(find_secrets(value))
        or ("?" in value and str(path[-1]).endswith("_url"))
    )


def _refuse_too_many(documents: Iterable[Document]) -> None:
    """Raise NotOneFileError if no file may have so many values: each route has its defaults."""
    counts = (
        _count(value)
        for document in documents
        for key, value in _root(document).items()
        if key not in _NOT_WRITTEN
    )
    if sum(counts) > MAX_NODES:
        raise NotOneFileError(f"as one file it would be refused: more than {MAX_NODES:,} values")


def _count(value: object) -> int:
    """Return the number of keys and values in *value*, itself included."""
    if isinstance(value, Mapping):
        return 1 + len(value) + sum(map(_count, value.values()))
    return 1 + sum(map(_count, value)) if isinstance(value, list) else 1


def _has_resources_of_its_own(document: Document) -> bool:
    """Return whether *document* has resources that are for its routes only."""
    return "resources" in _root(document) and not document.may(Grant.RESOURCES_FOR_ALL)


@dataclass(frozen=True, slots=True)
class _OneMoreFile:
    """The disk of this machine, with the file at *path*."""

    path: Path
    content: bytes

    def read(self, path: Path, most_bytes: int) -> bytes:
        """Return the first *most_bytes* of the file at *path*."""
        if path == self.path:
            return self.content[:most_bytes]
        return MACHINE_DISK.read(path, most_bytes)

    def find(self, pattern: str) -> tuple[Path, ...]:
        """Return the files that match *pattern*."""
        return MACHINE_DISK.find(pattern)

    def resolve(self, path: Path) -> Path:
        """Return *path* with all links resolved."""
        return MACHINE_DISK.resolve(path)

    def is_readable(self, path: Path) -> bool:
        """Return whether *path* is a file that we may read."""
        return MACHINE_DISK.is_readable(path)


def _prove(loaded: Loaded, lines: Sequence[str], environ: Mapping[str, str]) -> None:
    """Raise NotOneFileError unless *lines* load, with each resource for the same routes."""
    path = Path("<resolved>")
    disk = _OneMoreFile(path, "".join(f"{line}\n" for line in lines).encode())
    again = load_settings(path, environ, disk)
    if isinstance(again, Rejected):
        raise NotOneFileError(f"as one file it would be refused: {again.faults[0]}")
    before, after = (
        {one.name: replace(one, place="") for one in settings.resources}
        for settings in (loaded.settings, again.settings)
    )
    for name, one in before.items():
        if one != after.get(name):
            raise NotOneFileError(
                f"the resource `{name}` ({one.place}) is for the routes of its own file only:"
                f" include that file with `may: [{Grant.RESOURCES_FOR_ALL}]`"
            )
