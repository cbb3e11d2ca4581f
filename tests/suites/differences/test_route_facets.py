"""What a route means, in words."""

from pathlib import Path

from gateway.suites.differences.route_facets import route_facets
from tests.suites.differences.configs import BASE, load


def facets(directory: Path, name: str, text: str = BASE) -> dict[str, str]:
    settings = load(directory, text).settings
    route = next(one for one in settings.policy.routes.routes if one.name == name)
    return {key: facet.text for key, facet in route_facets(route, settings).items()}


def test_everything_that_a_route_says_is_told(tmp_path: Path) -> None:
    assert facets(tmp_path, "read-order") == {
        "methods": "GET, HEAD",
        "path": "/t/{tenant}/orders/{id}",
        "hosts": "a.example, b.example",
        "access": "a token",
        "login": "none",
        "mode": "enforce",
        "issuers": "main",
        "audiences": "any",
        "scopes": "any of read, (all of audit, staff)",
        "token_from": "authorization",
        "acr": "any",
        "max_age": "any time",
        "claim level": "level at_least 2",
        "claim region": 'region in ["eu", "us"]',
        "claim tenant": "tenant equals {path.tenant}",
        "upstream": "orders (http://10.0.0.7:8000, http://10.0.0.8:8000)",
        "upgrades": "none",
        "limits.body": "the default",
        "limits.body_rate": "the default",
        "limits.read_rate": "the default",
        "limits.requests": "the default",
        "timeouts.response": "the default",
        "timeouts.stall": "the default",
        "timeouts.total": "the default",
        "priority": "normal",
        "rate_limits": "none",
        "resource": "none",
        "allow_encoded_slash": "no",
        "allow_semicolon": "no",
    }


def test_a_public_route_asks_for_nothing(tmp_path: Path) -> None:
    assert facets(tmp_path, "health") == {
        "methods": "any",
        "path": "/healthz",
        "hosts": "any",
        "access": "public",
        "upstream": "orders (http://10.0.0.7:8000, http://10.0.0.8:8000)",
        "upgrades": "none",
        "limits.body": "the default",
        "limits.body_rate": "the default",
        "limits.read_rate": "the default",
        "limits.requests": "the default",
        "timeouts.response": "the default",
        "timeouts.stall": "the default",
        "timeouts.total": "the default",
        "priority": "normal",
        "rate_limits": "none",
        "resource": "none",
        "allow_encoded_slash": "no",
        "allow_semicolon": "no",
    }


def test_a_prefix_has_a_star_and_all_issuers_are_named(tmp_path: Path) -> None:
    found = facets(tmp_path, "everything")

    assert found["path"] == "/orders/*"
    assert found["issuers"] == "every issuer: main, partner"


def test_servers_over_tls_are_others(tmp_path: Path) -> None:
    text = BASE.replace("http://10.0.0.9:8000", "https://10.0.0.9:8443") + (
        "  - {name: secure, match: {path: /s}, upstream: site, public: true}\n"
    )

    assert facets(tmp_path, "secure", text)["upstream"] == "site (https://10.0.0.9:8443)"


def test_a_group_of_claims_is_told_as_one(tmp_path: Path) -> None:
    rules = "any: [{a: {equals: b}}, {a: {equals: c}}], not: [{d: {exists: true}}]"
    text = BASE.replace("require: {scopes: [read, write]}", f"require: {{claims: {{{rules}}}}}")

    found = facets(tmp_path, "everything", text)

    assert found["claims any"] == "any of (a equals b; a equals c)"
    assert found["claims not"] == "none of (d exists true)"
