"""Whose a token is, and whether its signature holds."""

import pytest

from gateway.decision.reason import Reason
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import authenticate, with_reporter
from gateway.decision.verdict import Deny
from tests.decision.policies import claims, issuer, policy
from tests.tokens import b64, make_key, make_private, mint

PRIVATE, KEYS = make_key("ES256")
OTHER_ISSUER = "https://partner.example/"
POLICY = policy(issuers=(issuer(), issuer(name="partner", issuer=OTHER_ISSUER)))
ALL_KEYS = {"main": KEYS, "partner": make_key("ES256", which=1)[1]}


def why(token: bytes) -> Reason | None:
    """Return the reason for a refusal, if it is one."""
    answer = authenticate(token, POLICY, ALL_KEYS)
    return answer.reason if isinstance(answer, Deny) else None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{",
        b'{"iss":1,"iss":2}',
        b'\xef\xbb\xbf{"iss":"x"}',
        b'{"x":NaN}',
        b'{"x":"\\ud800"}',
    ],
)
def test_a_payload_that_can_be_read_in_two_ways_is_malformed(payload: bytes) -> None:
    """7519.5, 7519.6."""
    token = mint(PRIVATE, "ES256", payload)

    assert why(token) is Reason.TOKEN_MALFORMED


def test_an_embedded_key_never_signs_for_the_issuer() -> None:
    """7515.6, CVE-2018-0114."""
    attacker = make_private("ES256", 7)
    point = attacker.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")).decode()}
    token = mint(attacker, "ES256", claims(), headers={"jwk": jwk, "jku": "http://127.0.0.1/"})

    assert why(token) is Reason.SIGNATURE_INVALID


def test_keys_of_one_issuer_do_not_sign_for_another() -> None:
    """8725.5: even with an equal key id."""
    partner = make_private("ES256", 1)

    assert why(mint(partner, "ES256", claims())) is (Reason.SIGNATURE_INVALID)


def test_a_subject_that_is_absent_is_null_in_the_log() -> None:
    token = authenticate(mint(PRIVATE, "ES256", claims(sub=...)), POLICY, ALL_KEYS)

    assert isinstance(token, SignedToken)
    assert token.log_subject == b"null"


def test_a_token_without_a_type_has_none() -> None:
    token = authenticate(mint(PRIVATE, "ES256", claims(), headers={"typ": None}), POLICY, ALL_KEYS)

    assert isinstance(token, SignedToken)
    assert token.token_type is None


@pytest.mark.parametrize("reports", [True, False])
def test_a_refusal_is_signed_by_an_issuer_that_only_reports(reports: bool) -> None:
    one = issuer(reports=reports)
    deny = with_reporter(Deny(Reason.TOKEN_EXPIRED, "the token has expired"), one)

    assert deny.reporter is (one if reports else None)
    assert deny.reason is Reason.TOKEN_EXPIRED


def told_of(iss: str) -> str:
    """Return what the log says of a token of the issuer *iss*, which is not configured."""
    answer = authenticate(mint(PRIVATE, "ES256", claims(iss=iss)), POLICY, ALL_KEYS)
    assert isinstance(answer, Deny)
    assert answer.reason is Reason.ISSUER_UNKNOWN
    assert answer.is_made_up
    return answer.detail.removeprefix("the token's issuer is not configured")


@pytest.mark.parametrize(
    ("iss", "shown"),
    [
        ("https://staging.example/realms/shop", ": https://staging.example/realms/shop"),
        ("https://sts.windows.net/{tenantid}/", ": https://sts.windows.net/{tenantid}/"),
        ("urn:idp:1", ": urn:idp:1"),
        ("partner", ": partner"),
        ("https://a.example/?code=s3cret", ": https://a.example/"),
        ("https://a.example/#s3cret", ": https://a.example/"),
        (
            OTHER_ISSUER[:-1],
            f": {OTHER_ISSUER[:-1]}, but `partner` is, except for the slash at the end",
        ),
    ],
)
def test_the_log_says_which_issuer_is_unknown(iss: str, shown: str) -> None:
    assert told_of(iss) == shown


@pytest.mark.parametrize(
    "iss",
    [
        "",
        "https://user:s3cret@a.example/",
        "eyJhbGciOiJFUzI1NiJ9",
        "https://a.example/eyJhbGciOiJFUzI1NiJ9",
        "x" * 65,
        "https://a.example/" + "A" * 86,
        "https://a.example/" + "a/" * 100,
        "a b",
        "a\r\nb",
        "a\x1b[31m",
        'a"b',
        "https://\u0430pple.example/",
        "a\\b",
    ],
)
def test_of_an_issuer_that_is_none_only_the_length_is_told(iss: str) -> None:
    """8725.8, 6750.10: strangers choose it, and may put a token, a secret or a line break there."""
    assert told_of(iss) == f": ({len(iss)} characters)"
