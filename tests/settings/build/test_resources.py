"""Resources are published at the address that their identifier gives them, and routes say so."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.settings.values.configuration import Settings
from tests.settings.configs import assert_found, config, faults, load

URL = "https://api.example.com/orders"
ISSUERS = f"""\
issuers:
  main: {{issuer: "https://login.example.com/", discovery: true, audiences: ["{URL}"]}}
  partner: {{issuer: "https://partner.example", discovery: true, audiences: ["{URL}"]}}
  pinned: {{issuer: "https://pinned.example/a", jwks_url: "https://pinned.example/keys",
           audiences: ["{URL}"]}}
  legacy: {{issuer: legacy, secret_env: SECRET, audiences: ["{URL}"]}}
"""
ROUTES = """\
routes:
  - name: read
    match: {path: "/orders/{id}", methods: [GET]}
    upstream: orders
    require: {issuers: [main, pinned, legacy], scopes: ["orders:read"]}
  - name: write
    match: {path_prefix: /orders/}
    upstream: orders
    require:
      issuers: [main]
      scopes: {any: ["orders:admin", {all: ["orders:read", "orders:write"]}]}
  - {name: health, match: {path: /orders/healthz}, upstream: orders, public: true}
  - {name: rest, match: {path_prefix: /}, upstream: orders, require: {scopes: [rest]}}
"""


def resources(text: str, routes: str = ROUTES, issuers: str = ISSUERS) -> str:
    return config(f"resources:\n{text}", issuers=issuers, routes=routes)


def one_resource(text: str) -> str:
    """Return a configuration whose resource has the flow mapping *text* besides its URL."""
    return resources(f"  orders: {{resource: '{URL}'{text}}}\n")


def only_document(settings: Settings) -> dict[str, Any]:
    [document] = settings.policy.documents.values()
    members: dict[str, Any] = json.loads(document)
    return members


def test_metadata_says_what_clients_need_and_nothing_that_is_empty(tmp_path: Path) -> None:
    """9728.2 and 9728.3: issuers without discovery, and those of other routes, are left out."""
    document = only_document(load(tmp_path, one_resource("")))

    assert document == {
        "resource": URL,
        "authorization_servers": ["https://login.example.com/"],
        "scopes_supported": ["orders:read", "orders:admin", "orders:write"],
        "bearer_methods_supported": ["header"],
    }


def test_everything_can_be_said_otherwise(tmp_path: Path) -> None:
    text = (
        ", authorization_servers: [pinned, main], scopes: [a, 'b:c'], name: Zoë's orders,"
        " documentation: 'https://docs.example.com/orders#start'"
    )

    document = only_document(load(tmp_path, one_resource(text)))

    assert document == {
        "resource": URL,
        "authorization_servers": ["https://pinned.example/a", "https://login.example.com/"],
        "scopes_supported": ["a", "b:c"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Zoë's orders",
        "resource_documentation": "https://docs.example.com/orders#start",
    }


def test_a_resource_whose_routes_ask_for_no_scope_speaks_of_none(tmp_path: Path) -> None:
    """9728.3."""
    routes = "routes:\n  - {name: a, match: {path: /orders}, upstream: orders, require: {}}\n"
    text = resources(f"  orders: {{resource: '{URL}'}}\n", routes)

    assert "scopes_supported" not in only_document(load(tmp_path, text))


def test_a_document_is_found_by_host_and_path_and_its_routes_point_to_it(tmp_path: Path) -> None:
    """9728.1: the well-known name stands between host and path."""
    text = resources(
        f"  orders: {{resource: '{URL}'}}\n"
        "  all: {resource: 'https://api.example.com:8443', authorization_servers: [main]}\n"
    )

    settings = load(tmp_path, text)

    at = "/.well-known/oauth-protected-resource"
    assert list(settings.policy.documents) == [
        ("api.example.com", f"{at}/orders".encode()),
        ("api.example.com", at.encode()),
    ]
    orders = f"https://api.example.com{at}/orders"
    assert {route.name: route.metadata_url for route in settings.policy.routes.routes} == {
        "read": orders,
        "write": orders,
        "health": None,
        "rest": f"https://api.example.com:8443{at}",
    }
    assert [(one.name, one.identifier, one.routes) for one in settings.resources] == [
        ("orders", URL, ("read", "write")),
        ("all", "https://api.example.com:8443", ("rest",)),
    ]
    assert settings.resources[0].metadata_url == orders
    assert settings.resources[0].authorization_servers == ("main",)
    assert settings.resources[0].place == f"{tmp_path / 'gateway.yaml'}:24"


def test_without_resources_nothing_is_published(tmp_path: Path) -> None:
    settings = load(tmp_path, config())

    assert (settings.policy.documents, settings.resources) == ({}, ())
    assert settings.policy.routes.routes[0].metadata_url is None


def test_a_team_may_publish_its_own_resource(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(f"resources:\n  orders: {{resource: '{URL}'}}\n")
    entry = "{files: team.yaml, may: [resources-for-all]}"
    text = config(f"include: [{entry}]\n", issuers=ISSUERS, routes=ROUTES)

    settings = load(tmp_path, text)

    assert only_document(settings)["resource"] == URL
    assert settings.resources[0].place == f"{tmp_path / 'team.yaml'}:2"


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("bad_value", resources("  orders: {resource: ¦'https://api.example.com/orders?a=b'}\n")),
    ("bad_value", resources("  orders: {resource: ¦'https://API.example.com/orders'}\n")),
    ("bad_value", resources("  orders: {resource: ¦'https://api.example.com/a/../b'}\n")),
    ("bad_value", resources("  orders: {resource: ¦orders-api}\n")),
    ("bad_value", resources("  orders: {resource: ¦'http://127.0.0.1/a//b'}\n")),
    ("insecure_url", resources("  orders: {resource: ¦'http://api.example.com/orders'}\n")),
    ("bad_value", resources("  ¦'a b': {resource: 'https://api.example.com/orders'}\n")),
    (
        "duplicate_value",
        resources(
            f"  orders: {{resource: '{URL}'}}\n"
            "  same: {resource: ¦'https://api.example.com:8443/orders/'}\n"
        ),
    ),
    ("unknown_reference", one_resource(", authorization_servers: [¦mian]")),
    ("duplicate_value", one_resource(", authorization_servers: [main, ¦main]")),
    ("bad_value", one_resource(", authorization_servers: [¦legacy]")),
    ("unused_issuer", one_resource(", authorization_servers: [main, ¦partner]")),
    ("duplicate_value", one_resource(", scopes: [a, ¦a]")),
    ("bad_value", one_resource(", documentation: ¦docs.example.com")),
    ("bad_value", one_resource(", documentation: ¦'javascript:alert(1)'")),
    ("bad_value", one_resource(", documentation: ¦'https://docs.example.com/a b'")),
    ("bad_value", one_resource(", documentation: ¦'https://docs.example.com/#a b'")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_resource_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize("source", ["jwks_url: 'https://a.example/keys'", "secret_env: SECRET"])
def test_clients_must_be_sent_somewhere(source: str, tmp_path: Path) -> None:
    """MCP.1: at least one authorization server, be it found by discovery or named."""
    issuers = f"issuers:\n  main: {{issuer: 'https://a.example', {source}, audiences: ['{URL}']}}\n"
    routes = "routes:\n  - {name: a, match: {path: /orders}, upstream: orders, require: {}}\n"
    text = resources(f"  ¦orders: {{resource: '{URL}'}}\n", routes, issuers)

    assert_found(tmp_path, "missing_key", text)

    named = text.replace("¦", "").replace(
        f"'{URL}'}}\n", f"'{URL}', authorization_servers: [main]}}\n"
    )
    assert only_document(load(tmp_path, named))["authorization_servers"] == ["https://a.example"]


def test_a_resource_of_two_hosts_is_a_mistake_of_the_route(tmp_path: Path) -> None:
    text = resources(
        f"  orders: {{resource: '{URL}'}}\n"
        "  other: {resource: 'https://other.example.com/orders'}\n"
    ).replace("    match: {path_prefix: /orders/}", "    ¦match: {path_prefix: /orders/}")

    assert_found(
        tmp_path,
        "bad_value",
        text.replace('path: "/orders/{id}"', 'hosts: [api.example.com], path: "/orders/{id}"'),
    )


def test_a_resource_without_routes_names_every_issuer_that_can_be_found(tmp_path: Path) -> None:
    text = resources(
        "  old: {resource: 'https://api.example.com/old'}\n", ROUTES.replace("/}", "/a/}")
    )

    found = faults(tmp_path, text)

    assert [fault.code for fault in found] == ["unused_resource", "audience_unlisted"]
    assert only_document(load(tmp_path, text))["authorization_servers"] == [
        "https://login.example.com/",
        "https://partner.example",
    ]


@pytest.mark.parametrize(
    ("grant", "servers"), [("issuers", []), ("issuers-for-all", ["https://team.example/"])]
)
def test_a_resource_without_routes_sends_nobody_to_a_teams_issuer_that_is_not_for_all(
    grant: str, servers: list[str], tmp_path: Path
) -> None:
    """Clients would ask whoever wrote the team's file for tokens, and log in there."""
    (tmp_path / "team.yaml").write_text(
        "issuers:\n  t: {issuer: 'https://team.example/', discovery: true, audiences: unchecked}\n"
        "routes:\n  - {name: t, match: {path: /t}, upstream: orders, require: {issuers: [t]}}\n"
    )
    text = resources(
        "  old: {resource: 'https://api.example.com/old'}\n", ROUTES.replace("/}", "/a/}")
    )
    include = f"include: [{{files: team.yaml, may: [{grant}]}}]\n"

    document = only_document(load(tmp_path, text + include))

    assert document["authorization_servers"][2:] == servers


def test_an_issuer_with_a_mistake_is_the_only_mistake(tmp_path: Path) -> None:
    """What it would have been as an authorization server is not known."""
    issuers = (
        "issuers:\n  main: {issuer: ¦'http://login.example.com', discovery: true, audiences: [a]}\n"
    )
    routes = "routes:\n  - {name: a, match: {path: /orders}, upstream: orders, require: {}}\n"
    text = resources(f"  orders: {{resource: '{URL}'}}\n", routes, issuers)

    assert_found(tmp_path, "insecure_url", text)


def test_a_value_from_the_environment_is_never_shown(tmp_path: Path) -> None:
    shown = " ".join(
        str(fault)
        for text in (
            "{resource: '${SECRET}'}",
            f"{{resource: '{URL}', authorization_servers: ['${{SECRET}}']}}",
            "{resource: 'https://${SECRET}/', documentation: 'https://${SECRET}/'}",
        )
        for fault in faults(tmp_path, resources(f"  orders: {text}\n"))
    )

    assert "${SECRET}" in shown
    assert "b7f3-" not in shown
