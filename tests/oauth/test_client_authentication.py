from base64 import b64decode
from urllib.parse import unquote_plus

import pytest
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from gateway.oauth.client_authentication import ASSERTION_TYPE, LIFETIME_SECONDS, authenticate
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from tests.assertion.callers import signing_key
from tests.oauth.clients import ID, NOW, SECRET, client

ISSUER = "https://login.example.com/realms/x"
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)


def prove(one: OAuthClient) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    proof = authenticate(one, ISSUER, NOW, lambda: ID)
    assert len(dict(proof.form)) == len(proof.form)
    return dict(proof.headers), dict(proof.form), proof.secrets


def test_a_public_client_says_who_it_is() -> None:
    """6749.3."""
    assert prove(client(ClientAuthentication.NONE)) == ({}, {"client_id": "shop"}, ())


def test_a_secret_in_the_form_is_there_with_the_client() -> None:
    headers, form, secrets = prove(client(ClientAuthentication.POST))

    assert headers == {}
    assert form == {"client_id": "shop", "client_secret": SECRET}
    assert secrets == (SECRET,)


@given(TEXT, TEXT)
def test_both_halves_of_basic_are_form_encoded(client_id: str, secret: str) -> None:
    """6749.4: a colon in the client ID ends nothing, and no character is lost."""
    one = OAuthClient(client_id, ClientAuthentication.BASIC, secret)
    headers, form, secrets = prove(one)

    assert form == {}  # RFC 6749 §2.3: one method for each request
    assert set(headers) == {"Authorization"}
    value = headers["Authorization"].removeprefix("Basic ")
    halves = b64decode(value, validate=True).decode("ascii").split(":")
    assert [unquote_plus(half) for half in halves] == [client_id, secret]
    assert set(secrets) == {secret, value}


def test_authlib_reads_what_basic_sends() -> None:
    headers, _, _ = prove(OAuthClient("shop", ClientAuthentication.BASIC, "s3cret-_."))

    assert extract_basic_authorization(headers) == ("shop", "s3cret-_.")


# RFC 9864 prefers the name Ed25519; what services have today knows EdDSA.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_an_assertion_proves_the_client_to_this_issuer_alone(algorithm: str) -> None:
    """7523.1, 9700.9: the audience is the issuer, not an endpoint that metadata may name."""
    one = client(ClientAuthentication.PRIVATE_KEY_JWT, algorithm=algorithm)
    headers, form, secrets = prove(one)

    assert headers == {}
    assertion = form.pop("client_assertion")
    assert form == {"client_assertion_type": ASSERTION_TYPE}
    assert secrets == (assertion,)
    public = KeySet.import_key_set({"keys": [dict(signing_key(algorithm).public_jwk)]})
    claims = jwt.decode(assertion, public, algorithms=[algorithm]).claims
    assert claims == {
        "iss": "shop",
        "sub": "shop",
        "aud": ISSUER,
        "iat": NOW,
        "exp": NOW + LIFETIME_SECONDS,
        "jti": ID,
    }
    headers_of = jws.extract_compact(assertion.encode()).headers()
    assert headers_of["typ"] == "client-authentication+jwt"


@pytest.mark.parametrize("method", ClientAuthentication)
def test_credentials_are_not_shown(method: ClientAuthentication) -> None:
    proof = authenticate(client(method), ISSUER, NOW, lambda: ID)

    assert not [secret for secret in proof.secrets if secret in repr(proof)]
    assert SECRET not in repr(client(method))
