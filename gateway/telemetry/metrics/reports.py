"""Expose the state of keys, revocation lists and the token memo."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import Metric

from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.families import Row, counter, gauge

_ISSUER = ("issuer",)
_LIST = ("list",)


@dataclass(frozen=True, slots=True)
class IssuerMetrics:
    """The state of one issuer's keys; *age_seconds* is None if there never were any.

    It, *age_limit_seconds* and *next_refresh_in_seconds* are None for keys that never change.
    """

    name: str
    keys: int
    age_seconds: float | None
    age_limit_seconds: float | None
    next_refresh_in_seconds: float | None
    fetches: int
    failures: int
    failures_in_a_row: int


@dataclass(frozen=True, slots=True)
class RevocationMetrics:
    """The state of one revocation list; *entries* is None while none is loaded.

    *age_seconds* is None if none was ever loaded.
    """

    name: str
    entries: int | None
    age_seconds: float | None
    age_limit_seconds: float
    next_refresh_in_seconds: float
    fetches: int
    failures: int
    failures_in_a_row: int


def issuer_families(issuers: Sequence[IssuerMetrics]) -> Iterator[Metric]:
    """Yield the families about issuers' keys."""
    yield gauge(
        "gateway_issuer_keys",
        "Usable keys of the issuer.",
        [((issuer.name,), issuer.keys) for issuer in issuers],
        _ISSUER,
    )
    yield gauge(
        "gateway_issuer_keys_age_seconds",
        "Time since the issuer's keys were last fetched.",
        _known((issuer.name, issuer.age_seconds) for issuer in issuers),
        _ISSUER,
    )
    yield gauge(
        "gateway_issuer_keys_age_limit_seconds",
        "Age at which the issuer's keys are no longer used.",
        _known((issuer.name, issuer.age_limit_seconds) for issuer in issuers),
        _ISSUER,
    )
    yield gauge(
        "gateway_issuer_keys_next_refresh_seconds",
        "Time until the issuer's keys are fetched again; 0 while that is due or in progress.",
        _known((issuer.name, issuer.next_refresh_in_seconds) for issuer in issuers),
        _ISSUER,
    )
    yield counter(
        "gateway_issuer_key_fetches",
        "Attempts to fetch the issuer's keys.",
        [((issuer.name,), issuer.fetches) for issuer in issuers],
        _ISSUER,
    )
    yield counter(
        "gateway_issuer_key_fetch_failures",
        "Failed attempts to fetch the issuer's keys.",
        [((issuer.name,), issuer.failures) for issuer in issuers],
        _ISSUER,
    )
    yield gauge(
        "gateway_issuer_key_fetch_failures_in_a_row",
        "Failed attempts to fetch the issuer's keys since the last success.",
        [((issuer.name,), issuer.failures_in_a_row) for issuer in issuers],
        _ISSUER,
    )


def revocation_families(lists: Sequence[RevocationMetrics]) -> Iterator[Metric]:
    """Yield the families about revocation lists."""
    yield gauge(
        "gateway_revocation_entries",
        "Entries of the revocation list; absent while none is loaded.",
        _known((one.name, one.entries) for one in lists),
        _LIST,
    )
    yield gauge(
        "gateway_revocation_age_seconds",
        "Time since the revocation list was last read.",
        _known((one.name, one.age_seconds) for one in lists),
        _LIST,
    )
    yield gauge(
        "gateway_revocation_age_limit_seconds",
        "Age at which the revocation list is no longer used.",
        _known((one.name, one.age_limit_seconds) for one in lists),
        _LIST,
    )
    yield gauge(
        "gateway_revocation_next_refresh_seconds",
        "Time until the revocation list is read again; 0 while that is due or in progress.",
        _known((one.name, one.next_refresh_in_seconds) for one in lists),
        _LIST,
    )
    yield counter(
        "gateway_revocation_fetches",
        "Attempts to read the revocation list.",
        _known((one.name, one.fetches) for one in lists),
        _LIST,
    )
    yield counter(
        "gateway_revocation_fetch_failures",
        "Failed attempts to read the revocation list.",
        _known((one.name, one.failures) for one in lists),
        _LIST,
    )
    yield gauge(
        "gateway_revocation_fetch_failures_in_a_row",
        "Failed attempts to read the revocation list since the last success.",
        _known((one.name, one.failures_in_a_row) for one in lists),
        _LIST,
    )


def _known(rows: Iterable[tuple[str, float | None]]) -> list[Row]:
    """Leave out unknown values: 0 would read as good news."""
    return [((name,), value) for name, value in rows if value is not None]


def memo_families(metrics: Metrics) -> Iterator[Metric]:
    """Yield the families about remembered tokens."""
    yield counter(
        "gateway_token_memo_hits",
        "Signature checks avoided because the token was seen before.",
        [((), metrics.memo_hits)],
    )
    yield counter(
        "gateway_token_memo_misses", "Tokens not seen before.", [((), metrics.memo_misses)]
    )
    yield gauge("gateway_token_memo_entries", "Tokens remembered.", [((), metrics.memo_entries)])
