"""Small policies for tests of the decision."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gateway.decision.head import RequestHead
from gateway.decision.identity import Identity
from gateway.decision.policy import Issuer, Policy, Profile
from gateway.decision.revocation import RevocationRule
from gateway.decision.routes.routing import Route, RouteTable

ISSUER = "https://login.example.com/"
AUDIENCE = "orders-api"
NOW = 1_800_000_000.0
IDENTITY = Identity(((b"X-Gateway-Subject", ("sub",)), (b"X-Gateway-Scopes", ("scope",))), False)


def claims(**changes: Any) -> dict[str, Any]:
    """Return good claims with *changes*; a change to ``...`` takes a claim away."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "exp": NOW + 300,
        "iat": NOW,
        "jti": "token-1",
        "client_id": "shop",
        "scope": "orders:read",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def issuer(**changes: Any) -> Issuer:
    fields: dict[str, Any] = {
        "name": "main",
        "issuer": ISSUER,
        "audiences": frozenset({AUDIENCE}),
        "algorithms": frozenset({"ES256"}),
        "profile": Profile.ANY,
        "leeway_seconds": 30.0,
    }
    return Issuer(**{**fields, **changes})


def route(path: str = "/orders", **changes: Any) -> Route:
    """Return a route of this path; a trailing ``*`` makes it a prefix."""
    fields: dict[str, Any] = {
        "index": 0,
        "name": path,
        "hosts": (),
        "path": path.removesuffix("*"),
        "is_prefix": path.endswith("*"),
        "methods": frozenset(),
        "upstream": "orders",
        "public": False,
        "optional": False,
        "issuers": None,
        "scopes": None,
        "claims": (),
        "upgrades": frozenset(),
        "allow_encoded_slash": False,
        "allow_semicolon": False,
        "place": "gateway.yaml:1",
    }
    return Route(**{**fields, **changes})


def numbered(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return copies of *routes*, counted as settings count them."""
    return tuple(replace(one, index=index) for index, one in enumerate(routes))


def policy(
    *routes: Route,
    issuers: Iterable[Issuer] | None = None,
    implies: Mapping[str, frozenset[str]] | None = None,
    documents: Mapping[tuple[str, bytes], bytes] | None = None,
    revocations: Iterable[RevocationRule] = (),
) -> Policy:
    trusted = (issuer(),) if issuers is None else tuple(issuers)
    revocations = tuple(revocations)
    return Policy(
        issuers={one.issuer: one for one in trusted},
        trust_domains={one.trust_domain: one for one in trusted if one.trust_domain is not None},
        routes=RouteTable(numbered(routes or (route(),))),
        identity=IDENTITY,
        scope_implies=implies or {},
        max_token_bytes=8192,
        documents=documents or {},
        revocations={
            one.name: rules
            for one in trusted
            if (rules := tuple(rule for rule in revocations if one.name in rule.issuers))
        },
        introspecting={one.name: one for one in trusted if one.introspects},
    )


def head(
    target: bytes = b"/orders", *authorization: bytes, method: str = "GET", host: str = "h"
) -> RequestHead:
    return RequestHead(method, host, target, authorization)
