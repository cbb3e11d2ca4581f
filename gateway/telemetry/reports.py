"""What the keyring and the token memo report about themselves when they are asked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import Metric

from gateway.telemetry.families import Row, counter, gauge

_ISSUER = ("issuer",)


@dataclass(frozen=True, slots=True)
class IssuerMetrics:
    """How one issuer's keys stand; *age_seconds* of None where there never were any.

    That, *age_limit_seconds* and *next_refresh_in_seconds* are None where keys never change.
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
class MemoMetrics:
    """How often a token's signature was remembered, and how many are."""

    hits: int
    misses: int
    size: int


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
        "Time until the issuer's keys are fetched again; 0 while that is due or under way.",
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
        "Attempts to fetch the issuer's keys that failed.",
        [((issuer.name,), issuer.failures) for issuer in issuers],
        _ISSUER,
    )
    yield gauge(
        "gateway_issuer_key_fetch_failures_in_a_row",
        "Attempts to fetch the issuer's keys that failed since the last good one.",
        [((issuer.name,), issuer.failures_in_a_row) for issuer in issuers],
        _ISSUER,
    )


def _known(rows: Iterable[tuple[str, float | None]]) -> list[Row]:
    """Leave out what is not known: a 0 in its place would read as good news."""
    return [((name,), value) for name, value in rows if value is not None]


def memo_families(memo: MemoMetrics) -> Iterator[Metric]:
    """Yield the families about remembered tokens."""
    yield counter(
        "gateway_token_memo_hits",
        "Signature checks spared, for the token was seen before.",
        [((), memo.hits)],
    )
    yield counter("gateway_token_memo_misses", "Tokens not seen before.", [((), memo.misses)])
    yield gauge("gateway_token_memo_entries", "Tokens remembered.", [((), memo.size)])
