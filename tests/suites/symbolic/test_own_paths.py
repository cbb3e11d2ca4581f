"""Requests at paths that the gateway itself answers."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.policy import ANY_HOST
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match
from gateway.http.rehearsal import Rehearsal
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.wire import write_head
from gateway.suites.symbolic.fresh import Fresh
from gateway.suites.symbolic.own_paths import find_own_paths
from gateway.suites.symbolic.ownership import Ownership
from gateway.suites.symbolic.regions import Region, find_regions
from gateway.suites.symbolic.tries import HostTries
from tests.suites.symbolic.tables import load, named, settings

Pair = tuple[str | None, str | None]

EVERYTHING = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
upstreams: {orders: {servers: ["http://orders:1"]}}
login:
  staff:
    issuer: main
    origins: ["https://app.example:8443", "https://app.example"]
    client_id: app
    client_auth: none
    scopes: [openid, offline_access]
    prefix: /a
tickets: {path: /b/c}
routes:
  - name: pages
    match: {path_prefix: /}
    upstream: orders
    login: staff
    require: {}
    token_from: [authorization, ticket]
"""


FULL = load(EVERYTHING)
PAGES = FULL.policy.routes.routes[0]


def name_of(match: object) -> str | None:
    return match.route.name if isinstance(match, Match) else None


def pairs(old: Settings, new: Settings) -> set[Pair]:
    found = find_regions(old, new)
    return {(name_of(one.old), name_of(one.new)) for one in found if isinstance(one, Region)}


def lines(old: Settings, new: Settings) -> set[str]:
    found = find_regions(old, new, lambda one, other: one.name == other.name)
    return {one.request.line for one in found if isinstance(one, Region)}


def test_a_document_that_is_gone_frees_its_path() -> None:
    route = named("all", "/*")
    old = settings(route, documents={(ANY_HOST, b"/keys"): b"{}"})

    assert lines(old, settings(route)) == {"GET some.example/keys"}
    assert lines(settings(route), old) == {"GET some.example/keys"}
    assert lines(old, old) == set()


def test_a_document_of_one_host_frees_it_there() -> None:
    route = named("all", "/*")
    old = settings(route, documents={("h.example", b"/meta"): b"{}"})

    assert lines(old, settings(route)) == {"GET h.example/meta"}


def test_a_document_does_not_hide_the_route_of_its_path() -> None:
    """Another spelling of the path is not that of the document."""
    documents = {(ANY_HOST, b"/keys"): b"{}"}
    old = settings(named("k", "/keys"), documents=documents)
    new = settings(named("other", "/keys"), documents=documents)

    (region,) = find_regions(old, new)

    assert isinstance(region, Region)
    assert region.request.target == b"/key%73"
    assert (name_of(region.old), name_of(region.new)) == ("k", "other")


def test_only_hosts_whose_routes_know_the_path_are_of_interest() -> None:
    table = [
        named("h", "/keys", hosts=["h.example"]),
        named("i", "/other", hosts=["i.example"]),
        named("w", "/*", hosts=["*.test"]),
    ]
    old = Ownership(settings(*table, documents={(ANY_HOST, b"/keys"): b"{}"}))
    new = Ownership(settings(*table))
    tries = [HostTries(table), HostTries(table)]

    found = {one.authority for one in find_own_paths(old, new, tries, Fresh(tries))}

    assert found == {"h.example", "some.test"}


def test_at_another_port_the_path_of_a_login_may_belong_to_a_route() -> None:
    api = named("api", "/a/*")
    pages = named("pages", "/*", login=PAGES.login)
    at_host = named("pages", "/*", hosts=["app.example"], login=PAGES.login)
    old = replace(settings(api, pages), logins=FULL.logins)
    new = replace(settings(api, at_host), logins=FULL.logins)

    found = [one for one in find_regions(old, new) if isinstance(one, Region)]

    assert [
        one.request.line for one in found if (name_of(one.old), name_of(one.new)) == ("api", None)
    ] == ["GET app.example:1/a/backchannel-logout"]


# --- the law

PATHS = [b"/a/login", b"/a/logout", b"/b/c", b"/keys", b"/a/x", b"/", b"/key%73"]
AUTHORITIES = ["app.example:8443", "app.example", "app.example:1", "api.example", "other.test"]


@st.composite
def worlds(draw: st.DrawFn) -> Settings:
    logs_in = draw(st.booleans())
    login = PAGES.login if logs_in else ()
    hosts = draw(st.sampled_from([(), ("app.example",), ("*.example",)]))
    table = [named("pages", "/*", hosts=hosts, login=login)]
    if draw(st.booleans()):
        table.append(named("api", "/a/*", *draw(st.sampled_from([(), ("GET", "POST")]))))
    if draw(st.booleans()):
        table.append(named("keys", "/keys"))
    host = draw(st.sampled_from([ANY_HOST, "api.example"]))
    made = settings(*table, documents={(host, b"/keys"): b"{}"} if draw(st.booleans()) else {})
    return replace(
        made,
        logins=FULL.logins if logs_in else {},
        tickets=FULL.tickets if draw(st.booleans()) else None,
    )


def owner(rehearsal: Rehearsal, request: SimulatedRequest) -> str | None:
    """Return which route a gateway asks about a request, by the way that a real head takes."""
    read = rehearsal.read(write_head(request))
    if rehearsal.find_own(read) is not None:
        return None
    head = RequestHead(request.method, request.host, request.target, ())
    return name_of(find_route(head, rehearsal.settings.policy))


def all_pairs(old: Settings, new: Settings) -> Iterator[Pair]:
    sides = Rehearsal(old), Rehearsal(new)
    for authority, path, method in product(AUTHORITIES, PATHS, ["GET", "POST", "PUT"]):
        host = canonical_host(authority.encode()) or ""
        request = SimulatedRequest(method, authority, host, path)
        pair = owner(sides[0], request), owner(sides[1], request)
        if pair != (None, None):
            yield pair


@given(worlds(), worlds())
def test_every_pair_is_found_whatever_the_gateway_itself_answers(
    old: Settings, new: Settings
) -> None:
    assert pairs(old, new) == set(all_pairs(old, new))
