"""ID tokens and logout tokens, checked by other libraries."""

from dataclasses import replace

import pytest
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import JWKRegistry, KeySet

from gateway.issuer.personas import PERSONAS
from gateway.issuer.signing_keys import KeyRing, SigningAlgorithm, make_signing_key
from gateway.issuer.tokens.access_token import sign_access_token
from gateway.issuer.tokens.grant import Authentication, Grant
from gateway.issuer.tokens.id_token import (
    IdTokenHint,
    read_id_token_hint,
    sign_id_token,
    sign_logout_token,
)

ISSUER = "http://127.0.0.1:9000"
KEY = make_signing_key(SigningAlgorithm.ES256)
NEW_KEY = make_signing_key(SigningAlgorithm.ES256)
LOGIN = Authentication(900, "urn:development:one-factor", "sid-1")
GRANT = Grant("web", PERSONAS["alice"], ("demo-api",), ("openid", "profile"), 60, LOGIN, "n")
ACCESS_TOKEN = sign_access_token(GRANT, KEY, ISSUER, 1_000, "id-1")
ID_TOKEN = sign_id_token(GRANT, ACCESS_TOKEN, KEY, ISSUER, 1_000)


def decode(token: str) -> jwt.Token:
    jwks = KeySet([JWKRegistry.import_key(dict(KEY.public_jwk))])
    return jwt.decode(token, jwks, algorithms=["ES256"])


def test_an_id_token_tells_who_logged_in_where_when_and_how() -> None:
    """OpenID Connect Core §2, §3.1.3.6, §5.4."""
    at_hash = create_half_hash(ACCESS_TOKEN, "ES256")
    assert at_hash is not None
    assert decode(ID_TOKEN).claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "web",
        "iat": 1_000,
        "exp": 4_600,
        "auth_time": 900,
        "acr": "urn:development:one-factor",
        "sid": "sid-1",
        "nonce": "n",
        "at_hash": at_hash.decode(),
        "name": "Alice",
        "preferred_username": "alice",
        "tenant": "acme",
    }


def test_without_the_scope_profile_and_a_nonce_there_are_none() -> None:
    claims = decode(
        sign_id_token(replace(GRANT, scopes=("openid",), nonce=None), "a", KEY, ISSUER, 1)
    ).claims

    assert {"name", "tenant", "nonce"}.isdisjoint(claims)


@pytest.mark.parametrize("sid", ["sid-1", None])
def test_a_logout_token_is_about_one_session_or_all_of_a_person(sid: str | None) -> None:
    """OpenID Connect Back-Channel Logout §2.4: no `nonce`, the type `logout+jwt`."""
    token = decode(sign_logout_token(IdTokenHint("alice", "web", sid), KEY, ISSUER, 1_000, "id-2"))

    assert token.header["typ"] == "logout+jwt"
    assert token.claims.pop("sid", None) == sid
    assert token.claims == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "web",
        "iat": 1_000,
        "exp": 1_120,
        "jti": "id-2",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }


def test_a_hint_is_read_though_it_expired_and_its_key_is_retired() -> None:
    ring = KeyRing(KEY).rotate(NEW_KEY, 0.0, 60)

    assert read_id_token_hint(ID_TOKEN, ring, ISSUER) == IdTokenHint("alice", "web", "sid-1")


@pytest.mark.parametrize(
    "hint",
    [
        "",
        "x.y.z",
        "ä",
        ID_TOKEN[:-4] + "AAAA",
        ID_TOKEN + "." + "x" * 9_000,
        ACCESS_TOKEN,
        sign_id_token(GRANT, "a", NEW_KEY, ISSUER, 1_000),
        sign_id_token(GRANT, "a", KEY, "https://other.example", 1_000),
        sign_logout_token(IdTokenHint("alice", "web", None), KEY, ISSUER, 1_000, "id-2"),
    ],
    ids=["nothing", "no JWT", "no ASCII", "forged", "long", "access token", "other key",
         "other issuer", "logout token"],
)  # fmt: skip
def test_what_is_not_an_id_token_of_ours_is_no_hint(hint: str) -> None:
    assert read_id_token_hint(hint, KeyRing(KEY), ISSUER) is None
