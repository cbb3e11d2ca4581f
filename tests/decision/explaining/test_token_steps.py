"""Each step of judging a token says what was expected, and what was found."""

from collections.abc import Generator
from typing import Any, TypeVar

import pytest

from gateway.decision.explaining.steps import Check, Owner, Setting, Step
from gateway.decision.explaining.token_steps import (
    Known,
    authentication_steps,
    claim_steps,
    show_time,
)
from gateway.decision.keys import KeySet
from gateway.decision.policy import Issuer, Profile, ScopeSource
from gateway.decision.reason import Reason
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import authenticate
from gateway.decision.tokens.introspected import find_nothing
from tests.decision.policies import ISSUER, NOW, claims, issuer, policy, route
from tests.tokens import as_key, make_key, make_private, mint

PRIVATE, KEYS = make_key("ES256")
POLICY = policy(issuers=(issuer(),))
T = TypeVar("T")


def walk(steps: Generator[Step, None, T]) -> tuple[list[Step], T]:
    taken = []
    while True:
        try:
            taken.append(next(steps))
        except StopIteration as end:
            return taken, end.value


def authenticated(
    token: bytes, keys: KeySet | None = KEYS
) -> tuple[list[Step], SignedToken | None]:
    known = Known({} if keys is None else {"main": keys}, NOW, find_nothing)
    return walk(authentication_steps(token, POLICY, known, route()))


def minted(**changes: Any) -> bytes:
    return mint(PRIVATE, "ES256", claims(**changes))


def test_a_token_that_holds_passes_every_step() -> None:
    steps, token = authenticated(minted())

    assert [(step.check, step.holds) for step in steps] == [
        (check, True)
        for check in (
            Check.FORM, Check.ISSUER, Check.ALGORITHM, Check.KEY, Check.SIGNATURE, Check.CLAIMS,
        )
    ]  # fmt: skip
    assert isinstance(token, SignedToken)
    assert steps[1].found == f"main: {ISSUER}"


MANY = KeySet(tuple(as_key(make_private("ES256", 1), f"k{n}") for n in range(2, 20)))


@pytest.mark.parametrize(
    ("token", "keys", "check", "reason", "found"),
    [
        (b"a.b", KEYS, Check.FORM, Reason.TOKEN_MALFORMED, "the token does not have three parts"),
        (
            mint(PRIVATE, "ES256", b"[]"), KEYS, Check.FORM, Reason.TOKEN_MALFORMED,
            "the payload is unreadable: not a JSON object",
        ),
        (minted(iss="x"), KEYS, Check.ISSUER, Reason.ISSUER_UNKNOWN, "iss is 'x'"),
        (minted(iss=...), KEYS, Check.ISSUER, Reason.CLAIM_MISSING, "no iss"),
        (
            mint(PRIVATE, "ES256", claims(), headers={"alg": "none"}), KEYS,
            Check.ALGORITHM, Reason.ALGORITHM_NOT_ALLOWED, "none",
        ),
        (minted(), None, Check.KEY, Reason.KEYS_UNAVAILABLE, "no keys are loaded"),
        (
            minted(), KeySet(()), Check.KEY, Reason.KEY_UNKNOWN,
            "no key of the issuer matches the token's key id and algorithm; keys held: none",
        ),
        (
            minted(), MANY, Check.KEY, Reason.KEY_UNKNOWN,
            "no key of the issuer matches the token's key id and algorithm; keys held: 'k2', 'k3', "
            "'k4', 'k5', 'k6', 'k7', 'k8', 'k9', 'k10', 'k11' and 8 more",
        ),
        (
            minted(), make_key("ES256", which=1)[1], Check.SIGNATURE, Reason.SIGNATURE_INVALID,
            "the key does not verify the signature",
        ),
        (
            minted(exp=...), KEYS, Check.CLAIMS, Reason.CLAIM_MISSING, "the claim exp is missing",
        ),
    ],
)  # fmt: skip
def test_the_first_step_that_fails_is_the_last(
    token: bytes, keys: KeySet | None, check: Check, reason: Reason, found: str
) -> None:
    steps, signed = authenticated(token, keys)

    assert signed is None
    assert all(step.holds for step in steps[:-1])
    assert (steps[-1].check, steps[-1].reason, steps[-1].found) == (check, reason, found)


def test_keys_that_are_tried_in_turn_are_counted() -> None:
    """Where the token has no key id, or keys share one."""
    other = as_key(make_private("ES256", 1))
    key = KEYS.keys[0]
    held, signed = authenticated(minted(), KeySet((other, key)))
    failed, _ = authenticated(minted(), KeySet((other, other)))
    undecided, _ = authenticated(minted(), KeySet(5 * (other,) + (key,)))

    assert signed is not None
    found = [(step.check, step.found, step.reason) for step in held if step.check in KEY_STEPS]
    assert found == [
        (Check.KEY, "2 of them: tried in turn, at most 4", None),
        (Check.SIGNATURE, "one does", None),
    ]
    assert (failed[-1].check, failed[-1].reason) == (Check.SIGNATURE, Reason.SIGNATURE_INVALID)
    assert (undecided[-1].check, undecided[-1].reason) == (Check.SIGNATURE, Reason.KEY_UNKNOWN)
    assert "more match" in undecided[-1].found


KEY_STEPS = {Check.KEY, Check.SIGNATURE}


def test_an_issuer_that_nobody_knows_is_told_who_is_known() -> None:
    steps, _ = authenticated(minted(iss="x"))
    nobody, _ = walk(
        authentication_steps(minted(), policy(issuers=()), Known({}, NOW, find_nothing), route())
    )

    assert steps[-1].expected == f"iss is one of: {ISSUER}"
    assert nobody[-1].expected == "iss is one of: no issuer"


STRICT = {"profile": Profile.RFC9068}


@pytest.mark.parametrize(
    ("trusted", "changes", "typ", "check", "reason"),
    [
        ({}, {}, "JWT", None, None),
        ({}, {}, None, None, None),
        ({"audiences": None}, {"aud": ...}, "JWT", None, None),
        ({}, {"nbf": NOW, "aud": ["b", "orders-api"]}, "JWT", None, None),
        ({}, {}, "logout+jwt", Check.KIND, Reason.TOKEN_TYPE_MISMATCH),
        (STRICT, {"jti": ...}, "at+jwt", Check.KIND, Reason.CLAIM_MISSING),
        ({}, {"exp": NOW - 30}, "JWT", Check.TIMES, Reason.TOKEN_EXPIRED),
        ({}, {"nbf": NOW + 31}, "JWT", Check.TIMES, Reason.TOKEN_NOT_YET_VALID),
        ({}, {"aud": "other"}, "JWT", Check.AUDIENCE, Reason.AUDIENCE_MISMATCH),
        ({}, {"aud": ...}, "JWT", Check.AUDIENCE, Reason.CLAIM_MISSING),
    ],
)
def test_claims_are_judged_in_their_order(
    trusted: dict[str, Any],
    changes: dict[str, Any],
    typ: str | None,
    check: Check | None,
    reason: Reason | None,
) -> None:
    one = issuer(**trusted)
    signed = authenticate(
        mint(PRIVATE, "ES256", claims(**changes), headers={"typ": typ}),
        policy(issuers=(one,)),
        {"main": KEYS},
    )
    assert isinstance(signed, SignedToken)

    steps, holds = walk(claim_steps(signed, NOW))

    assert holds is (check is None)
    order = [Check.KIND, Check.TIMES, Check.AUDIENCE]
    reached = order if check is None else order[: order.index(check) + 1]
    assert [step.check for step in steps] == reached
    assert [step.reason for step in steps] == [None] * (len(reached) - 1) + [reason]


def said(one: Issuer, **changes: Any) -> list[tuple[str, str]]:
    signed = authenticate(minted(**changes), policy(issuers=(one,)), {"main": KEYS})
    assert isinstance(signed, SignedToken)
    return [(step.expected, step.found) for step in walk(claim_steps(signed, NOW))[0]]


def test_the_steps_say_what_the_issuer_wants_and_what_the_token_claims() -> None:
    assert said(issuer()) == [
        ("typ at+jwt, JWT or none, without claims of another kind of token", "typ 'jwt'"),
        (
            "current at 2027-01-15T08:00:00Z",
            "exp 2027-01-15T08:05:00Z, iat 2027-01-15T08:00:00Z",
        ),
        ("aud contains one of: orders-api", "aud is 'orders-api'"),
    ]


def test_an_audience_that_is_not_asked_for_may_be_absent() -> None:
    assert said(issuer(audiences=None), aud=...)[-1] == (
        "any: audiences are unchecked",
        "aud is not there",
    )


def test_the_profile_says_what_it_requires() -> None:
    assert said(issuer(**STRICT))[0] == (
        "typ at+jwt, with every claim that RFC 9068 requires",
        "the token is of another type: typ 'jwt'",
    )


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (NOW, "2027-01-15T08:00:00Z"),
        (2.0**52, "4.5036e+15"),
        (-1, "-1"),
    ],
)
def test_a_time_is_shown_in_utc_while_calendars_last(at: float, text: str) -> None:
    assert show_time(at) == text


RULES = (
    compile_claim_test(("hd",), "equals", "a.example"),
    compile_claim_test(("level",), "at_least", 2),
)


def judged(trusted: Issuer, typ: str = "JWT", **changes: Any) -> tuple[list[Step], bool]:
    token = authenticate(
        mint(PRIVATE, "ES256", claims(**changes), headers={"typ": typ}),
        policy(issuers=(trusted,)),
        {"main": KEYS},
    )
    assert isinstance(token, SignedToken)
    return walk(claim_steps(token, NOW))


def test_each_rule_of_the_issuer_is_a_step_up_to_the_first_that_fails() -> None:
    steps, holds = judged(issuer(claims=RULES), hd="a.example", level=1)

    assert not holds
    assert [(step.check, step.holds, step.found) for step in steps[1:]] == [
        (Check.ISSUER_RULES, True, "hd is 'a.example'"),
        (Check.ISSUER_RULES, False, "level is 1"),
    ]
    assert steps[-1].reason is Reason.CLAIM_RULE_FAILED
    assert steps[-1].setting == Setting(Owner.ISSUER, "main", ("require", "claims", "level"))


def test_rules_of_the_issuer_that_hold_come_before_the_times() -> None:
    steps, holds = judged(issuer(claims=RULES), hd="a.example", level=2)

    assert holds
    assert [step.check for step in steps] == [
        Check.KIND, Check.ISSUER_RULES, Check.ISSUER_RULES, Check.TIMES, Check.AUDIENCE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"nonce": "n"}, "id_token_signals"),
        ({"scope": "", "client_id": "orders-api"}, "id_token_signals"),
        ({"events": {}}, "profile"),
    ],
)
def test_the_setting_of_a_signal_is_shown_where_it_refuses(
    changes: dict[str, Any], setting: str
) -> None:
    steps, holds = judged(issuer(), **changes)

    assert not holds
    assert steps[-1].check is Check.KIND
    assert steps[-1].setting == Setting(Owner.ISSUER, "main", (setting,))


def test_a_signal_in_a_token_with_the_type_of_access_tokens_is_none() -> None:
    steps, holds = judged(issuer(), "at+jwt", nonce="n")

    assert holds
    assert steps[0].setting == Setting(Owner.ISSUER, "main", ("profile",))


def test_where_scopes_come_from_is_shown_unless_it_is_the_default() -> None:
    sources = (ScopeSource(("scope",)), ScopeSource(("realm", "roles"), "role:"))

    steps, holds = judged(issuer(scopes_from=sources), realm={"roles": ["a"]})

    assert holds
    assert steps[0] == Step(
        Check.SCOPE_SOURCES,
        "scopes from: scope, realm.roles as role:…",
        "orders:read role:a",
        None,
        Setting(Owner.ISSUER, "main", ("scopes_from",)),
    )


def test_no_scopes_are_told_as_none() -> None:
    steps, _ = judged(issuer(scopes_from=(ScopeSource(("scp",)),)))

    assert steps[0].found == "none"


MESH = issuer(issuer="spiffe://example.org", trust_domain="example.org")


@pytest.mark.parametrize(
    ("changes", "expected", "found", "reason"),
    [
        ({"iss": ...}, "sub is in a configured trust domain", "well-formed", None),
        ({"iss": MESH.issuer}, "iss is a configured issuer", "well-formed", None),
        (
            {"iss": MESH.issuer, "sub": "spiffe://other.org/a"},
            "iss is a configured issuer",
            "the claim sub is not a SPIFFE ID in the issuer's trust domain",
            Reason.CLAIM_MALFORMED,
        ),
    ],
)
def test_a_svid_is_explained_by_its_trust_domain(
    changes: dict[str, Any], expected: str, found: str, reason: Reason | None
) -> None:
    token = minted(**{"sub": "spiffe://example.org/a", **changes})

    known = Known({"main": KEYS}, NOW, find_nothing)
    steps, _ = walk(authentication_steps(token, policy(issuers=(MESH,)), known, route()))

    assert (steps[1].expected, steps[1].found) == (expected, "main: spiffe://example.org")
    last = steps[-1]
    assert last.expected == "a JWT-SVID: exp, and sub is a SPIFFE ID in example.org"
    assert (last.check, last.found, last.reason) == (Check.CLAIMS, found, reason)
    assert last.setting is not None
    assert last.setting.keys == ("issuer",)


def test_the_type_of_a_svid_is_another_than_that_of_access_tokens() -> None:
    steps, holds = judged(MESH, "JOSE", iss=MESH.issuer, sub="spiffe://example.org/a")

    assert holds
    assert steps[0].check is Check.KIND
    assert steps[0].expected.startswith("typ JWT, JOSE or none")


def test_without_iss_and_a_spiffe_id_it_is_told_what_lacks() -> None:
    known = Known({"main": KEYS}, NOW, find_nothing)
    steps, _ = walk(authentication_steps(minted(iss=...), policy(issuers=(MESH,)), known, route()))

    assert (steps[-1].check, steps[-1].reason) == (Check.ISSUER, Reason.CLAIM_MISSING)
