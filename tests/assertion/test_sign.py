"""What we sign is a JWS that other libraries verify, of a type that no access token has."""

import json
from base64 import urlsafe_b64decode

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from gateway.assertion.signer import TYPE, signer
from gateway.decision.decide import decide
from gateway.decision.keys import Key
from gateway.decision.keys import KeySet as KeySetOfTokens
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from tests.assertion.callers import signing_key
from tests.decision.policies import NOW, claims, head, policy


# RFC 9864 prefers the name Ed25519; what services have today knows EdDSA.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_what_is_signed_is_verified_with_the_published_key(algorithm: str) -> None:
    """7515.1, 7518.3"""
    key = signing_key(algorithm)
    published = KeySet.import_key_set({"keys": [dict(key.public_jwk)]})

    token = signer(key)({"sub": "zoë", "n": [1, {"a": None}]})

    found = jws.deserialize_compact(token, published, algorithms=[algorithm])
    assert json.loads(found.payload) == {"sub": "zoë", "n": [1, {"a": None}]}
    assert found.headers() == {"alg": algorithm, "kid": key.kid, "typ": TYPE}


def test_an_issuer_with_our_name_and_our_key_would_not_make_it_an_access_token() -> None:
    """8725.11: the type alone keeps it from being one."""
    key = signing_key()
    keys = KeySetOfTokens((Key(key.kid, frozenset({"ES256"}), key.private_key.public_key()),))
    token = signer(key)(claims())

    verdict = decide(head(b"/orders", b"Bearer " + token), policy(), {"main": keys}, NOW)

    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.TOKEN_TYPE_MISMATCH


def test_the_token_can_stand_in_a_header_field() -> None:
    token = signer(signing_key())({"sub": "a\r\nX-Admin: 1"})

    assert token.count(b".") == 2
    assert all(32 < octet < 127 for octet in token)
    payload = token.split(b".")[1]
    assert b"\n" not in urlsafe_b64decode(payload + b"==")
