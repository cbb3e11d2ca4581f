"""A transaction token says what began a call chain, to every service of the trust domain."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import pytest

from gateway.assertion.transaction_tokens import TransactionTokens
from gateway.decision.token import SignedToken
from tests.assertion.callers import assertion_settings, signed_token, signing_key
from tests.decision.policies import ISSUER, NOW

GATEWAY = "https://gateway.example.com/"


def issued(token: SignedToken, request_id: str = "r-1", **changes: Any) -> bytes:
    context = (("client_id", ("client_id",)), ("token_issuer", ("iss",)))
    values = {"header": b"Txn-Token", "trust_domain": "example.com", "claims": context}
    settings = assertion_settings(**(values | changes))
    return TransactionTokens(settings).issue(token, request_id, "192.0.2.7", NOW)


def members(line: bytes) -> dict[str, Any]:
    payload = line.removesuffix(b"\r\n").split(b".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    return found


def test_it_has_every_claim_that_the_profile_requires() -> None:
    line = issued(signed_token(client_id="shop"))

    name, _, token = line.removesuffix(b"\r\n").partition(b": ")
    assert name == b"Txn-Token"
    assert jwt.get_unverified_header(token) == {
        "alg": "ES256", "kid": signing_key().kid, "typ": "txntoken+jwt",
    }  # fmt: skip
    assert members(line) == {
        "iss": GATEWAY,
        "aud": "example.com",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        "txn": "r-1",
        "sub": "alice",
        "scope": "orders:read",
        "req_wl": GATEWAY,
        "rctx": {"req_ip": "192.0.2.7"},
        "tctx": {"client_id": "shop", "token_issuer": ISSUER},
    }


def test_each_request_is_a_transaction_of_its_own() -> None:
    token = signed_token()

    assert members(issued(token, "r-1"))["txn"] == "r-1"
    assert members(issued(token, "r-2"))["txn"] == "r-2"


@pytest.mark.parametrize(
    ("changes", "subject"),
    [({"sub": ..., "client_id": "job"}, "job"), ({"sub": ..., "client_id": ...}, "")],
)
def test_without_a_subject_the_client_is_named(changes: dict[str, Any], subject: str) -> None:
    assert members(issued(signed_token(**changes)))["sub"] == subject


def test_it_ends_with_the_caller_s_token() -> None:
    token = signed_token(exp=NOW + 10)
    leeway = token.issuer.leeway_seconds

    assert members(issued(token, lifetime_seconds=600.0))["exp"] == NOW + 10 + leeway


def test_what_a_token_lacks_is_not_in_the_context() -> None:
    found = members(issued(signed_token(scope=...), claims=(("tenant", ("tid",)),)))

    assert found["tctx"] == {}
    assert found["scope"] == ""
