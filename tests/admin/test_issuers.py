"""The state of an issuer has three views, and each shows what its readers may know."""

import json
from dataclasses import replace

import pytest

from gateway.admin.issuers import issuer_metrics, issuer_readiness, issuer_status
from gateway.keyring.status import IssuerStatus
from gateway.settings.values.configuration import SourceKind

STATUS = IssuerStatus(
    name="main",
    source=SourceKind.JWKS_URL,
    loaded=True,
    was_loaded=True,
    stale=True,
    kids=("a", None),
    fitting_keys=1,
    age_seconds=400.5,
    age_limit_seconds=3900.0,
    fetches=9,
    failures=5,
    failures_in_a_row=4,
    last_error="https://keys.example/jwks: status 500 instead of 200",
    next_refresh_in_seconds=8.0,
    unusable=tuple(f"key {n}: use is not sig" for n in range(200)),
    location="https://keys.example/jwks",
    proxy="http://proxy:3128",
    is_insecure=True,
)


def test_operators_see_all_of_it() -> None:
    shown = json.loads(json.dumps(issuer_status(STATUS, is_required=True)))

    assert shown == {
        "name": "main",
        "source": "jwks_url",
        "location": "https://keys.example/jwks",
        "proxy": "http://proxy:3128",
        "insecure": True,
        "loaded": True,
        "stale": True,
        "required": True,
        "kids": ["a", None],
        "fitting_keys": 1,
        "age_seconds": 400.5,
        "age_limit_seconds": 3900.0,
        "fetches": 9,
        "failures": 5,
        "failures_in_a_row": 4,
        "last_error": "https://keys.example/jwks: status 500 instead of 200",
        "next_refresh_in_seconds": 8.0,
        "unusable_keys": list(STATUS.unusable[:100]),
        "unusable_keys_total": 200,
    }


def test_probes_see_how_it_stands_and_neither_places_nor_errors() -> None:
    """Readiness is open to anybody who reaches the port; the rest asks for the admin token."""
    assert issuer_readiness(STATUS, is_required=True, awaits=True) == {
        "name": "main",
        "required": True,
        "awaited": False,
        "loaded": True,
        "stale": True,
        "age_seconds": 400.5,
        "failures_in_a_row": 4,
        "next_refresh_in_seconds": 8.0,
    }


@pytest.mark.parametrize(
    ("was_loaded", "is_required", "awaits", "awaited"),
    [
        (False, True, True, True),
        (True, True, True, False),
        (False, False, True, False),
        (False, True, False, False),
    ],
)
def test_what_was_never_loaded_is_awaited_where_it_is_required_and_the_gateway_still_waits(
    was_loaded: bool, is_required: bool, awaits: bool, awaited: bool
) -> None:
    issuer = replace(STATUS, loaded=False, was_loaded=was_loaded)

    shown = issuer_readiness(issuer, is_required=is_required, awaits=awaits)

    assert (shown["required"], shown["awaited"]) == (is_required, awaited)


def test_metrics_have_the_same_figures() -> None:
    metrics = issuer_metrics(STATUS)

    assert (metrics.name, metrics.keys, metrics.fetches) == ("main", 1, 9)
    assert (metrics.failures, metrics.failures_in_a_row) == (5, 4)
    assert (metrics.age_seconds, metrics.age_limit_seconds) == (400.5, 3900.0)
    assert metrics.next_refresh_in_seconds == 8.0


def test_what_is_not_known_is_null_and_not_a_number() -> None:
    fixed = replace(STATUS, age_seconds=None, age_limit_seconds=None, next_refresh_in_seconds=None)

    shown = issuer_readiness(fixed, is_required=True, awaits=True)
    assert shown["age_seconds"] is None
    assert issuer_status(fixed, is_required=True)["age_limit_seconds"] is None
    assert issuer_metrics(fixed).next_refresh_in_seconds is None
