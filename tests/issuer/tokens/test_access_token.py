"""The tokens themselves, checked by another library."""

import pytest
from joserfc import jwt
from joserfc.jwk import JWKRegistry, KeySet

from gateway.issuer.personas import PERSONAS
from gateway.issuer.signing_keys import SigningAlgorithm, make_signing_key
from gateway.issuer.tokens.access_token import sign_access_token
from gateway.issuer.tokens.grant import Authentication, Grant

ISSUER = "http://127.0.0.1:9000"


@pytest.mark.parametrize("algorithm", list(SigningAlgorithm))
def test_a_token_is_an_at_jwt_with_every_required_claim(algorithm: SigningAlgorithm) -> None:
    """9068.1, 9068.6."""
    key = make_signing_key(algorithm)
    grant = Grant("alice-client", PERSONAS["alice"], ("demo-api",), ("orders:read",), 600)

    token = sign_access_token(grant, key, ISSUER, 1_000, "id-1")

    jwks = KeySet([JWKRegistry.import_key(dict(key.public_jwk))])
    decoded = jwt.decode(token, jwks, algorithms=[algorithm.value])
    assert decoded.header == {"alg": algorithm.value, "typ": "at+jwt", "kid": key.kid}
    assert decoded.claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "demo-api",
        "client_id": "alice-client",
        "iat": 1_000,
        "exp": 1_600,
        "jti": "id-1",
        "scope": "orders:read",
        "tenant": "acme",
    }


def test_a_token_for_several_services_names_them_all() -> None:
    claims = _claims(Grant("bob-client", PERSONAS["bob"], ("a", "b"), (), 60))

    assert claims["aud"] == ["a", "b"]


def test_a_token_without_scopes_has_no_scope_claim() -> None:
    """RFC 6749 §3.3: a scope list is never empty."""
    claims = _claims(Grant("mallory-client", PERSONAS["mallory"], ("a",), (), 60))

    assert "scope" not in claims


def test_a_token_that_a_person_granted_tells_how_they_logged_in() -> None:
    """RFC 9068 §2.2.1."""
    login = Authentication(900, "strong", "sid-1")
    claims = _claims(Grant("web", PERSONAS["bob"], ("a",), (), 60, login))

    assert claims["client_id"] == "web"
    assert (claims["auth_time"], claims["acr"], claims["sid"]) == (900, "strong", "sid-1")


def _claims(grant: Grant) -> dict[str, object]:
    key = make_signing_key(SigningAlgorithm.ES256)
    jwks = KeySet([JWKRegistry.import_key(dict(key.public_jwk))])
    token = sign_access_token(grant, key, ISSUER, 1_000, "id-1")
    return jwt.decode(token, jwks, algorithms=["ES256"]).claims
