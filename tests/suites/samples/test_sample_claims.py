"""Claims of a token that a route allows, with nothing to spare."""

from pathlib import Path
from typing import Any

import pytest

from gateway.suites.samples.sample_claims import allowed_claims
from gateway.suites.simulation.persona import Persona, make_claims
from tests.suites.worlds import AT, load

CONFIG = """\
version: 1
issuers:
  main: {{issuer: "https://a.example", discovery: true, audiences: [a]}}
  wide: {{issuer: "https://w.example", discovery: true, audiences: [a, b]}}
  open: {{issuer: "https://b.example", discovery: true, audiences: unchecked}}
upstreams: {{one: {{servers: ["http://10.0.0.7:8000"]}}}}
scope_implies: {{admin: [read]}}
routes: [{{name: it, match: {{path: "/x/{{x}}"}}, upstream: one, require: {0}}}]
"""


def made(directory: Path, require: str, issuer: str = "main") -> list[dict[str, Any]]:
    """Return what is made beside the claims that each token has."""
    settings = load(directory, CONFIG.format(require))
    [route] = settings.policy.routes.routes
    one = settings.issuers[issuer].issuer
    base = make_claims(Persona("p"), one, AT)
    ways = allowed_claims("p", one, route, settings.policy, {"x": "7"}, AT)
    return [
        {name: value for name, value in claims.items() if base.get(name) != value}
        for claims in ways
    ]


RULES = "audiences: [a], require: {{claims: {{hd: {{equals: h}}}}}}, scopes_from: [roles]"


def test_claims_are_as_the_issuer_requires_too_and_scopes_where_it_has_them(
    tmp_path: Path,
) -> None:
    text = CONFIG.replace("audiences: [a]", RULES, 1)
    require = "{scopes: [x, w], claims: {t: {equals: '{path.x}'}}}"
    settings = load(tmp_path, text.format(require))
    [route] = settings.policy.routes.routes
    main = settings.issuers["main"].issuer

    [claims] = allowed_claims("p", main, route, settings.policy, {"x": "7"}, AT)

    assert (claims["hd"], claims["roles"], claims["t"]) == ("h", ["w", "x"], "7")
    assert "scope" not in claims


@pytest.mark.parametrize(
    ("require", "expected"),
    [
        ("{}", [{}]),
        ("{scopes: [read, write]}", [{"scope": "read write"}, {"scope": "admin write"}]),
        ("{scopes: {any: [admin, write]}}", [{"scope": "admin"}, {"scope": "write"}]),
        ("{claims: {t: {equals: '{path.x}'}}}", [{"t": "7"}]),
        ("{audiences: [a, b]}", [{}]),
        ("{audiences: [c, d]}", [{"aud": ["a", "c"]}, {"aud": ["a", "d"]}]),
        (
            "{acr: [mfa, pwd], max_age: 5m}",
            [{"acr": acr, "auth_time": int(AT) - 300} for acr in ("mfa", "pwd")],
        ),
        ("{max_age: 5m}", [{"auth_time": int(AT) - 300}]),
        ("{acr: [mfa]}", [{"acr": "mfa"}]),
        ("{issuers: [open]}", []),
        (
            "{scopes: [read], claims: {scope: {contains: x}}}",
            [{"scp": scope, "scope": ["x"]} for scope in ("read", "admin")],
        ),
        ("{scopes: {all: [read, {none: [read]}]}}", []),
    ],
)
def test_each_rule_is_met(require: str, expected: list[dict[str, Any]], tmp_path: Path) -> None:
    assert made(tmp_path, require) == expected


def test_each_audience_that_is_enough_has_its_turn(tmp_path: Path) -> None:
    assert made(tmp_path, "{}", "wide") == [{}, {"aud": "b"}]
    assert made(tmp_path, "{audiences: [b]}", "wide") == [{"aud": "b"}]
    assert made(tmp_path, "{scopes: {any: [s, t]}}", "wide") == [
        {"scope": "s"},
        {"scope": "t"},
        {"aud": "b", "scope": "s"},
    ]


def test_where_audiences_are_unchecked_the_route_still_has_its_own(tmp_path: Path) -> None:
    assert made(tmp_path, "{}", "open") == [{}]
    assert made(tmp_path, "{audiences: [n2, n1]}", "open") == [{"aud": "n1"}, {"aud": "n2"}]
