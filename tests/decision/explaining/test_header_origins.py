"""Where identity headers come from is told as services receive them."""

from typing import Any

import pytest

from gateway.decision.explaining.header_origins import HeaderOrigin, header_origins
from gateway.decision.explaining.steps import Owner, Setting
from gateway.decision.identity import Identity
from gateway.decision.policy import Policy
from gateway.decision.rules.claim_sources import parse_claim_source
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import authenticate
from gateway.decision.tokens.identity_fields import render_identity
from tests.decision.policies import IDENTITY, claims, issuer, policy, route
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("ES256")
OF_ISSUER = IDENTITY.replaced(
    ((b"x_gateway_subject", parse_claim_source("oid | sub")), (b"X-Tenant", ("tid",)))
)
OF_ROUTE = OF_ISSUER.replaced(
    ((b"X-Gateway-Scopes", None), (b"X-User", parse_claim_source("{tid}/{oid | sub}")))
)


def rules(of_issuer: Identity | None = None, of_route: Identity | None = None) -> Policy:
    identities = None if of_route is None else {"main": of_route}
    return policy(route(identities=identities), issuers=[issuer(identity=of_issuer)])


def verified(asked: Policy, **changes: Any) -> SignedToken:
    token = authenticate(mint(PRIVATE, "ES256", claims(**changes)), asked, {"main": KEYS})
    assert isinstance(token, SignedToken)
    return token


def origins(asked: Policy, **changes: Any) -> tuple[HeaderOrigin, ...]:
    return header_origins(verified(asked, **changes), asked.routes.routes[0], asked)


def setting(owner: Owner, name: str, header: str) -> Setting:
    return Setting(owner, name, ("identity", "headers", header))


def test_the_general_headers_are_those_of_the_file() -> None:
    assert origins(rules(), scope=...) == (
        HeaderOrigin(
            "X-Gateway-Subject", "sub", ("sub",), (), setting(Owner.FILE, "", "X-Gateway-Subject")
        ),
        HeaderOrigin(
            "X-Gateway-Scopes", "scope", (), ("scope",),
            setting(Owner.FILE, "", "X-Gateway-Scopes"),
        ),
    )  # fmt: skip


def test_a_header_belongs_to_whoever_changes_it_last() -> None:
    found = origins(rules(OF_ISSUER, OF_ROUTE), tid="t")

    assert [(one.name, one.source, one.setting.owner, one.is_sent) for one in found] == [
        ("x_gateway_subject", "oid | sub", Owner.ISSUER, True),
        ("X-Gateway-Scopes", "", Owner.ROUTE, False),
        ("X-Tenant", "tid", Owner.ISSUER, True),
        ("X-User", "{tid}/{oid | sub}", Owner.ROUTE, True),
    ]
    assert [one.setting.name for one in found] == ["main", "/orders", "main", "/orders"]


def test_an_issuer_s_header_that_the_route_leaves_out_is_told_once() -> None:
    silent = IDENTITY.replaced(((b"X-Gateway-Scopes", None),))

    found = origins(rules(silent, silent))

    assert [(one.name, one.setting.owner) for one in found] == [
        ("X-Gateway-Subject", Owner.FILE),
        ("X-Gateway-Scopes", Owner.ISSUER),
    ]


@pytest.mark.parametrize(
    ("changes", "used", "missing"),
    [
        ({"tid": "t"}, ("tid", "sub"), ()),
        ({"tid": "t", "oid": "o"}, ("tid", "oid"), ()),
        ({"oid": "o"}, ("oid",), ("tid",)),
        ({"sub": ...}, (), ("tid", "oid", "sub")),
    ],
)
def test_the_claims_that_are_used_and_those_that_are_missing_are_told(
    changes: dict[str, Any], used: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    (*_, user) = origins(rules(OF_ISSUER, OF_ROUTE), **changes)

    assert (user.claims, user.missing) == (used, missing)


@pytest.mark.parametrize("changes", [{}, {"tid": "t"}, {"sub": ..., "oid": "o"}, {"scope": ...}])
def test_the_headers_that_are_sent_are_those_that_the_service_receives(
    changes: dict[str, Any],
) -> None:
    asked = rules(OF_ISSUER, OF_ROUTE)
    token = verified(asked, **changes)

    told = header_origins(token, asked.routes.routes[0], asked)

    lines = render_identity(OF_ROUTE, token.claims).split(b"\r\n")[:-1]
    received = {line.split(b":")[0].decode() for line in lines}
    assert {one.name for one in told if one.is_sent} == received
