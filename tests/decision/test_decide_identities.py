"""Issuers and routes with identity headers of their own: services receive those, and no others."""

from typing import Any

import pytest

from gateway.decision.browser import BrowserFields, LoginRule
from gateway.decision.decide import decide, decide_by_session
from gateway.decision.head import SessionCredential
from gateway.decision.policy import Policy
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Allow
from tests.decision.policies import IDENTITY, NOW, claims, head, issuer, policy, route
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("ES256")
PARTNER = "https://partner.example.com/"
ALL_KEYS = {"main": KEYS, "partner": KEYS}

OF_PARTNER = IDENTITY.replaced(((b"X-Gateway-Subject", ("oid",)),))
OF_ROUTE = {
    "main": IDENTITY.replaced(((b"X-Gateway-Scopes", None), (b"X-Client", ("client_id",)))),
    "partner": OF_PARTNER.replaced(((b"X-Gateway-Scopes", None), (b"X-Client", ("client_id",)))),
}
LOGIN = LoginRule("shop", frozenset({b"https://h"}), frozenset({b"h"}))


def rules(**changes: Any) -> Policy:
    return policy(
        route("/orders"),
        route("/own", identities=OF_ROUTE, **changes),
        route("/same", identities=OF_ROUTE),
        issuers=(issuer(), issuer(name="partner", issuer=PARTNER, identity=OF_PARTNER)),
    )


def bearer(**changes: Any) -> bytes:
    return b"Bearer " + mint(PRIVATE, "ES256", claims(**changes))


def ask(target: bytes, *authorization: bytes, memo: TokenMemo | None = None, **changes: Any) -> Any:
    memo = memo or TokenMemo()
    asked = head(target, *authorization)
    return decide(asked, rules(**changes), ALL_KEYS, NOW, memo.authenticate)


@pytest.mark.parametrize(
    ("target", "changes", "lines"),
    [
        (b"/orders", {}, b"X-Gateway-Subject: alice\r\nX-Gateway-Scopes: orders:read\r\n"),
        (
            b"/orders",
            {"iss": PARTNER, "oid": "o"},
            b"X-Gateway-Subject: o\r\nX-Gateway-Scopes: orders:read\r\n",
        ),
        (b"/own", {}, b"X-Gateway-Subject: alice\r\nX-Client: shop\r\n"),
        (b"/own", {"iss": PARTNER, "oid": "o"}, b"X-Gateway-Subject: o\r\nX-Client: shop\r\n"),
        (b"/own", {"iss": PARTNER}, b"X-Client: shop\r\n"),
    ],
)
def test_headers_of_the_route_come_before_those_of_the_issuer_and_these_before_the_general(
    target: bytes, changes: dict[str, Any], lines: bytes
) -> None:
    verdict = ask(target, bearer(**changes))

    assert isinstance(verdict, Allow)
    assert verdict.identity_fields == lines


def test_a_token_is_rendered_once_for_each_identity_of_its_routes() -> None:
    one, memo, token = rules(), TokenMemo(), bearer()

    verdicts = [
        decide(head(target, token), one, ALL_KEYS, NOW, memo.authenticate)
        for target in (b"/own", b"/orders", b"/own", b"/same")
    ]

    found = [one.identity_fields for one in verdicts if isinstance(one, Allow)]
    assert found[0] is found[2]
    assert found[0] is found[3]
    assert found[0] != found[1]


def test_what_is_only_reported_sends_no_identity_of_the_route_either() -> None:
    verdict = ask(b"/own", bearer(exp=NOW - 300), reports=True)

    assert isinstance(verdict, Allow)
    assert verdict.would_deny is not None
    assert verdict.identity_fields == b""


def test_a_session_counts_like_its_token_for_the_identity_of_a_route() -> None:
    browser = BrowserFields(b"h")
    session = SessionCredential("shop", (bearer(),))

    verdict = decide_by_session(
        head(b"/own"), browser, session, rules(login=(LOGIN,)), ALL_KEYS, NOW
    )

    assert isinstance(verdict, Allow)
    assert verdict.identity_fields == b"X-Gateway-Subject: alice\r\nX-Client: shop\r\n"
