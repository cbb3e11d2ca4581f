"""A trust domain as issuer: what it cannot be is refused at its place."""

from pathlib import Path

import pytest

from gateway.decision.tokens.svid import SVID_ALGORITHMS
from gateway.settings.build.issuers.spiffe import is_spiffe
from tests.settings.configs import assert_found, load, one_issuer

MESH = 'issuer: "spiffe://example.org", jwks_url: "https://spire/bundle"'

MISTAKES = [
    ("bad_value", '{issuer: ¦"spiffe://example.org/", jwks_url: "https://s", audiences: [a]}'),
    ("bad_value", '{issuer: ¦"spiffe://Example.org", jwks_url: "https://s", audiences: [a]}'),
    ("bad_value", '{issuer: ¦"SPIFFE://example.org", jwks_url: "https://s", audiences: [a]}'),
    ("bad_value", '{issuer: ¦"spiffe://a/web", jwks_url: "https://s", audiences: [a]}'),
    ("conflicting_keys", '{issuer: "spiffe://a", ¦discovery: true, audiences: [a]}'),
    ("conflicting_keys", '{issuer: "spiffe://a", ¦discovery_url: "https://s", audiences: [a]}'),
    ("conflicting_keys", '{issuer: "spiffe://a", ¦secret_env: SECRET, audiences: [a]}'),
    ("bad_value audience_unchecked", f"{{{MESH}, audiences: ¦¦unchecked}}"),
    ("conflicting_keys", f"{{{MESH}, audiences: [a], profile: ¦rfc9068}}"),
    ("bad_value", f"{{{MESH}, audiences: [a], algorithms: [ES256, ¦EdDSA]}}"),
    ("bad_value", f"{{{MESH}, audiences: [a], algorithms: [¦ML-DSA-44]}}"),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_trust_domain_is_found_at_its_place(
    codes: str, text: str, tmp_path: Path
) -> None:
    """SVID.2, SVID.3, SVID.5."""
    assert_found(tmp_path, codes, one_issuer(text))


def test_a_trust_domain_is_known_by_its_name_and_takes_the_algorithms_of_its_standard(
    tmp_path: Path,
) -> None:
    """SVID.5."""
    settings = load(tmp_path, one_issuer(f"{{{MESH}, audiences: [orders]}}"))

    issuer = settings.issuers["main"].issuer
    assert issuer.trust_domain == "example.org"
    assert issuer.algorithms == SVID_ALGORITHMS
    assert settings.policy.trust_domains == {"example.org": issuer}


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("spiffe://a", True), ("Spiffe:a", True), ("https://spiffe", False), ("", False)],
)
def test_what_begins_like_one_is_meant_as_one(text: str, is_one: bool) -> None:
    assert is_spiffe(text) is is_one


def test_any_other_issuer_has_no_trust_domain(tmp_path: Path) -> None:
    settings = load(tmp_path, one_issuer('{issuer: "https://a", discovery: true, audiences: [a]}'))

    assert settings.issuers["main"].issuer.trust_domain is None
    assert settings.policy.trust_domains == {}
