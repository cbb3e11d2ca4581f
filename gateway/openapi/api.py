"""What an OpenAPI description says about access, as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gateway.settings.text.fault import Place


class Access(Enum):
    """Who may call an operation, as far as its description says."""

    PUBLIC = "public"  # `security: []`
    TOKEN = "token"  # noqa: S105 - the name of a kind, not a secret
    UNCOVERED = "uncovered"  # only credentials that the gateway does not check
    UNSAID = "unsaid"  # no `security`, neither at the operation nor at the top


@dataclass(frozen=True, slots=True)
class Security:
    """The rule of an operation.

    *alternatives* are sets of scopes, of which a token needs one; none of them contains another,
    so that a single empty set is any valid token. If it *is_optional*, callers without a token may
    call as well. *uncovered* are the schemes that the gateway does not check, for people; those
    *beside* a token are needed together with it.
    """

    access: Access
    alternatives: tuple[frozenset[str], ...] = ()
    is_optional: bool = False
    uncovered: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: a method at a *path*, a template as routes have it.

    *written* is its path in the description, without that of the server. The path *is_wider* if it
    has a segment with more than a variable, such as `{name}.json`: a route can only have all of it.
    """

    method: str
    path: str
    written: str
    place: Place
    security: Security
    operation_id: str | None
    is_wider: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An operation that no route can have, and *why*; *operation* if its path is one of routes."""

    place: Place
    what: str
    why: str
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """A description: its operations, in the order of the file.

    *hosts* are those of its servers, empty if they are relative; *bases* are the paths of its
    servers, without a slash at the end. *paths_place* is where its paths begin.
    """

    title: str
    operations: Sequence[Operation]
    left_out: Sequence[LeftOut]
    hosts: tuple[str, ...]
    bases: tuple[str, ...]
    paths_place: Place
