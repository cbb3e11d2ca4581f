"""What a route rewrites in requests and responses."""

from dataclasses import dataclass
from enum import Enum


class HostField(Enum):
    """Which name the service receives in Host."""

    KEEP = "keep"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class FieldEdits:
    """Fields to remove, by the canonical alias of their names, and *lines* to add.

    A field that is set is removed first, so that it occurs once. Each of *lines* begins with
    the CRLF of the previous line.
    """

    removed: frozenset[bytes] = frozenset()
    lines: bytes = b""


@dataclass(frozen=True, slots=True)
class QueryEdits:
    """Parameters to remove, by their decoded names; *added* is appended to the query."""

    removed: frozenset[bytes] = frozenset()
    added: bytes = b""


NO_FIELDS = FieldEdits()
NO_QUERY = QueryEdits()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """How a request is rewritten.

    The first *cut_segments* of the path become *prefix*, which is empty or begins with a slash
    and does not end with one. *host* is a name of the configuration's own.
    """

    cut_segments: int = 0
    prefix: bytes = b""
    host: bytes | HostField = HostField.KEEP
    request_fields: FieldEdits = NO_FIELDS
    response_fields: FieldEdits = NO_FIELDS
    query: QueryEdits = NO_QUERY
