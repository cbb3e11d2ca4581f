"""Tokens that show where two versions of an issuer differ."""

from dataclasses import replace

import pytest

from gateway.decision.policy import ID_TOKEN_SIGNALS, Issuer, Profile
from gateway.decision.tenants import Tenants
from gateway.suites.differences.callers import Edge, find_edges
from gateway.suites.differences.side import Caller

ISSUER = Issuer(
    "main", "https://a.example", frozenset({"a"}), frozenset({"ES256"}), Profile.ANY, 30
)
CALLER = Caller("alice", "https://a.example", {"sub": "alice"}, {"typ": "at+jwt"}, "ES256")


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (ISSUER, []),
        (replace(ISSUER, audiences=frozenset({"b"})),
         [Edge("for a", {"aud": "a"}), Edge("for b", {"aud": "b"})]),
        (replace(ISSUER, audiences=None),
         [Edge("for another-api", {"aud": "another-api"}), Edge("for a", {"aud": "a"})]),
        (replace(ISSUER, algorithms=frozenset({"EdDSA", "ES256"})),
         [Edge("by EdDSA", algorithm="EdDSA")]),
        (replace(ISSUER, profile=Profile.RFC9068), [Edge("of any kind of JWT", typ="JWT")]),
        (replace(ISSUER, leeway_seconds=10), [Edge("expired for 20 s", {"exp": 80.0})]),
        (replace(ISSUER, id_token_signals=frozenset(ID_TOKEN_SIGNALS) - {"nonce", "azp"}),
         [Edge("with the sign azp of an ID token",
               {"scope": None, "scp": None, "aud": "a", "azp": "a"}, "JWT"),
          Edge("with the sign nonce of an ID token", {"nonce": "x"}, "JWT")]),
        (replace(ISSUER, reports=True), [Edge("forged", attack="signature")]),
    ],
)  # fmt: skip
def test_each_difference_has_its_token(new: Issuer, expected: list[Edge]) -> None:
    assert list(find_edges(ISSUER, new, 100.0)) == expected
    assert {edge.text for edge in find_edges(new, ISSUER, 100.0)} == {
        edge.text for edge in expected
    }


V2, V1 = "https://a.example/{tenantid}/v2.0", "https://b.example/{tenantid}/"


def shared(allowed: set[str] | None, *patterns: str) -> Issuer:
    tenants = Tenants(("tid",), None if allowed is None else frozenset(allowed), patterns or (V2,))
    return replace(ISSUER, issuer=V2, tenants=tenants)


ACME = {"iss": "https://a.example/acme/v2.0", "tid": "acme"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (shared({"a"}), shared({"a"}), []),
        (shared({"a"}), shared({"a", "acme"}), [Edge("of the tenant acme", ACME)]),
        (shared({"a"}), shared(None),
         [Edge("of the tenant some-tenant",
               {"iss": "https://a.example/some-tenant/v2.0", "tid": "some-tenant"})]),
        (shared({"acme"}), shared({"acme"}, V2, V1),
         [Edge("issued as https://b.example/acme/", {**ACME, "iss": "https://b.example/acme/"})]),
        (ISSUER, replace(ISSUER, also_issued_as=("a.example",)),
         [Edge("issued as a.example", {"iss": "a.example"})]),
    ],
)  # fmt: skip
def test_each_tenant_more_has_its_token(old: Issuer, new: Issuer, expected: list[Edge]) -> None:
    assert list(find_edges(old, new, 100.0)) == expected


def test_of_many_tenants_a_few_are_asked_for() -> None:
    many = {f"t{number}" for number in range(1000)}

    assert len(list(find_edges(shared({"a"}), shared(many), 100.0))) == 3


def test_an_edge_changes_what_it_says_and_nothing_else() -> None:
    forged = Edge("forged", {"aud": "x"}, "JWT", "EdDSA", "signature").of(CALLER)
    same = Edge("as before").of(CALLER)

    assert (forged.name, forged.claims) == ("alice forged", {"sub": "alice", "aud": "x"})
    assert (forged.header, forged.algorithm) == ({"typ": "JWT"}, "EdDSA")
    assert forged.attack == "signature"
    assert (same.claims, same.header) == (CALLER.claims, CALLER.header)
    assert (same.algorithm, same.attack) == ("ES256", None)
