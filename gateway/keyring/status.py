"""What the keyring says about one issuer's keys."""

from dataclasses import dataclass

from gateway.settings.values.configuration import SourceKind


@dataclass(frozen=True, slots=True)
class IssuerStatus:
    """The state of one issuer's keys at one moment.

    *kids* are of the keys in use, None for a key without a name. *age_seconds* counts from
    the last good fetch, even where its keys are no longer used; they are used up to
    *age_limit_seconds*, and are *stale* behind the time for which they are fresh.
    *next_refresh_in_seconds* counts to the next fetch: 0 while one is due or under way. All
    three are None where keys never change. *failures* are all since the start, and
    *failures_in_a_row* those since the last good fetch. *last_error* is of the last attempt,
    None if it was good. *loaded* says whether tokens of this issuer can be checked at all, and
    *fitting_keys* how many keys serve one of its algorithms. *was_loaded* says whether there was
    such a key once, whatever became of it.
    """

    name: str
    source: SourceKind
    loaded: bool
    was_loaded: bool
    stale: bool
    kids: tuple[str | None, ...]
    fitting_keys: int
    age_seconds: float | None
    age_limit_seconds: float | None
    fetches: int
    failures: int
    failures_in_a_row: int
    last_error: str | None
    next_refresh_in_seconds: float | None
    unusable: tuple[str, ...]
