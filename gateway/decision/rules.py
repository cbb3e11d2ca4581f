"""Scope rules and claim tests, compiled to closures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class ScopeRule:
    """What a route asks of the granted scopes; *wanted* are all scopes named positively."""

    holds: Callable[[frozenset[str]], bool]
    wanted: tuple[str, ...]
    text: str  # for people: "all of a, any of (b, c)"


@dataclass(frozen=True, slots=True, eq=False)
class ClaimTest:
    """One test of one claim against a constant or a path variable.

    ``holds(claims, variables)`` never raises; an absent claim fails every test but
    ``exists: false`` and ``not_equals``.
    """

    claim: str
    text: str  # for people: "tenant equals {path.tenant}"
    holds: Callable[[Mapping[str, object], Mapping[str, str]], bool]
