"""ID tokens, access tokens and logout tokens: only what this issuer signed for this client."""

import asyncio
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest

from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer
from gateway.decision.token import SignedToken
from gateway.login.requests import StepUpWanted
from gateway.login.signed import (
    LOGOUT_EVENT,
    MAX_ID_TOKEN_BYTES,
    Expected,
    LogoutOrder,
    SignedTokens,
    Unverified,
    find_step_up_fault,
)
from tests.decision.policies import AUDIENCE, ISSUER, NOW, issuer, policy
from tests.decision.policies import claims as access_claims
from tests.login.signing import KEYS, OTHER_KEY, Keyring, sign

ACCESS = "access-token"
HALF = urlsafe_b64encode(sha256(ACCESS.encode()).digest()[:16]).rstrip(b"=").decode()
EXPECTED = Expected(ACCESS.encode(), "n-1")


def id_claims(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": ISSUER, "aud": "web", "sub": "alice", "iat": NOW, "exp": NOW + 60, "nonce": "n-1",
        "auth_time": NOW - 5, "at_hash": HALF, "azp": "web",
    }  # fmt: skip
    return {**good, **changes}


def logout_claims(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": ISSUER, "aud": "web", "sub": "alice", "sid": "s1", "iat": NOW, "exp": NOW + 60,
        "jti": "l1", "events": {LOGOUT_EVENT: {}},
    }  # fmt: skip
    return {**good, **changes}


def tokens(keyring: Keyring | None = None, *issuers: Issuer) -> SignedTokens:
    trusted = issuers or (issuer(),)
    return SignedTokens(trusted[0], "web", policy(issuers=trusted), keyring or Keyring())


def read_id(text: str, expected: Expected = EXPECTED, keyring: Keyring | None = None) -> str:
    """Return why the ID token is not accepted; empty if it is."""
    read = asyncio.run(tokens(keyring).read_id_token(text, expected, NOW))
    return read.detail if isinstance(read, Unverified) else ""


def read_logout(text: str) -> LogoutOrder | str:
    read = asyncio.run(tokens().read_logout_token(text, NOW))
    return read.detail if isinstance(read, Unverified) else read


def test_a_good_id_token_is_accepted() -> None:
    assert not read_id(sign(id_claims()))
    assert not read_id(sign(id_claims(azp=..., at_hash=..., auth_time=...), typ=None))
    assert not read_id(sign(id_claims(aud=["web", "api"])))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"iss": "https://evil.example"},
            "the ID token: the token's issuer is not configured: https://evil.example",
        ),
        ({"iss": ...}, "the ID token: the claim iss is missing"),
        ({"aud": "other"}, "the ID token: the token names no audience of this API"),
        ({"aud": ...}, "the ID token: the claim aud is missing"),
        ({"azp": "other"}, "the ID token's claim azp is not this client"),
        ({"aud": ["web", "x"], "azp": ...}, "the ID token's claim azp is not this client"),
        ({"exp": NOW - 30}, "the ID token: the token has expired"),
        ({"exp": ...}, "the ID token: the claim exp is missing"),
        ({"iat": ...}, "the ID token's claim iat is missing"),
        ({"iat": NOW + 31}, "the ID token: the token was issued in the future"),
        ({"nbf": NOW + 31}, "the ID token: the token is not valid yet"),
        ({"sub": ...}, "the ID token's claim sub is missing"),
        ({"sub": 7}, "the ID token: the claim sub is malformed"),
        ({"nonce": "n-2"}, "the ID token's claim nonce is not that of this login"),
        ({"nonce": ...}, "the ID token's claim nonce is not that of this login"),
        ({"nonce": ["n-1"]}, "the ID token's claim nonce is not that of this login"),
        ({"at_hash": "x"}, "the ID token's claim at_hash does not fit the access token"),
        ({"events": {}}, "the ID token's type is that of another kind of token"),
    ],
)
def test_an_id_token_that_says_something_else_is_not(changes: dict[str, Any], why: str) -> None:
    """Every check of OpenID Connect Core 1.0 §3.1.3.7."""
    assert read_id(sign(id_claims(**changes))) == why


def test_an_id_token_of_another_kind_key_or_algorithm_is_not() -> None:
    unsigned = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    payload = sign(id_claims()).split(".")[1]

    assert "another kind" in read_id(sign(id_claims(), typ="at+jwt"))
    assert "another kind" in read_id(sign(id_claims(), typ="logout+jwt"))
    assert "does not verify" in read_id(sign(id_claims(), key=OTHER_KEY))
    assert "no key of the issuer" in read_id(sign(id_claims(), kid="k8"))
    assert "algorithm" in read_id(f"{unsigned}.{payload}.")
    assert "three parts" in read_id("nonsense")
    assert "longer" in read_id("a" * (MAX_ID_TOKEN_BYTES + 1))
    assert "base64url" in read_id("\N{SNOWMAN}.\N{SNOWMAN}.\N{SNOWMAN}")


def test_an_authentication_is_as_fresh_as_was_asked_for() -> None:
    """9470.5: with max_age, auth_time is required."""
    fresh = Expected(ACCESS.encode(), "n-1", 10)

    assert not read_id(sign(id_claims(auth_time=NOW - 10)), fresh)
    assert "auth_time" in read_id(sign(id_claims(auth_time=NOW - 11)), fresh)
    assert "auth_time" in read_id(sign(id_claims(auth_time=...)), fresh)


def test_a_refreshed_id_token_needs_no_nonce() -> None:
    """OpenID Connect Core 1.0 §12.2."""
    assert not read_id(sign(id_claims(nonce=...)), Expected(ACCESS.encode()))


def test_a_key_that_is_not_known_is_fetched_once() -> None:
    late = Keyring(None, KEYS)
    never = Keyring(None)

    assert not read_id(sign(id_claims()), keyring=late)
    assert late.asked == [None]
    read = asyncio.run(tokens(never).read_id_token(sign(id_claims()), EXPECTED, NOW))
    assert isinstance(read, Unverified)
    assert read.is_passing
    assert never.asked == [None]


def read_access(text: str, *issuers: Issuer) -> SignedToken | str:
    read = asyncio.run(tokens(None, *issuers).read_access_token(text, NOW))
    return read.detail if isinstance(read, Unverified) else read


def test_an_access_token_is_good_if_requests_with_it_would_be() -> None:
    read = read_access(sign(access_claims()))

    assert isinstance(read, SignedToken)
    assert read.claims.subject == "alice"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("opaque", "the access token: the token does not have three parts"),
        ("a" * 8193, "the access token is longer than the gateway accepts"),
        (sign(access_claims(aud="x")), "the access token: the token names no audience of this API"),
        (sign(access_claims(exp=NOW - 30)), "the access token: the token has expired"),
        (sign(access_claims(nonce="n")), "the access token: the token has claims of another kind"),
        (sign(access_claims(iss="o")), "the access token: the token's issuer is not configured: o"),
        (sign(access_claims(), key=OTHER_KEY), "the access token: the key does not verify"),
    ],
)
def test_an_access_token_that_requests_could_not_use_is_not(text: str, why: str) -> None:
    read = read_access(text)

    assert isinstance(read, str)
    assert read.startswith(why)


def test_an_access_token_of_another_issuer_is_not_though_requests_could_use_it() -> None:
    other = issuer(name="other", issuer="https://other.example/", audiences=frozenset({AUDIENCE}))
    keyring = Keyring()
    keyring.put("other", KeySet(KEYS.keys))
    both = tokens(keyring, issuer(), other)

    read = asyncio.run(both.read_access_token(sign(access_claims(iss=other.issuer)), NOW))

    assert read == Unverified("the access token is of another issuer")


def test_an_issuer_that_only_reports_logs_nobody_in_by_it() -> None:
    read = read_access(sign(access_claims(aud="x")), issuer(reports=True))

    assert read == "the access token: the token names no audience of this API"


def test_a_step_up_is_judged_by_the_access_token() -> None:
    """9470.5: what routes judge is the access token; a login that did not help is not repeated."""
    strong = read_access(sign(access_claims(acr="mfa", auth_time=NOW - 5)))
    assert isinstance(strong, SignedToken)

    assert find_step_up_fault(strong, StepUpWanted(("mfa", "x"), 5), NOW) is None
    assert "acr" in (find_step_up_fault(strong, StepUpWanted(("x",)), NOW) or "")
    assert "auth_time" in (find_step_up_fault(strong, StepUpWanted((), 4), NOW) or "")


def test_a_logout_token_names_a_session_or_a_person() -> None:
    by_sid = read_logout(sign(logout_claims(), typ="logout+jwt"))
    by_sub = read_logout(sign(logout_claims(sid=...)))

    assert by_sid == LogoutOrder("alice", "s1", "l1", NOW, NOW + 60)
    assert by_sub == LogoutOrder("alice", None, "l1", NOW, NOW + 60)


@pytest.mark.parametrize(
    ("changes", "typ", "why"),
    [
        ({}, "at+jwt", "type is not logout+jwt"),
        ({}, None, "type is not logout+jwt"),
        ({"nonce": "n"}, "JWT", "nonce is forbidden"),
        ({"nonce": None}, "JWT", "nonce is forbidden"),
        ({"events": ...}, "JWT", "events does not say"),
        ({"events": [LOGOUT_EVENT]}, "JWT", "events does not say"),
        ({"events": {"other": {}}}, "JWT", "events does not say"),
        ({"events": {LOGOUT_EVENT: None}}, "JWT", "events does not say"),
        ({"jti": ...}, "JWT", "jti is missing"),
        ({"jti": ""}, "JWT", "jti is missing"),
        ({"jti": 1}, "JWT", "jti is malformed"),
        ({"iat": ...}, "JWT", "iat is missing"),
        ({"iat": NOW + 31}, "JWT", "issued in the future"),
        ({"exp": ...}, "JWT", "exp is missing"),
        ({"exp": NOW - 30}, "JWT", "has expired"),
        ({"sid": 1}, "JWT", "sid is malformed"),
        ({"sid": ""}, "JWT", "sid is malformed"),
        ({"sid": ..., "sub": ...}, "JWT", "sub and sid are both missing"),
        ({"aud": "other"}, "JWT", "names no audience"),
        ({"iss": "https://evil.example"}, "JWT", "not configured"),
    ],
)
def test_any_other_logout_token_ends_nothing(
    changes: dict[str, Any], typ: str | None, why: str
) -> None:
    """Every check of OpenID Connect Back-Channel Logout 1.0 §2.6."""
    read = read_logout(sign(logout_claims(**changes), typ=typ))

    assert isinstance(read, str)
    assert why in read


def test_a_logout_token_of_another_key_ends_nothing() -> None:
    read = read_logout(sign(logout_claims(), key=OTHER_KEY))

    assert isinstance(read, str)
    assert "does not verify" in read
