"""Routes that differ in what they mean, and no others."""

from pathlib import Path

import pytest

from gateway.suites.differences.compare_routes import Pairs, RouteFacets
from gateway.suites.differences.facet import Kind
from tests.suites.differences.configs import BASE, SAME, both, changes, difference, edited, told

REQUIRE = "upstream: orders\n    require:\n"


def test_what_is_written_otherwise_and_means_the_same_is_no_difference(tmp_path: Path) -> None:
    assert told(changes(tmp_path, SAME)) == []
    assert told(changes(tmp_path, BASE, SAME)) == []


@pytest.mark.parametrize(
    ("old", "new", "facet", "before", "after"),
    [
        ("methods: [GET, HEAD]", "methods: [GET]", "methods", "GET, HEAD", "GET"),
        ("[a.example, b.example]", "[a.example]", "hosts", "a.example, b.example", "a.example"),
        ("/t/{tenant}/orders/{id}", "/t/{tenant}/order/{id}", "path", None, None),
        ("issuers: [main]", "issuers: [main, partner]", "issuers", "main", "main, partner"),
        ("[audit, staff]", "[audit]", "scopes", None, None),
        ("{any: [read, ", "{all: [read, ", "scopes", None, None),
        ("level: {at_least: 2}", "level: {at_least: 1}", "claim level", None, None),
        ("        level: {at_least: 2}\n", "", "claim level", "level at_least 2", "nothing"),
        ("region: {in: [eu, us]}", "region: {in: [eu]}", "claim region", None, None),
        ('equals: "{path.tenant}"', 'equals: "{path.id}"', "claim tenant", None, None),
        (REQUIRE, REQUIRE.replace("orders", "site"), "upstream", None, None),
        ("issuers: [main]", "max_age: 5m\n      issuers: [main]", "max_age", "any time", "300 s"),
        ("issuers: [main]", "acr: [mfa]\n      issuers: [main]", "acr", "any", "mfa"),
        ("issuers: [main]", "audiences: [x]\n      issuers: [main]", "audiences", "any", "x"),
    ],
)  # fmt: skip
def test_each_rule_that_changes_is_told_with_both_lines(
    old: str, new: str, facet: str, before: str | None, after: str | None, tmp_path: Path
) -> None:
    [change] = [one for one in changes(tmp_path, edited((old, new))) if one.subject == "route"]

    assert (change.word, change.name, change.facet) == ("changed", "read-order", facet)
    assert change.old is not None
    assert change.new is not None
    assert before is None or (change.old.text, change.new.text) == (before, after)
    assert change.old.text != change.new.text
    assert change.old.place.file.endswith("old.yaml")
    assert change.new.place.file.endswith("new.yaml")
    if before not in {"any", "any time"}:
        line = BASE.splitlines()[change.old.place.line - 1]
        assert line.strip() in old or old.splitlines()[0].strip() in line


@pytest.mark.parametrize(
    ("added", "facet"),
    [
        ("mode: report", "mode"),
        ("allow_semicolon: true", "allow_semicolon"),
        ("allow_encoded_slash: true", "allow_encoded_slash"),
        ("upgrades: [websocket]", "upgrades"),
    ],
)
def test_so_is_what_was_as_it_is_by_default(added: str, facet: str, tmp_path: Path) -> None:
    text = edited((REQUIRE, f"{added}\n    {REQUIRE}"))

    assert [one.facet for one in changes(tmp_path, text) if one.subject == "route"] == [facet]


TICKETS = "tickets: {path: /gateway/ticket}\n"
ALSO = "also: {header: X-Workload, issuers: [partner], scopes: [work]}"


def placed(places: str, also: str = "") -> str:
    """Return a configuration with *places* in `token_from`, and a second token as of *also*."""
    end = "require: {scopes: [read, write]}"
    asked = f"require: {{scopes: [read, write], {also}}}" if also else end
    text = edited((end, f"upgrades: [websocket]\n    token_from: [{places}]\n    {asked}"))
    return text.replace("routes:\n", f"{TICKETS}routes:\n") if "ticket" in places else text


HEADER = "{header: X-Token}"


@pytest.mark.parametrize(
    ("old", "new", "facet", "opens"),
    [
        (("authorization",), ("authorization, query",), "token_from", True),
        (("authorization",), ("authorization, ticket",), "token_from", True),
        (("authorization",), ("authorization, subprotocol",), "token_from", True),
        (("authorization",), (HEADER,), "token_from", True),
        ((f"authorization, {HEADER}",), ("authorization, {header: X-Other}",), "token_from", True),
        (("authorization, query",), ("authorization",), "token_from", False),
        ((f"query, {HEADER}",), (HEADER,), "token_from", False),
        (
            ("authorization", ALSO),
            ("authorization", ALSO.replace("X-Workload", "X-Other")),
            "also",
            True,
        ),
        (
            ("authorization", ALSO),
            ("authorization", ALSO.replace("[partner]", "[main, partner]")),
            "also.issuers",
            False,
        ),
        (("authorization",), ("authorization", ALSO), "also", False),
        (("authorization", ALSO), ("authorization",), "also", False),
    ],
)
def test_a_place_where_tokens_count_from_now_on_opens_the_route(
    old: tuple[str, ...], new: tuple[str, ...], facet: str, opens: bool, tmp_path: Path
) -> None:
    """All other changes are told by the requests that they open."""
    found = changes(tmp_path, placed(*new), placed(*old))

    assert facet in {one.facet for one in found}
    opening = {one.facet for one in found if Kind.OPENED in one.kinds}
    assert opening == ({facet} if opens else set())


@pytest.mark.parametrize(("claim", "is_told"), [("email", True), ("sub", False)])
def test_a_new_second_token_must_not_fill_headers_with_what_users_choose(
    claim: str, is_told: bool, tmp_path: Path
) -> None:
    """OpenID Connect Core §5.7: such a header of the first token is told in the same way."""
    also = ALSO.replace(
        "scopes: [work]", f"scopes: [work], identity: {{headers: {{X-User: {claim}}}}}"
    )
    found = changes(tmp_path, placed("authorization", also), placed("authorization"))

    loosening = {one.facet for one in found if Kind.LOOSENED in one.kinds}
    assert loosening == ({"also.identity"} if is_told else set())


def test_a_place_that_an_optional_route_reads_no_more_opens_it(tmp_path: Path) -> None:
    """A bad token there was refused; unread, its request passes as nobody's."""
    old, new = (
        placed(places).replace("require: {scopes: [read", "require: {optional: true, scopes: [read")
        for places in (f"authorization, {HEADER}", "authorization")
    )

    (found,) = changes(tmp_path, new, old)

    assert (found.facet, found.kinds) == ("token_from", frozenset((Kind.OPENED, Kind.CLOSED)))


def test_a_token_that_becomes_optional_is_told(tmp_path: Path) -> None:
    text = edited(("require: {scopes", "require: {optional: true, scopes"))

    assert told(changes(tmp_path, text)) == [
        ("route", "everything", "access", "a token", "an optional token")
    ]


def test_a_route_that_becomes_public_is_one_change(tmp_path: Path) -> None:
    text = edited(("require: {scopes: [read, write]}", "public: true"))

    assert told(changes(tmp_path, text)) == [
        (
            "route",
            "everything",
            "access",
            "access a token; issuers every issuer: main, partner; scopes all of read, write",
            "access public",
        )
    ]


def test_an_audience_that_every_token_has_anyway_asks_for_nothing(tmp_path: Path) -> None:
    same = edited(("issuers: [main]", "audiences: [orders, more]\n      issuers: [main]"))
    more = edited(("issuers: [main]", "audiences: [more]\n      issuers: [main]"))

    assert told(changes(tmp_path, same)) == []
    assert [one[2] for one in told(changes(tmp_path, more))] == ["audiences"]


def test_a_new_issuer_is_accepted_where_all_are(tmp_path: Path) -> None:
    added = "issuers:\n  ci: {issuer: ci, secret_env: CI_SECRET, audiences: [orders]}\n"
    text = edited(("issuers:\n", added))

    found = told(changes(tmp_path, text))

    assert ("route", "everything", "issuers") in [one[:3] for one in found]
    assert ("route", "read-order", "issuers") not in [one[:3] for one in found]
    assert ("issuer", "ci", "") in [one[:3] for one in found]


def test_scopes_that_grant_more_change_the_routes_that_ask_for_them(tmp_path: Path) -> None:
    """Although nobody touched the route."""
    text = edited(("{admin: [read, write]}", "{admin: [read, write], staff: [read]}"))

    found = told(changes(tmp_path, text))

    assert [one[:3] for one in found] == [
        ("route", "read-order", "scopes"),
        ("route", "everything", "scopes"),
        ("scope_implies", "", "staff"),
    ]
    assert found[1][3:] == (
        "all of read, write",
        "all of read, write, as `scope_implies` has it now",
    )


ADDED = BASE + "  - {name: extra, match: {path: /extra}, upstream: site, public: true}\n"


def test_routes_come_and_go_with_all_that_they_say(tmp_path: Path) -> None:
    what = "path /extra; access public; upstream site (http://10.0.0.9:8000)"

    assert told(changes(tmp_path, ADDED)) == [("route", "extra", "", "-", what)]
    assert told(changes(tmp_path, BASE, ADDED)) == [("route", "extra", "", what, "-")]


def test_a_route_that_is_renamed_is_the_same_route(tmp_path: Path) -> None:
    text = edited(("name: everything", "name: all-of-it"))

    assert told(changes(tmp_path, text)) == [
        ("route", "all-of-it", "name", "everything", "all-of-it")
    ]


def test_a_route_that_is_renamed_and_changed_is_compared_as_well(tmp_path: Path) -> None:
    text = edited(("name: everything", "name: all"), ("scopes: [read, write]", "scopes: [read]"))

    found = [one[:3] for one in told(changes(tmp_path, text))]

    assert found == [("route", "all", "name"), ("route", "all", "scopes")]


def test_two_routes_that_exchange_names_are_the_same_routes(tmp_path: Path) -> None:
    text = edited(("name: health", "name: x"), ("name: everything", "name: health"))
    text = text.replace("name: x", "name: everything")

    found = difference(tmp_path, text)

    assert {one[:3] for one in told(list(found.changed))} == {
        ("route", "health", "name"),
        ("route", "everything", "name"),
    }
    assert found.kinds == frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("strip_prefix: /orders", "replace_prefix: {from: /orders, to: /}"),
        ("strip_prefix: /orders", "replace_prefix: {from: /orders/all, to: /all}"),
        (
            "replace_prefix: {from: /orders, to: /x}",
            "replace_prefix: {from: /orders/all, to: /x/all}",
        ),
    ],
)
def test_what_is_rewritten_alike_is_no_difference(one: str, other: str, tmp_path: Path) -> None:
    path = "path_prefix: /orders/all/}\n    rewrite: {"
    old, new = (
        edited(("path_prefix: /orders/}", f"{path}{rewrite}}}")) for rewrite in (one, other)
    )

    assert difference(tmp_path, new, old).is_empty
    assert Kind.MOVED in difference(tmp_path, old).kinds


LIMITED = BASE.replace(
    "match: {path_prefix: /orders/}", "match: {path_prefix: /orders/}\n    rate_limits: [each]"
)
RATES = "rate_limits: {each: {rate: 10/1m, key: subject}}\n"


def test_a_protection_that_is_lost_as_requests_pass_to_another_route_is_told(
    tmp_path: Path,
) -> None:
    taken = "  - {name: taken, match: {path: /orders/x}, upstream: orders, require: {}}\n"
    texts = LIMITED + taken + RATES, LIMITED + RATES
    new, old = texts

    found = [one for one in difference(tmp_path, new, old).changed if one.facet]

    assert [(one.name, one.facet, set(one.kinds)) for one in found] == [
        ("taken", "rate_limits", {Kind.LOOSENED})
    ]
    # All that a broader route does is told once: where its own requests pass to another one.
    found = [one for one in difference(tmp_path, old, new).changed if one.facet]
    assert [(one.name, set(one.kinds)) for one in found] == [("everything", {Kind.CLOSED})]


@pytest.mark.parametrize(
    ("own", "facet", "kind"),
    [
        ("require: {}, identity: {headers: {X-User: email}}", "own header x-user", Kind.LOOSENED),
        ("require: {}, token_from: [authorization, query]", "token_from", Kind.OPENED),
        (
            "require: {issuers: [main], also: {header: X-B, issuers: [partner], identity:"
            " {headers: {X-Service: email}}}}",
            "also.identity",
            Kind.LOOSENED,
        ),
    ],
)
def test_what_is_believed_of_a_caller_by_another_route_is_told(
    own: str, facet: str, kind: Kind, tmp_path: Path
) -> None:
    before = "require: {}"
    if "also" in own:
        before = own.replace("email", "sub")
    old = BASE + f"  - {{name: whole, match: {{path_prefix: /w/}}, upstream: site, {before}}}\n"
    new = old + f"  - {{name: part, match: {{path_prefix: /w/x/}}, upstream: site, {own}}}\n"

    found = [one for one in difference(tmp_path, new, old).changed if one.kinds]

    assert [(one.name, one.facet, set(one.kinds)) for one in found] == [("part", facet, {kind})]


def test_a_part_of_a_public_route_that_requires_a_token_is_no_weaker(tmp_path: Path) -> None:
    old = BASE + "  - {name: whole, match: {path_prefix: /w/}, upstream: site, public: true}\n"
    new = old + (
        "  - {name: part, match: {path_prefix: /w/x/}, upstream: site, require: {},"
        " token_from: [authorization, query]}\n"
    )

    assert [one for one in difference(tmp_path, new, old).changed if one.kinds] == []


def test_an_upstream_of_the_same_servers_that_is_verified_less_is_told(tmp_path: Path) -> None:
    safe = "{servers: ['https://s:1'], tls: {server_name: safe}, max_connections: 5}"
    lax = "{servers: ['https://s:1']}"
    text = BASE.replace("upstreams:\n", f"upstreams:\n  a: {safe}\n  b: {lax}\n")
    route = "  - {name: moved, match: {path: /m}, require: {}, upstream: "
    a, b = (f"{route}{name}}}\n" for name in "ab")

    found = changes(tmp_path, text + b, text + a)

    assert told(found) == [
        ("route", "moved", "upstream.max_connections", "5", "unlimited"),
        ("route", "moved", "upstream.tls.server_name", "safe", "the host"),
    ]
    assert [one.kinds for one in found] == [{Kind.LOOSENED}, {Kind.KEYS}]


def test_names_that_are_exchanged_are_two_changes(tmp_path: Path) -> None:
    text = edited(("name: everything", "name: x"), ("name: health", "name: everything")).replace(
        "name: x", "name: health"
    )

    names = {one[1] for one in told(changes(tmp_path, text))}

    assert names == {"health", "everything"}


def test_pairs_of_routes_mean_the_same_or_not(tmp_path: Path) -> None:
    old, new = both(tmp_path, edited(("scopes: [read, write]", "scopes: [read]")))
    pairs = Pairs(RouteFacets(old), RouteFacets(new))
    before = {route.name: route for route in old.settings.policy.routes.routes}
    after = {route.name: route for route in new.settings.policy.routes.routes}

    assert pairs.mean_the_same(before["read-order"], after["read-order"])
    assert not pairs.mean_the_same(before["everything"], after["everything"])
    assert not pairs.mean_the_same(before["everything"], after["everything"])
