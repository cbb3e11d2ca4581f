"""An issuer's answer about a token is judged as strictly as a signed token."""

import gc
from hashlib import sha256
from types import FunctionType, ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.decision.token import SignedToken
from gateway.decision.tokens.introspected import (
    IntrospectedTokens,
    TokenAnswer,
    find_nothing,
    find_only,
    is_opaque,
    read_answer,
)
from gateway.decision.verdict import Deny
from tests.decision.policies import ISSUER, NOW, claims, issuer, policy

TRUSTED = issuer(introspects=True)
POLICY = policy(issuers=(TRUSTED,))
TOKEN = b"mF_9.B5f-4.1JqM-is-no-jwt.~"


def read(cache_seconds: float = 60.0, **changes: Any) -> SignedToken | Deny:
    members = {"active": True, "token_type": "Bearer", **claims(**changes)}
    kept = {name: value for name, value in members.items() if value is not ...}
    return read_answer(TokenAnswer(kept, NOW, NOW + cache_seconds), TRUSTED, POLICY)


def token(**changes: Any) -> SignedToken:
    held = read(**changes)
    assert isinstance(held, SignedToken)
    return held


def refused(**changes: Any) -> Reason:
    deny = read(**changes)
    assert isinstance(deny, Deny)
    return deny.reason


def test_an_answer_is_read_like_claims() -> None:
    held = token()

    assert held.claims.subject == "alice"
    assert held.claims.scopes == ("orders:read",)
    assert held.claims.expires_at == NOW + 300
    assert b"X-Gateway-Subject: alice\r\n" in held.identity_fields
    assert (held.issuer, held.policy, held.fresh_until) == (TRUSTED, POLICY, NOW + 60)


def test_a_token_that_is_not_active_is_refused() -> None:
    """7662.2."""
    deny = read_answer(TokenAnswer(None, NOW, NOW), TRUSTED, POLICY)

    assert isinstance(deny, Deny)
    assert deny.reason is Reason.TOKEN_INACTIVE


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        pytest.param(Reason.ISSUER_UNKNOWN, {"iss": ISSUER[:-1]}, id="7662.5: another iss"),
        pytest.param(Reason.ISSUER_UNKNOWN, {"iss": [ISSUER]}, id="7662.5: a list of iss"),
        pytest.param(Reason.PROOF_INVALID, {"cnf": {"jkt": "x"}}, id="9449.13: bound to a key"),
        pytest.param(Reason.PROOF_INVALID, {"cnf": {"x5t#S256": "x"}}, id="bound to a cert"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"token_type": "DPoP"}, id="of DPoP"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"token_type": "N_A"}, id="no type of access"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"token_type": ["Bearer"]}, id="types"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"token_use": "refresh_token"}, id="Hydra"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"token_use": "id"}, id="an ID token"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"token_use": ["access"]}, id="uses"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"token_use": {}}, id="a use that is an object"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"typ": "Refresh"}, id="Keycloak, refresh"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"typ": "Offline"}, id="Keycloak, offline"),
        pytest.param(Reason.TOKEN_TYPE_MISMATCH, {"typ": "ID"}, id="Keycloak, ID"),
        pytest.param(Reason.CLAIM_MALFORMED, {"exp": "tomorrow"}, id="7662.5: exp is a text"),
        pytest.param(Reason.CLAIM_MALFORMED, {"nbf": True}, id="7662.5: nbf is none"),
        pytest.param(Reason.CLAIM_MALFORMED, {"sub": ""}, id="an empty sub"),
        pytest.param(Reason.CLAIM_MALFORMED, {"aud": 7}, id="7662.5: aud is a number"),
    ],
)
def test_an_answer_about_another_kind_of_token_is_refused(
    reason: Reason, changes: dict[str, Any]
) -> None:
    assert refused(**changes) is reason


@pytest.mark.parametrize(
    "changes",
    [
        {"token_type": ...},
        {"token_type": None},
        {"token_type": "bearer"},
        {"token_use": "access_token"},
        {"token_use": "access"},
        {"typ": "Bearer"},
        {"typ": 7},
        {"iss": ...},
        {"cnf": None},
    ],
)
def test_what_a_server_need_not_say_may_be_absent(changes: dict[str, Any]) -> None:
    assert token(**changes).claims.subject == "alice"


@pytest.mark.parametrize(("cache_seconds", "lasts_seconds"), [(600.0, 600.0), (0.0, 60.0)])
def test_a_token_without_an_end_lasts_as_long_as_its_answer(
    cache_seconds: float, lasts_seconds: float
) -> None:
    """RFC 7662 section 2.2 makes `exp` optional; no claim is made up for others to see."""
    held = token(exp=..., cache_seconds=cache_seconds)

    assert held.claims.expires_at == NOW + lasts_seconds
    assert "exp" not in held.claims.all


def test_an_issuer_that_only_reports_is_named_with_each_refusal() -> None:
    lenient = issuer(introspects=True, reports=True)

    for members in (None, {"active": True, "cnf": {}}, {"active": True, "aud": 1}):
        deny = read_answer(TokenAnswer(members, NOW, NOW), lenient, POLICY)
        assert isinstance(deny, Deny)
        assert deny.reporter is lenient


@pytest.mark.parametrize("text", [b"abc", b"a.b", b"a.b.c.d.e", b"eyJ", b"a/b+c==", b"~-_.."[:4]])
def test_a_token_that_is_no_jwt_is_opaque(text: bytes) -> None:
    assert is_opaque(text)


@pytest.mark.parametrize(
    "text", [b"a.b.c", b"", b"a b", b"a\x00b", b"a=b", b'"a"', b"a\xffb", b"a\n"]
)
def test_a_jwt_is_not_and_neither_is_what_no_bearer_token_can_be(text: bytes) -> None:
    assert not is_opaque(text)


@given(st.binary(max_size=40))
def test_an_opaque_token_needs_no_encoding(text: bytes) -> None:
    assert not is_opaque(text) or text.decode("ascii").isprintable()


# --- what is remembered


def test_an_answer_is_used_while_it_is_fresh_for_its_issuer_and_policy() -> None:
    """7662.4, 7662.6."""
    memory, held = IntrospectedTokens(), token()
    other = issuer(name="other", introspects=True)
    memory.keep(TOKEN, held)

    assert len(memory) == 1
    assert memory.find(TOKEN, TRUSTED, POLICY, NOW + 59.9) is held
    assert memory.find(TOKEN, TRUSTED, POLICY, NOW + 60) is None
    assert memory.find(TOKEN + b"x", TRUSTED, POLICY, NOW) is None
    assert memory.find(TOKEN, other, POLICY, NOW) is None
    assert memory.find(TOKEN, TRUSTED, policy(issuers=(TRUSTED,)), NOW) is None


def test_an_answer_in_use_outlasts_others() -> None:
    memory, held = IntrospectedTokens(4), token()
    memory.keep(TOKEN, held)
    for number in range(20):
        memory.keep(b"other-%d" % number, held)
        assert memory.find(TOKEN, TRUSTED, POLICY, NOW) is held

    assert len(memory) <= 4


def test_no_token_lies_in_memory() -> None:
    """9700.4: it is found by its hash."""
    memory = IntrospectedTokens()
    memory.keep(TOKEN, token())
    seen: set[int] = set()
    texts, waiting = [], [memory._held]
    while waiting:
        one: Any = waiting.pop()
        if isinstance(one, bytes | str):
            texts.append(one.encode() if isinstance(one, str) else one)
        for held in gc.get_referents(one):
            if not isinstance(held, type | FunctionType | ModuleType) and id(held) not in seen:
                seen.add(id(held))
                waiting.append(held)

    assert sha256(b"main\n" + TOKEN).digest() in texts
    assert [text for text in texts if TOKEN in text] == []


def test_nothing_is_known_before_anybody_is_asked() -> None:
    assert find_nothing(TOKEN, TRUSTED, POLICY, NOW) is None


def test_an_answer_to_one_question_is_about_its_token_at_its_issuer_alone() -> None:
    """7662.4: also if nothing is remembered yet."""
    answer = TokenAnswer({"active": True, "sub": "alice"}, NOW, NOW + 60)
    elsewhere, others = token(), []

    def find_others(*about: Any) -> SignedToken:
        others.append(about)
        return elsewhere

    find = find_only(TOKEN, TRUSTED, answer, find_others)
    twin = issuer(introspects=True)

    found = find(TOKEN, TRUSTED, POLICY, NOW)
    assert isinstance(found, SignedToken)
    assert (found.issuer, found.claims.subject) == (TRUSTED, "alice")
    assert others == []
    assert find(TOKEN + b"x", TRUSTED, POLICY, NOW) is elsewhere
    assert find(TOKEN, twin, POLICY, NOW) is elsewhere  # of the same name, after a reload
    assert find_only(TOKEN, TRUSTED, None, find_others)(TOKEN, TRUSTED, POLICY, NOW) is None
