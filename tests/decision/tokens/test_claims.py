"""Claims: of the right types, current, and meant for us."""

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer, Profile, ScopeSource
from gateway.decision.reason import Reason
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.token import Claims, SignedToken
from gateway.decision.tokens.claims import check_claims, check_current, read_claims
from gateway.decision.verdict import Deny
from tests.decision.policies import NOW, claims, issuer

IMPLIES = {"admin": frozenset({"read", "write"})}


def read(**changes: Any) -> Claims | Deny:
    return read_claims(claims(**changes), issuer(), IMPLIES)


def check(
    trusted: Issuer | None = None, token_type: str | None = "jwt", now: float = NOW, **changes: Any
) -> tuple[Reason, str] | None:
    """Return why a token with these claims does not hold, or None."""
    trusted = trusted or issuer()
    held = read_claims(claims(**changes), trusted, {})
    assert isinstance(held, Claims)
    token = SignedToken(trusted, KeySet(()), "k1", token_type, held, b"", b"")
    deny = check_claims(token, trusted, now)
    return None if deny is None else (deny.reason, deny.detail)


def test_good_claims_are_read() -> None:
    held = read(nbf=NOW - 1.5, scope="read admin")

    assert isinstance(held, Claims)
    assert (held.subject, set(held.audiences)) == ("alice", {"orders-api"})
    assert (held.expires_at, held.not_before, held.issued_at) == (NOW + 300, NOW - 1.5, NOW)
    assert held.scopes == ("read", "admin")
    assert held.granted == {"read", "admin", "write"}
    assert held.all["client_id"] == "shop"


BAD_TIMES = ["1", True, False, [], [None], {}, -1, -0.5, 2**53, 1e300, 10**400, "NaN"]


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", BAD_TIMES)
def test_a_time_is_a_json_number_of_sane_size(name: str, value: object) -> None:
    """7519.3."""
    assert read(**{name: value}) == Deny(Reason.CLAIM_MALFORMED, f"the claim {name} is malformed")


@pytest.mark.parametrize("value", [0, 0.0, 1.5, 1e9, 2**53 - 1])
def test_fractions_and_exponents_are_numbers_too(value: float) -> None:
    held = read(exp=value)

    assert isinstance(held, Claims)
    assert held.expires_at == value


def test_a_token_without_an_end_is_refused() -> None:
    assert read(exp=...) == Deny(Reason.CLAIM_MISSING, "the claim exp is missing")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", ""), ("sub", 1), ("sub", False), ("sub", ["alice"]),
        ("jti", 1), ("jti", [None]), ("client_id", {}), ("client_id", 0),
        ("aud", 1), ("aud", False), ("aud", {"orders-api": 1}), ("aud", ["orders-api", 1]),
        ("aud", [None]), ("aud", ["orders-api", None]),
        ("scope", 1), ("scope", False), ("scope", {}), ("scope", ["a", 1]), ("scope", ["a b"]),
        ("scp", 1), ("scp", 0), ("scp", [None]), ("scp", ["a", "b c"]),
    ],
)  # fmt: skip
def test_a_claim_of_another_type_is_malformed(name: str, value: object) -> None:
    """8725.6, 7519.4."""
    assert read(**{name: value}) == Deny(Reason.CLAIM_MALFORMED, f"the claim {name} is malformed")


@pytest.mark.parametrize(
    ("given_claims", "scopes"),
    [
        ({"scope": ...}, ()),
        ({"scope": ""}, ()),
        ({"scope": "a"}, ("a",)),
        ({"scope": "b a b"}, ("b", "a")),
        ({"scope": " a  b "}, ("a", "b")),
        ({"scope": "a\tb"}, ("a\tb",)),
        ({"scope": ["a", "b"]}, ("a", "b")),
        ({"scope": [""]}, ()),
        ({"scope": ..., "scp": "a b"}, ("a", "b")),
        ({"scope": ..., "scp": ["a", "b"]}, ("a", "b")),
        ({"scope": "a b", "scp": ["b", "c"]}, ("a", "b", "c")),
    ],
)
def test_scopes_are_read_from_scope_and_scp(
    given_claims: dict[str, Any], scopes: tuple[str, ...]
) -> None:
    held = read(**given_claims)

    assert isinstance(held, Claims)
    assert held.scopes == scopes


SCOPES = st.lists(st.text("abz:/.-_", min_size=1, max_size=4), max_size=5)


@given(SCOPES, st.data())
def test_spaces_between_scopes_and_around_them_grant_nothing_however_many(
    scopes: list[str], data: st.DataObject
) -> None:
    """RFC 6749 §3.3 has single ones; issuers that join texts write two, or one at an end."""
    gaps = [data.draw(st.integers(1, 3)) for _ in scopes]
    text = "".join(scope + " " * gap for scope, gap in zip(scopes, gaps, strict=True))
    held = read(scope=" " * data.draw(st.integers(0, 3)) + text)
    single = read(scope=" ".join(scopes))

    assert isinstance(held, Claims)
    assert isinstance(single, Claims)
    assert held.scopes == single.scopes == tuple(dict.fromkeys(scopes))
    assert held.granted == single.granted


# What a null may stand for; `iss` is looked at before (``authenticate``).
OPTIONAL = ["nbf", "iat", "sub", "jti", "client_id", "scope", "scp", "aud"]


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("profile", list(Profile))
def test_null_is_as_good_as_absent(name: str, profile: Profile) -> None:
    """Serialisers write it for what is not there; nothing is granted by it, or left unasked."""
    trusted = issuer(profile=profile)
    null: dict[str, Any] = {name: None}
    absent: dict[str, Any] = {name: ...}
    held = read_claims(claims(**null), trusted, IMPLIES)
    without = read_claims(claims(**absent), trusted, IMPLIES)

    assert isinstance(held, Claims)
    assert isinstance(without, Claims)
    assert asdict(held) | {"all": {}} == asdict(without) | {"all": {}}
    for kind in ("at+jwt", "jwt"):
        assert check(trusted, kind, **null) == check(trusted, kind, **absent)


def test_a_null_for_the_end_is_no_end() -> None:
    """A token without one is refused."""
    assert read(exp=None) == Deny(Reason.CLAIM_MISSING, "the claim exp is missing")


@pytest.mark.parametrize("audiences", [frozenset({"orders-api"}), None])
def test_a_null_for_the_audience_is_nobodys(audiences: frozenset[str] | None) -> None:
    answer = check(issuer(audiences=audiences), aud=None)

    missing = (Reason.CLAIM_MISSING, "the claim aud is missing")
    assert answer == (None if audiences is None else missing)


@pytest.mark.parametrize("name", ["nonce", "at_hash", "c_hash", "events", "token_introspection"])
def test_a_claim_of_another_kind_of_token_tells_it_apart_also_if_it_is_null(name: str) -> None:
    """8725.11: an ID token without its nonce must not become an access token."""
    changes: dict[str, Any] = {name: None}

    assert check(**changes) == other_kind(name)


EXPIRED = (Reason.TOKEN_EXPIRED, "the token has expired")
NOT_YET = (Reason.TOKEN_NOT_YET_VALID, "the token is not valid yet")
FUTURE = (Reason.TOKEN_NOT_YET_VALID, "the token was issued in the future")


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"exp": NOW + 1}, None),
        ({"exp": NOW}, None),
        ({"exp": NOW - 29.5}, None),
        ({"exp": NOW - 30}, EXPIRED),
        ({"exp": NOW - 31}, EXPIRED),
        ({"nbf": NOW + 30}, None),
        ({"nbf": NOW + 30.5}, NOT_YET),
        ({"nbf": NOW - 1}, None),
        ({"iat": NOW + 30}, None),
        ({"iat": NOW + 31}, FUTURE),
        ({"iat": ...}, None),
    ],
)
def test_a_token_is_current_from_nbf_to_exp_give_or_take_the_leeway(
    changes: dict[str, Any], answer: tuple[Reason, str] | None
) -> None:
    """7519.1, 7519.2: at the exact second too."""
    assert check(**changes) == answer


def test_without_leeway_the_second_of_exp_is_too_late() -> None:
    """7519.1."""
    strict = issuer(leeway_seconds=0.0)

    assert check(strict, exp=NOW) == EXPIRED
    assert check(strict, exp=NOW + 0.001) is None
    assert check(strict, nbf=NOW) is None


OTHER_AUDIENCE = (Reason.AUDIENCE_MISMATCH, "the token names no audience of this API")


@pytest.mark.parametrize(
    ("aud", "answer"),
    [
        ("orders-api", None),
        (["other", "orders-api"], None),
        ("Orders-Api", OTHER_AUDIENCE),
        ("orders-api ", OTHER_AUDIENCE),
        ("orders", OTHER_AUDIENCE),
        ("orders-api other", OTHER_AUDIENCE),
        ([], OTHER_AUDIENCE),
        ("", OTHER_AUDIENCE),
        (..., (Reason.CLAIM_MISSING, "the claim aud is missing")),
    ],
)
def test_an_audience_of_ours_is_named_exactly(
    aud: object, answer: tuple[Reason, str] | None
) -> None:
    """7519.4, 8725.7, 9700.3."""
    assert check(aud=aud) == answer


@pytest.mark.parametrize("aud", [..., "other", []])
def test_an_unchecked_audience_may_be_any_or_absent(aud: object) -> None:
    assert check(issuer(audiences=None), aud=aud) is None


OTHER_TYPE = (Reason.TOKEN_TYPE_MISMATCH, "the token is of another type")


def other_kind(name: str) -> tuple[Reason, str]:
    detail = f"the token has claims of another kind of token: {name}"
    return Reason.TOKEN_TYPE_MISMATCH, detail


@pytest.mark.parametrize(
    ("token_type", "changes", "answer"),
    [
        (None, {}, None),
        ("jwt", {}, None),
        ("at+jwt", {}, None),
        ("at+jwt", {"nonce": "n"}, None),
        (None, {"nonce": "n"}, other_kind("nonce")),
        ("jwt", {"at_hash": "h"}, other_kind("at_hash")),
        ("jwt", {"c_hash": "h"}, other_kind("c_hash")),
        ("jwt", {"events": {}}, other_kind("events")),
        ("jwt", {"token_introspection": {}}, other_kind("token_introspection")),
        ("", {}, OTHER_TYPE),
        ("logout+jwt", {}, OTHER_TYPE),
        ("dpop+jwt", {}, OTHER_TYPE),
        ("token-introspection+jwt", {}, OTHER_TYPE),
        ("secevent+jwt", {}, OTHER_TYPE),
        ("jose", {}, OTHER_TYPE),
        ("text/jwt", {}, OTHER_TYPE),
    ],
)
def test_no_other_kind_of_jwt_passes_for_an_access_token(
    token_type: str | None, changes: dict[str, Any], answer: tuple[Reason, str] | None
) -> None:
    """8725.11."""
    assert check(token_type=token_type, **changes) == answer


OF_A = (compile_claim_test(("hd",), "equals", "a.example"),)
STRICT_OF_A = issuer(profile=Profile.RFC9068, claims=OF_A)
BROKEN = (
    Reason.CLAIM_RULE_FAILED,
    "the rule of the issuer main does not hold: hd equals a.example",
)


@pytest.mark.parametrize(
    ("trusted", "token_type", "changes", "answer"),
    [
        (issuer(claims=OF_A), "jwt", {"hd": "a.example"}, None),
        (issuer(claims=OF_A), "jwt", {"hd": "b.example"}, BROKEN),
        (issuer(claims=OF_A), "at+jwt", {}, BROKEN),
        (issuer(claims=OF_A), "at+jwt", {"hd": "a.example", "nonce": "n"}, None),
        (issuer(claims=OF_A), "jwt", {"nonce": "n"}, other_kind("nonce")),
        (issuer(claims=OF_A), "jwt", {"exp": NOW - 40}, BROKEN),
        (STRICT_OF_A, "at+jwt", {"hd": "b.example"}, BROKEN),
        (STRICT_OF_A, "at+jwt", {"hd": "a.example"}, None),
        (STRICT_OF_A, "at+jwt", {"jti": ...}, (Reason.CLAIM_MISSING, "the claim jti is missing")),
        (STRICT_OF_A, "jwt", {}, OTHER_TYPE),
    ],
)
def test_the_rules_of_an_issuer_hold_for_every_token_of_it(
    trusted: Issuer,
    token_type: str,
    changes: dict[str, Any],
    answer: tuple[Reason, str] | None,
) -> None:
    assert check(trusted, token_type, **changes) == answer


def test_scopes_from_other_claims_imply_others_too() -> None:
    trusted = issuer(scopes_from=(ScopeSource(("roles",)),))

    held = read_claims(claims(scope="x", roles=["admin"]), trusted, IMPLIES)

    assert isinstance(held, Claims)
    assert held.scopes == ("admin",)
    assert held.granted == {"admin", "read", "write"}


RFC9068 = issuer(profile=Profile.RFC9068)


@pytest.mark.parametrize(
    ("token_type", "answer"),
    [("at+jwt", None), ("jwt", OTHER_TYPE), (None, OTHER_TYPE), ("logout+jwt", OTHER_TYPE)],
)
def test_rfc_9068_asks_for_its_type(
    token_type: str | None, answer: tuple[Reason, str] | None
) -> None:
    """9068.1."""
    assert check(RFC9068, token_type) == answer


@pytest.mark.parametrize("name", ["aud", "sub", "client_id", "iat", "jti"])
def test_rfc_9068_asks_for_its_claims(name: str) -> None:
    """9068.6; iss and exp are asked for in every profile, and earlier."""
    changes: dict[str, Any] = {name: ...}

    answer = check(RFC9068, "at+jwt", **changes)

    assert answer == (Reason.CLAIM_MISSING, f"the claim {name} is missing")


def test_a_token_with_exactly_the_claims_that_rfc_9068_asks_for_holds() -> None:
    """9068.6: RFC 9068 §2.2 has no others that are required."""
    exactly = {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}
    others: dict[str, Any] = dict.fromkeys(claims().keys() - exactly, ...)

    assert set(claims(**others)) == exactly
    assert check(RFC9068, "at+jwt", **others) is None


def test_other_profiles_do_not() -> None:
    assert check(sub=..., client_id=..., iat=..., jti=..., scope=...) is None


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ["exp", "nbf", "iat", "aud", "sub", "scope", "scp", "jti", "client_id"],
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text()
            | st.lists(st.text()),
        ),
    )
)
def test_any_payload_gives_claims_or_a_refusal(payload: dict[str, object]) -> None:
    answer = read_claims(payload, issuer(), IMPLIES)

    if isinstance(answer, Deny):
        assert answer.reason in {Reason.CLAIM_MALFORMED, Reason.CLAIM_MISSING}
    else:
        assert 0 <= answer.expires_at < 2**53
        assert set(answer.scopes) <= answer.granted


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nonce": "n", "at_hash": "h"}, None),
        ({"events": {}}, None),
        ({"exp": NOW - 30}, Reason.TOKEN_EXPIRED),
        ({"nbf": NOW + 31}, Reason.TOKEN_NOT_YET_VALID),
        ({"iat": NOW + 31}, Reason.TOKEN_NOT_YET_VALID),
        ({"aud": "other"}, Reason.AUDIENCE_MISMATCH),
        ({"aud": ...}, Reason.CLAIM_MISSING),
    ],
)
def test_a_jwt_of_another_kind_is_current_by_the_same_rules(
    changes: dict[str, Any], reason: Reason | None
) -> None:
    held = read_claims(claims(**changes), issuer(), {})
    assert isinstance(held, Claims)

    deny = check_current(held, issuer(), NOW)

    assert (None if deny is None else deny.reason) is reason
