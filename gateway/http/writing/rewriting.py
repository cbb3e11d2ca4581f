"""Rewrite requests and responses as their route says."""

from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote_to_bytes

from gateway.decision.identity import CGI_PREFIX, canonical_alias
from gateway.settings.values.rewrite import NO_QUERY, FieldEdits, HostField, QueryEdits, Rewrite


def rewrite_target(target: bytes, rewrite: Rewrite) -> bytes:
    """Return the target that is sent in place of *target*, which was matched.

    Nothing is decoded to find the end of the prefix: a matched path has no empty segments, so
    its slashes count them. What stays is byte for byte what was matched, and the result is a
    canonical path, because both parts are.
    """
    path, mark, query = target.partition(b"?")
    cut = rewrite.cut_segments
    if cut:
        rest = path.split(b"/", cut + 1)[cut + 1 :]
        path = rewrite.prefix + b"/" + rest[0] if rest else rewrite.prefix or b"/"
    if rewrite.query is not NO_QUERY:
        query = _edit_query(query, rewrite.query)
        mark = b"?" if query else b""
    return path + mark + query


def _edit_query(query: bytes, edits: QueryEdits) -> bytes:
    """Remove and append parameters; the others stay byte for byte as they came.

    Only names are decoded, so that `d%65bug` is no way around the removal of `debug`; a `%` that
    begins no escape stays as it is. `debug[]` is removed, too: PHP and Rails read it as `debug`.
    """
    pairs = [pair for pair in query.split(b"&") if not _is_removed(pair, edits)] if query else []
    if edits.added:
        pairs.append(edits.added)
    return b"&".join(pairs)


def _is_removed(pair: bytes, edits: QueryEdits) -> bool:
    name = _name(pair)
    return name in edits.removed or name.partition(b"[")[0] in edits.removed


def _name(pair: bytes) -> bytes:
    return unquote_to_bytes(pair.partition(b"=")[0].replace(b"+", b" "))


class Named(Protocol):
    """A server that has a name."""

    @property
    def authority(self) -> str:
        """Return the value of a Host field for it."""


def choose_host(host: bytes, rewrite: Rewrite, server: Named | None) -> bytes:
    """Return the Host to send to *server*; *host* is the one that was received."""
    chosen = rewrite.host
    if isinstance(chosen, bytes):
        return chosen
    if chosen is HostField.UPSTREAM and server is not None:
        return server.authority.encode()
    return host


def without_edited(lines: list[bytes], edits: FieldEdits) -> list[bytes]:
    """Return *lines* (prefix, value, prefix, value …) without the fields that *edits* remove.

    They are removed in any spelling that an upstream may read as the same name, with `HTTP_`
    before it as well.
    """
    if not edits.removed:
        return lines
    kept: list[bytes] = []
    for prefix, value in zip(lines[::2], lines[1::2], strict=True):
        alias = canonical_alias(prefix[2:-2])
        if alias not in edits.removed and alias.removeprefix(CGI_PREFIX) not in edits.removed:
            kept += (prefix, value)
    return kept


def edit_response_fields(fields: bytes, edits: FieldEdits) -> bytes:
    """Return response *fields* with *edits*; each begins with the end of the line before."""
    return without_removed(fields, edits) + edits.lines


def without_removed(fields: bytes, edits: FieldEdits) -> bytes:
    """Return response *fields* without those that *edits* remove or replace."""
    if not edits.removed:
        return fields

    def stays(line: bytes) -> bool:
        return canonical_alias(line.partition(b":")[0]) not in edits.removed

    return keep_fields(fields, stays)


def keep_fields(fields: bytes, stays: Callable[[bytes], bool]) -> bytes:
    """Return the response *fields* whose line *stays*; each begins with a line end."""
    lines = filter(stays, fields.split(b"\r\n")[1:])
    return b"".join(b"\r\n" + line for line in lines)
