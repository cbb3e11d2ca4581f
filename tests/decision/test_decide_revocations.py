"""A token on a list is refused on every request; what a missing list means is configured."""

from math import inf
from typing import Any

import pytest

from gateway.decision.decide import decide
from gateway.decision.reason import Reason
from gateway.decision.revocation import (
    Revocation,
    RevocationList,
    RevocationLists,
    RevocationRule,
)
from gateway.decision.rules.scopes import compile_scopes
from gateway.decision.tokens.authenticate import authenticate
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Allow, Deny, Verdict
from tests.decision.policies import NOW, claims, head, issuer, policy, route
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("ES256")
PARTNER = "https://partner.example/"
ISSUERS = (issuer(), issuer(name="partner", issuer=PARTNER))
ALL_KEYS = {"main": KEYS, "partner": KEYS}
ROUTES = (
    route("/any"),
    route("/scoped", scopes=compile_scopes("admin")),
    route("/partner", issuers=frozenset({"partner"})),
    route("/other", audiences=frozenset({"other"})),
    route("/optional", optional=True),
    route("/public", public=True),
    route("/reports", reports=True),
)
STRICT = RevocationRule("blocked", frozenset({"main"}), refuses_without=True)
LENIENT = RevocationRule("advice", frozenset({"main"}), refuses_without=False)
BOTH = RevocationRule("both", frozenset({"main", "partner"}), refuses_without=True)


def listed(**named: str) -> RevocationList:
    return RevocationList([Revocation(tuple(named.items()), inf, inf)])


NOBODY, TOKEN_1 = RevocationList(()), listed(jti="token-1")


def ask(
    lists: RevocationLists,
    *rules: RevocationRule,
    target: bytes = b"/any",
    now: float = NOW,
    **changes: Any,
) -> Verdict:
    ruled = policy(*ROUTES, issuers=ISSUERS, revocations=rules or (STRICT,))
    token = b"Bearer " + mint(PRIVATE, "ES256", claims(**changes))
    return decide(head(target, token), ruled, ALL_KEYS, now, authenticate, lists)


def answer(verdict: Verdict) -> tuple[Reason, str] | None:
    assert isinstance(verdict, Allow | Deny)
    return None if isinstance(verdict, Allow) else (verdict.reason, verdict.detail)


REVOKED = Reason.TOKEN_REVOKED, "the token is on the revocation list blocked"
UNAVAILABLE = Reason.REVOCATIONS_UNAVAILABLE, "the revocation list blocked is not loaded"


def test_a_listed_token_is_refused_and_another_is_not() -> None:
    verdict = ask({"blocked": TOKEN_1})

    assert answer(verdict) == REVOKED
    assert isinstance(verdict, Deny)
    assert verdict.route is not None
    assert verdict.token is not None
    assert answer(ask({"blocked": TOKEN_1}, jti="token-2")) is None
    assert answer(ask({"blocked": NOBODY})) is None


@pytest.mark.parametrize(
    ("rule", "expected"), [(STRICT, UNAVAILABLE), (LENIENT, None)], ids=["refuse", "allow"]
)
def test_a_list_that_is_not_at_hand_does_what_it_was_told(
    rule: RevocationRule, expected: tuple[Reason, str] | None
) -> None:
    assert answer(ask({}, rule)) == expected


def test_decided_without_lists_a_rule_that_refuses_refuses() -> None:
    """Whoever forgets to hand them over lets nobody in."""
    token = b"Bearer " + mint(PRIVATE, "ES256", claims())
    ruled = policy(*ROUTES, issuers=ISSUERS, revocations=(STRICT,))

    assert answer(decide(head(b"/any", token), ruled, ALL_KEYS, NOW)) == UNAVAILABLE


@pytest.mark.parametrize("rules", [(STRICT, BOTH), (BOTH, STRICT)])
def test_a_token_on_one_list_is_revoked_though_another_list_is_missing(
    rules: tuple[RevocationRule, ...],
) -> None:
    """A 503 would have the client ask again, for nothing."""
    assert answer(ask({"blocked": TOKEN_1}, *rules)) == REVOKED


def test_any_of_several_lists_revokes() -> None:
    lists = {"blocked": NOBODY, "both": listed(sub="alice")}

    found = answer(ask(lists, STRICT, BOTH))

    assert found == (Reason.TOKEN_REVOKED, "the token is on the revocation list both")


def test_a_list_speaks_of_its_own_issuers_alone() -> None:
    assert answer(ask({"blocked": TOKEN_1}, iss=PARTNER)) is None
    assert answer(ask({}, iss=PARTNER)) is None
    assert answer(ask({"both": TOKEN_1}, BOTH, iss=PARTNER)) is not None


@pytest.mark.parametrize("target", [b"/public", b"/optional"])
def test_without_a_token_nothing_is_asked(target: bytes) -> None:
    ruled = policy(*ROUTES, issuers=ISSUERS, revocations=(STRICT,))

    assert isinstance(decide(head(target), ruled, ALL_KEYS, NOW), Allow)


@pytest.mark.parametrize(
    ("target", "changes", "expected"),
    [
        (b"/any", {"exp": NOW - 100}, Reason.TOKEN_EXPIRED),
        (b"/any", {"aud": "nobody"}, Reason.AUDIENCE_MISMATCH),
        (b"/other", {}, Reason.AUDIENCE_MISMATCH),
        (b"/partner", {}, Reason.ISSUER_NOT_ACCEPTED),
        (b"/scoped", {}, Reason.TOKEN_REVOKED),
        (b"/optional", {}, Reason.TOKEN_REVOKED),
    ],
)
def test_it_is_asked_once_the_token_holds_and_before_what_it_grants(
    target: bytes, changes: dict[str, Any], expected: Reason
) -> None:
    found = answer(ask({"blocked": TOKEN_1}, target=target, **changes))

    assert found is not None
    assert found[0] is expected


@pytest.mark.parametrize("lists", [{"blocked": TOKEN_1}, {}], ids=["revoked", "missing"])
def test_where_only_reports_are_wanted_a_revoked_token_passes_without_identity(
    lists: RevocationLists,
) -> None:
    verdict = ask(lists, target=b"/reports")

    assert isinstance(verdict, Allow)
    assert verdict.would_deny is not None
    assert (verdict.token, verdict.identity_fields) == (None, b"")


@pytest.mark.parametrize("lists", [{"blocked": TOKEN_1}, {}], ids=["revoked", "missing"])
def test_an_issuer_that_only_reports_has_its_lists_reported(lists: RevocationLists) -> None:
    ruled = policy(*ROUTES, issuers=(issuer(reports=True),), revocations=(STRICT,))
    token = b"Bearer " + mint(PRIVATE, "ES256", claims())

    verdict = decide(head(b"/any", token), ruled, ALL_KEYS, NOW, authenticate, lists)

    assert isinstance(verdict, Allow)
    assert verdict.would_deny is not None
    assert verdict.identity_fields == b""


def test_a_remembered_token_is_refused_once_it_is_listed_and_passes_once_it_is_not() -> None:
    memo, ruled = TokenMemo(), policy(*ROUTES, issuers=ISSUERS, revocations=(STRICT,))
    request = head(b"/any", b"Bearer " + mint(PRIVATE, "ES256", claims()))

    found = []
    for listed_now in (NOBODY, TOKEN_1, NOBODY):
        lists = {"blocked": listed_now}
        verdict = decide(request, ruled, ALL_KEYS, NOW, memo.authenticate, lists)
        if isinstance(verdict, Allow):  # as a connection does that is kept
            request = request._replace(known=verdict.token)
        found.append(answer(verdict))

    assert found == [None, REVOKED, None]
    assert request.known is not None
