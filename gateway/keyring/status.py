"""The state of one issuer's keys, for the status page and metrics."""

from dataclasses import dataclass

from gateway.settings.values.configuration import SourceKind


@dataclass(frozen=True, slots=True)
class IssuerStatus:
    """The state of one issuer's keys at one moment.

    *kids* are those of the keys in use, None for a key without one. *age_seconds* is the time
    since the last successful fetch, even if its keys are no longer used; they are used up to
    *age_limit_seconds*, and *stale* once they are no longer fresh. *next_refresh_in_seconds* is
    the time to the next fetch: 0 while one is due or in flight. All three are None if the keys
    never change. *failures* are all since the start, *failures_in_a_row* those since the last
    successful fetch. *last_error* is that of the last attempt, None if it succeeded. *loaded* is
    whether tokens of this issuer can be verified at all, *fitting_keys* the number of keys for
    its algorithms, and *was_loaded* whether there ever was one. *location* is the URL or the file
    of the source as it is shown, *proxy* the URL of its proxy without credentials.
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
    location: str | None = None
    proxy: str | None = None
    is_insecure: bool = False
