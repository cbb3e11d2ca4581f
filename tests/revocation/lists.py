"""Revocation lists for the tests, as text and as settings."""

import json
from typing import Any

from gateway.decision.revocation import RevocationLists, RevocationRule
from gateway.settings.values.configuration import FetchTimes, RevocationSettings

ISSUER = "https://login.example.com/"


def listing(*entries: object) -> bytes:
    """Return the text of a list."""
    return json.dumps({"revoked": entries}).encode()


def list_settings(
    location: str,
    *,
    is_file: bool = False,
    refuses_without: bool = True,
    name: str = "blocked",
    fetch_timeout_seconds: float = 5.0,
) -> RevocationSettings:
    """Return a list that is fresh for 30 s and stale for 300 s, like the default."""
    return RevocationSettings(
        RevocationRule(name, frozenset({"main"}), refuses_without),
        location,
        is_file,
        FetchTimes(30.0, 300.0, fetch_timeout_seconds),
    )


def is_revoked(lists: RevocationLists, name: str = "blocked", **claims: Any) -> bool:
    """Say whether a token with *claims* is on a list, which must be at hand."""
    return lists[name].revokes({"iss": ISSUER, **claims}, 1000.0, 2000.0, 0.0)
