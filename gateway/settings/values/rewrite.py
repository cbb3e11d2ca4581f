"""What a route changes of the requests that it sends on, and of the answers to them."""

from dataclasses import dataclass
from enum import Enum


class HostField(Enum):
    """Whose name services get in Host."""

    KEEP = "keep"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class FieldEdits:
    """Fields that are taken out, by the canonical alias of their names, and lines to put in.

    Whatever is set is taken out first, so that it is there once. Each of *lines* begins with the
    end of the line before.
    """

    removed: frozenset[bytes] = frozenset()
    lines: bytes = b""


@dataclass(frozen=True, slots=True)
class QueryEdits:
    """Parameters that are taken out, by their decoded names; *added* comes behind the others."""

    removed: frozenset[bytes] = frozenset()
    added: bytes = b""


NO_FIELDS = FieldEdits()
NO_QUERY = QueryEdits()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What is sent in place of what came.

    The first *cut_segments* of the path become *prefix*, which is empty or begins with a slash
    and does not end with one. *host* is a name of the configuration's own.
    """

    cut_segments: int = 0
    prefix: bytes = b""
    host: bytes | HostField = HostField.KEEP
    request_fields: FieldEdits = NO_FIELDS
    answer_fields: FieldEdits = NO_FIELDS
    query: QueryEdits = NO_QUERY
