"""Tokens that show where two versions of an issuer differ."""

from dataclasses import replace

import pytest

from gateway.decision.policy import ID_TOKEN_SIGNALS, Issuer, Profile
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


def test_an_edge_changes_what_it_says_and_nothing_else() -> None:
    forged = Edge("forged", {"aud": "x"}, "JWT", "EdDSA", "signature").of(CALLER)
    same = Edge("as before").of(CALLER)

    assert (forged.name, forged.claims) == ("alice forged", {"sub": "alice", "aud": "x"})
    assert (forged.header, forged.algorithm) == ({"typ": "JWT"}, "EdDSA")
    assert forged.attack == "signature"
    assert (same.claims, same.header) == (CALLER.claims, CALLER.header)
    assert (same.algorithm, same.attack) == ("ES256", None)
