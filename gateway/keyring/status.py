"""What the keyring says about one issuer's keys."""

from dataclasses import dataclass

from gateway.settings.values import SourceKind


@dataclass(frozen=True, slots=True)
class IssuerStatus:
    """The state of one issuer's keys at one moment.

    *kids* are of the keys in use, None for a key without a name. *age_seconds* counts from
    the last good fetch, *next_refresh_in_seconds* to the next one (0 while one is due or
    under way; None where keys never change). *last_error* is of the last attempt, None if it
    was good. *loaded* says whether tokens of this issuer can be checked at all.
    """

    name: str
    source: SourceKind
    loaded: bool
    kids: tuple[str | None, ...]
    age_seconds: float | None
    fetches: int
    failures: int
    last_error: str | None
    next_refresh_in_seconds: float | None
    unusable: tuple[str, ...]
