"""Which route receives a request, and what the gateway answers itself."""

import pytest

from gateway.decision.policy import ANY_HOST
from gateway.suites.simulation.request import parse_request
from gateway.suites.symbolic.ownership import Ownership, rule_at
from tests.suites.symbolic.tables import load, named, settings

WITH_OWN_PATHS = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
upstreams: {orders: {servers: ["http://orders:1"]}}
login:
  staff:
    issuer: main
    origins: ["https://app.example:8443"]
    client_id: app
    client_auth: none
    scopes: [openid, offline_access]
routes:
  - name: pages
    match: {path_prefix: /, hosts: [app.example]}
    upstream: orders
    login: staff
    require: {}
  - {name: others, match: {path_prefix: /}, upstream: orders, require: {}}
"""


def owner(ownership: Ownership, url: str, method: str = "GET") -> str | None:
    found = ownership.find(parse_request(method, url))
    return None if found is None else found.route.name


def test_a_document_belongs_to_no_route_by_any_method_in_its_own_spelling() -> None:
    documents = {(ANY_HOST, b"/keys"): b"{}", ("h.example", b"/meta"): b"{}"}
    ownership = Ownership(settings(named("all", "/*"), documents=documents))

    assert owner(ownership, "http://h.example/keys") is None
    assert owner(ownership, "http://h.example/keys", "POST") is None
    assert owner(ownership, "http://h.example/key%73") == "all"
    assert owner(ownership, "http://h.example/meta") is None
    assert owner(ownership, "http://i.example/meta") == "all"
    assert ownership.own_paths == {b"/keys", b"/meta"}
    assert set(ownership.own_hosts(b"/keys")) == {ANY_HOST}
    assert set(ownership.named_hosts()) == {ANY_HOST, "h.example"}


@pytest.mark.parametrize("authority", ["app.example:8443", "APP.example:8443"])
def test_an_endpoint_of_a_login_belongs_to_no_route(authority: str) -> None:
    ownership = Ownership(load(WITH_OWN_PATHS))

    assert owner(ownership, f"https://{authority}/oauth/login") is None
    assert owner(ownership, f"https://{authority}/oauth/other") == "pages"


def test_elsewhere_it_belongs_to_routes_without_a_login() -> None:
    ownership = Ownership(load(WITH_OWN_PATHS))

    assert owner(ownership, "https://app.example/oauth/login") is None
    assert owner(ownership, "https://api.example/oauth/login") == "others"


def test_sessions_count_at_the_origins_of_a_login() -> None:
    settings = load(WITH_OWN_PATHS)
    pages, others = settings.policy.routes.routes

    assert rule_at(pages, "App.example:8443") is pages.login[0]
    assert rule_at(pages, "app.example") is None
    assert rule_at(others, "app.example:8443") is None
    assert rule_at(None, "app.example:8443") is None
    assert Ownership(settings).origins == {"app.example": {"app.example:8443"}}
