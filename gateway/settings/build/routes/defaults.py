"""Give routes what `defaults` of their file, or of the main file, says for all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.settings.schema.routes.route import DefaultsModel
from gateway.settings.schema.shape import check_shape
from gateway.settings.text.document import Borrowed, Document, KeyPath, Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources

_SHARED = tuple(DefaultsModel.model_fields)
_BY_KEY = ("match", "require")  # a route adds to these key by key; the others it replaces
# Nothing is read of a caller on a public route.
_OF_CALLERS = frozenset({"require", "login", "identity", "token_from"})

# A route is open only if it says so itself, and only for the paths that it says.
_OPENING = ("public", "mode", "upgrades", "allow_encoded_slash", "allow_semicolon")
_REFUSED: Mapping[KeyPath, str] = {
    **{(key,): "what opens a route is written in that route" for key in _OPENING},
    ("require", "optional"): "what opens a route is written in that route",
    ("name",): "each route has its own",
    ("match", "path"): "each route has its own",
    ("match", "path_prefix"): "each route has its own",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Default:
    """A value for routes without one at *path* of *document*: under one key, or two.

    Of a table to which routes add key by key it is empty: its keys are defaults themselves.
    """

    document: Document
    path: KeyPath
    value: object
    texts: Sequence[tuple[str, str]]  # in which `${…}` was replaced, and their original


def apply_defaults(sources: Sources, faults: list[Fault]) -> Sources:
    """Return *sources*, in which each route has all that it takes from `defaults`.

    What a route says itself comes first, then its own file, then the main file. A value keeps its
    place, and what the file in which it is written may do.
    """
    documents = [
        _without_refused(source.document, faults) for source in (sources.main, *sources.included)
    ]
    main = _read(documents[0])
    tables = [main, *({**main, **_read(document)} for document in documents[1:])]
    applied = [
        replace(source, document=_apply(document, table))
        for source, document, table in zip(
            (sources.main, *sources.included), documents, tables, strict=True
        )
    ]
    return replace(sources, main=applied[0], included=tuple(applied[1:]))


def _without_refused(document: Document, faults: list[Fault]) -> Document:
    """Return *document* without what cannot be a default, after checking the others."""
    root = document.root
    if not isinstance(root, dict) or "defaults" not in root:
        return document
    part = Part(document, (), root).child("defaults")
    kept = part.raw
    for path, why in _REFUSED.items():
        at = part
        for key in path:
            at = at.child(key)
        if at.raw is not None:
            message = f"`{path[-1]}` cannot be a default: {why}"
            faults.append(at.key_fault(Code.UNKNOWN_KEY, message))
            kept = _without(kept, path)
    check_shape(Part(document, part.path, kept), DefaultsModel, faults)
    return replace(document, root={**root, "defaults": kept})


def _without(raw: object, path: KeyPath) -> object:
    if not isinstance(raw, dict):
        return raw
    rest = {key: value for key, value in raw.items() if key != path[0]}
    return {**rest, path[0]: _without(raw[path[0]], path[1:])} if path[1:] else rest


def _read(document: Document) -> dict[KeyPath, _Default]:
    """Return the defaults in *document*: by key, and of some keys those below it."""
    root = document.root
    raw = root.get("defaults") if isinstance(root, dict) else None
    if not isinstance(raw, dict):
        return {}
    found: dict[KeyPath, _Default] = {}
    for key in _SHARED:
        if key not in raw:
            continue
        is_by_key = key in _BY_KEY
        found[key,] = _default(document, ("defaults", key), {} if is_by_key else raw[key])
        below = raw[key] if is_by_key and isinstance(raw[key], dict) else {}
        for step, value in below.items():
            found[key, step] = _default(document, ("defaults", key, step), value)
    return found


def _default(document: Document, path: KeyPath, value: object) -> _Default:
    return _Default(document, path, value, document.written.get(path, ()))


def _apply(document: Document, table: Mapping[KeyPath, _Default]) -> Document:
    root = document.root
    routes = root.get("routes") if isinstance(root, dict) else None
    if not table or not isinstance(routes, list) or not isinstance(root, dict):
        return document
    borrowed: dict[KeyPath, Borrowed] = {}
    written = dict(document.written)
    for default in table.values():
        _hide(default, ((), ("routes",)), written)
    filled = []
    for index, raw in enumerate(routes):
        if not isinstance(raw, dict) or raw.get("defaults") is False:
            filled.append(raw)
            continue
        whole = dict(raw)
        for path, default in _missing(raw, table):
            at: KeyPath = ("routes", index, *path)
            borrowed[at] = Borrowed(default.document, default.path, str(raw.get("name", "")))
            _put(whole, path, default.value)
            _hide(default, (at[:length] for length in range(2, len(at))), written)
        filled.append(whole)
    return replace(document, root={**root, "routes": filled}, borrowed=borrowed, written=written)


def _missing(
    raw: Mapping[str, object], table: Mapping[KeyPath, _Default]
) -> Iterator[tuple[KeyPath, _Default]]:
    """Yield what the route *raw* takes from *table*, tables before what is in them."""
    for path, default in table.items():
        key = path[0]
        if "public" in raw and key in _OF_CALLERS:
            continue
        if key not in _BY_KEY:
            if key not in raw:
                yield path, default
        elif len(path) == 1:
            if key == "require" and key not in raw:
                yield path, default
        elif key == "require" or key in raw:  # without `match` a route has no path either
            own = raw.get(key, {})
            if isinstance(own, dict) and path[1] not in own:
                yield path, default


def _put(whole: dict[str, object], path: KeyPath, value: object) -> None:
    """Set *value* in a route; its tables are copied, for the file has them as well."""
    if len(path) == 1:
        whole[str(path[0])] = value
        return
    table = whole[str(path[0])]
    if isinstance(table, dict):
        whole[str(path[0])] = {**table, path[1]: value}


def _hide(
    default: _Default,
    around: Iterable[KeyPath],
    written: dict[KeyPath, Sequence[tuple[str, str]]],
) -> None:
    """Let messages about these paths, which are *around* it, quote its variables, not its value."""
    for path in around if default.texts else ():
        written[path] = (*written.get(path, ()), *default.texts)
