"""A persona's token has what a token needs, unless the persona says otherwise."""

from dataclasses import replace

import pytest

from gateway.decision.policy import Issuer, Profile
from gateway.decision.tenants import Tenants
from gateway.decision.tokens.svid import trust_domain_of
from gateway.suites.simulation.persona import Persona, make_claims, make_header

ISSUER = Issuer(
    "main", "https://login.example", frozenset({"b", "a"}), frozenset({"ES256"}), Profile.ANY, 0
)


def test_a_token_is_current_and_meant_for_one_audience_of_its_issuer() -> None:
    assert make_claims(Persona("alice", "main"), ISSUER, 1000.5) == {
        "iss": "https://login.example",
        "sub": "alice",
        "aud": "a",
        "client_id": "alice-client",
        "iat": 1000,
        "exp": 1300,
        "jti": "alice-token",
    }


V2 = "https://login.example/{tenantid}/v2.0"


@pytest.mark.parametrize(
    ("allowed", "claims", "tenant"),
    [
        ({"globex", "acme"}, {}, "acme"),
        ({"globex", "acme"}, {"tid": "globex"}, "globex"),
        ({"globex", "acme"}, {"iss": "https://login.example/globex/v2.0"}, "globex"),
        (None, {}, "some-tenant"),
        (set(), {}, "some-tenant"),
    ],
)
def test_a_token_is_of_a_tenant_that_is_accepted(
    allowed: set[str] | None, claims: dict[str, object], tenant: str
) -> None:
    tenants = Tenants(("tid",), None if allowed is None else frozenset(allowed), (V2,))

    made = make_claims(Persona("alice", "main", claims), replace(ISSUER, tenants=tenants), 1000)

    assert made["iss"] == f"https://login.example/{tenant}/v2.0"
    assert made["tid"] == tenant


def test_the_claim_of_the_tenant_may_be_nested() -> None:
    tenants = Tenants(("org", "id"), frozenset({"acme"}), (V2,))

    made = make_claims(Persona("alice", "main"), replace(ISSUER, tenants=tenants), 1000)

    assert made["org"] == {"id": "acme"}


def test_claims_and_times_replace_what_there_is_and_some_are_left_out() -> None:
    persona = Persona(
        "alice",
        "main",
        claims={"sub": "root", "aud": ["x", "y"]},
        times={"exp": -5, "auth_time": 0},
        without=frozenset({"jti", "client_id", "iat"}),
    )

    assert make_claims(persona, ISSUER, 1000) == {
        "iss": "https://login.example",
        "sub": "root",
        "aud": ["x", "y"],
        "exp": 995,
        "auth_time": 1000,
    }


def test_where_audiences_are_unchecked_there_is_one_all_the_same() -> None:
    """RFC 9068 §2.2 requires it."""
    unchecked = Issuer("main", "i", None, frozenset({"ES256"}), Profile.RFC9068, 0)

    assert make_claims(Persona("alice", "main"), unchecked, 0)["aud"] == "any-audience"


@pytest.mark.parametrize(("profile", "typ"), [(Profile.ANY, "JWT"), (Profile.RFC9068, "at+jwt")])
def test_the_type_is_that_of_the_profile(profile: Profile, typ: str) -> None:
    issuer = Issuer("main", "i", None, frozenset({"ES256"}), profile, 0)

    header = make_header(Persona("alice", "main"), issuer, "ES256", "k")

    assert header == {"alg": "ES256", "kid": "k", "typ": typ}


def test_members_of_the_header_are_added_or_replaced() -> None:
    persona = Persona("alice", "main", header={"typ": "secevent+jwt", "x": 1})

    assert make_header(persona, ISSUER, "ES256", "k") == {
        "alg": "ES256",
        "kid": "k",
        "typ": "secevent+jwt",
        "x": 1,
    }


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("web", "spiffe://example.org/web"),
        ("the web shop", "spiffe://example.org/the-web-shop"),
        ("..", "spiffe://example.org/x"),
    ],
)
def test_a_workload_of_a_trust_domain_has_a_spiffe_id(name: str, subject: str) -> None:
    mesh = Issuer(
        "mesh",
        "spiffe://example.org",
        None,
        frozenset(),
        Profile.ANY,
        0,
        trust_domain="example.org",
    )

    assert make_claims(Persona(name), mesh, 0.0)["sub"] == subject
    assert trust_domain_of(subject) == "example.org"
