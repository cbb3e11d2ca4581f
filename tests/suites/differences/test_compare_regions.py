"""Who gains or loses access, region by region."""

from pathlib import Path

import pytest

from gateway.decision.policy import ID_TOKEN_SIGNALS
from gateway.suites.differences.compare import Question, compare
from gateway.suites.differences.facet import Kind
from tests.suites.differences.configs import BASE, SAME, both, difference, edited
from tests.suites.samples.test_second_tokens import TWO
from tests.suites.worlds import AT

ONE_ROUTE = """\
version: 1
issuers: {main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}}
upstreams: {orders: {servers: ["http://10.0.0.7:8000"]}}
routes:
  - name: orders
    match: {path: /orders, methods: [GET]}
    upstream: orders
    require: {claims: {}}
"""


def cells(directory: Path, new: str) -> set[tuple[str, str, str, str]]:
    return {
        (cell.kind.value, str(cell.new.route or cell.old.route), cell.old.word, cell.new.word)
        for cell in difference(directory, new).cells
    }


def test_what_means_the_same_treats_nobody_otherwise(tmp_path: Path) -> None:
    found = difference(tmp_path, SAME)

    assert found.is_empty
    assert found.asked.regions == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("        tenant: {equals: \"{path.tenant}\"}\n", "",
         ("opened", "read-order", "claim_rule_failed", "allow")),
        ("level: {at_least: 2}", "level: {at_least: 3}",
         ("closed", "read-order", "allow", "claim_rule_failed")),
        ("methods: [GET, HEAD]", "methods: [GET]",
         ("closed", "read-order", "allow", "method_not_allowed")),
        ("require: {scopes: [read, write]}", "public: true",
         ("opened", "everything", "token_missing", "allow")),
        ("require: {scopes: [read, write]}", "require: {scopes: {any: [read, write]}}",
         ("opened", "everything", "scope_missing", "allow")),
        ("require: {scopes: [read, write]}", "require: {optional: true, scopes: [read, write]}",
         ("opened", "everything", "token_missing", "allow")),
        ("path_prefix: /orders/}\n", "path_prefix: /orders/}\n    allow_semicolon: true\n",
         ("opened", "everything", "path_rejected", "allow")),
        ("path_prefix: /orders/}\n", "path_prefix: /orders/}\n    allow_encoded_slash: true\n",
         ("opened", "everything", "path_rejected", "allow")),
        ("path_prefix: /orders/}\n", "path_prefix: /orders/}\n    upgrades: [websocket]\n",
         ("opened", "everything", "not_supported", "allow")),
        ("path_prefix: /orders/", "path_prefix: /",
         ("opened", "everything", "route_not_found", "allow")),
        ("upstream: orders\n    require: {", "upstream: site\n    require: {",
         ("moved", "everything", "allow", "allow")),
        ("upstream: orders\n    require: {", "upstream: orders\n    mode: report\n    require: {",
         ("opened", "everything", "token_missing", "allow")),
        ("audiences: [orders], profile", "audiences: [orders, x], profile",
         ("opened", "everything", "audience_mismatch", "allow")),
        ("hosts: [a.example, b.example], ", "",
         ("opened", "read-order", "route_not_found", "allow")),
        ("{admin: [read, write]}", "{admin: [read, write], staff: [read, write]}",
         ("opened", "everything", "scope_missing", "allow")),
        ("require: {scopes: [read, write]}", "require: {scopes: [read, write], max_age: 5m}",
         ("closed", "everything", "allow", "authentication_too_old")),
        ("require: {scopes: [read, write]}", "require: {claims: {a: {equals: b}}}",
         ("closed", "everything", "allow", "claim_rule_failed")),
        ("require: {scopes: [read, write]}", "require: {claims: {any: [{a: {equals: b}}]}}",
         ("closed", "everything", "allow", "claim_rule_failed")),
    ],
)  # fmt: skip
def test_each_change_of_a_rule_is_a_cell(
    old: str, new: str, expected: tuple[str, str, str, str], tmp_path: Path
) -> None:
    assert expected in cells(tmp_path, edited((old, new)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("any: [{a: {equals: b}}]", "any: [{a: {equals: b}}, {roles: {contains: c}}]"),
        ("all: [{a: {equals: b}}, {c: {exists: true}}]", "all: [{a: {equals: b}}]"),
        ("not: [{a: {equals: b}}, {c: {contains: d}}]", "not: [{a: {equals: b}}]"),
        ("not: [{a: {equals: b}}]", "not: [{a: {equals: b}, c: {exists: true}}]"),
        (
            "any: [{not: [{a: {equals: b}}, {c: {exists: true}}]}]",
            "any: [{not: [{c: {exists: true}}]}]",
        ),
    ],
)
def test_a_group_that_lets_more_in_opens_its_route_and_closes_it_the_other_way(
    before: str, after: str, tmp_path: Path
) -> None:
    old, new = (ONE_ROUTE.replace("claims: {}", f"claims: {{{one}}}") for one in (before, after))

    opened = difference(tmp_path, new, old).cells
    closed = difference(tmp_path, old, new).cells

    assert {one.kind for one in opened} == {Kind.OPENED}
    assert {one.kind for one in closed} == {Kind.CLOSED}


PREFIXED = "scopes_from: [scope, {claim: realm.roles, prefix: 'r'}]"
SIGNALS = [
    ("", f"id_token_signals: [{', '.join(one for one in ID_TOKEN_SIGNALS if one != gone)}]", "")
    for gone in ID_TOKEN_SIGNALS
]


@pytest.mark.parametrize(
    ("before", "after", "rules"),
    [
        ("scopes_from: [scope]", "scopes_from: [scope, roles]", "scopes: [read]"),
        ("scopes_from: [scope]", PREFIXED, "scopes: [read]"),
        ("scopes_from: [scp]", "", "scopes: [read], claims: {a: {equals: b}}"),
        ("require: {claims: {hd: {equals: a}}}", "", ""),
        ("require: {claims: {hd: {equals: a}}}", "require: {claims: {hd: {in: [a, b]}}}", ""),
        ("require: {claims: {not: [{hd: {equals: a}}]}}", "", "scopes: [read]"),
        *SIGNALS,
    ],
)
def test_an_issuer_whose_tokens_pass_more_easily_opens_routes_and_closes_them_the_other_way(
    before: str, after: str, rules: str, tmp_path: Path
) -> None:
    route = ONE_ROUTE.replace("claims: {}", rules)
    old, new = (
        route.replace("audiences: [orders]", f"audiences: [orders]{one and ', '}{one}")
        for one in (before, after)
    )

    opened = {one.kind for one in difference(tmp_path, new, old).cells}
    closed = {one.kind for one in difference(tmp_path, old, new).cells}

    # Whoever reads a claim for scopes also refuses tokens in which it is malformed.
    rest = {Kind.CLOSED} if "scopes_from: [scp]" in before else set()
    assert opened & {Kind.OPENED, Kind.CLOSED} == {Kind.OPENED, *rest}
    assert closed & {Kind.OPENED, Kind.CLOSED} == {Kind.CLOSED, *({Kind.OPENED} if rest else ())}


REPORTED = ONE_ROUTE.replace("claims: {}", "scopes: [read, write]") + "    mode: report\n"
ENFORCED = REPORTED.replace("    mode: report\n", "")


@pytest.mark.parametrize(
    ("new", "was"),
    [
        (ENFORCED.replace("[read, write]", "[read]"), "scope_missing"),
        (ENFORCED.replace("[read, write]", "{any: [read, write]}"), "scope_missing"),
        (REPORTED.replace("[read, write]", "[read]"), "scope_missing"),
        (ENFORCED.replace("require: {scopes: [read, write]}", "public: true"), "token_missing"),
        (ENFORCED.replace("audiences: [orders]", "audiences: [orders, x]"), "audience_mismatch"),
    ],
)
@pytest.mark.parametrize("max_cells", [1, 5000])
def test_who_was_only_reported_and_is_accepted_now_loosens_its_route(
    new: str, was: str, max_cells: int, tmp_path: Path
) -> None:
    found = difference(tmp_path, new, REPORTED, max_cells=max_cells)

    shown = {(one.old.would_deny, one.new.would_deny) for one in found.of(Kind.LOOSENED)}
    assert (was, None) in shown
    assert not found.of(Kind.OPENED)
    assert not found.gaps


def test_a_rule_that_is_enforced_as_it_was_reported_loosens_nothing(tmp_path: Path) -> None:
    kinds = {one.kind for one in difference(tmp_path, ENFORCED, REPORTED).cells}
    back = {one.kind for one in difference(tmp_path, REPORTED, ENFORCED).cells}

    assert kinds == {Kind.CLOSED}
    assert back == {Kind.OPENED}


def test_who_was_only_reported_and_is_sent_elsewhere_now_loosens_its_route(tmp_path: Path) -> None:
    other = '{orders: {servers: ["http://10.0.0.7:8000"]}, site: {servers: ["http://10.0.0.8:80"]}}'
    old = REPORTED.replace(ONE_ROUTE.splitlines()[2], f"upstreams: {other}")
    new = old.replace("upstream: orders", "upstream: site").replace("[read, write]", "[read]")

    kinds = {one.kind for one in difference(tmp_path, new, old).cells}

    assert {Kind.LOOSENED, Kind.MOVED} <= kinds


def test_groups_in_another_order_mean_the_same(tmp_path: Path) -> None:
    one = "claims: {any: [{a: {equals: b}, c: {in: [x, w]}}, {not: [{d: {exists: true}}]}]}"
    other = "claims: {any: [{not: [{d: {exists: true}}]}, {c: {in: [w, x]}, a: {equals: b}}]}"
    old, new = (ONE_ROUTE.replace("claims: {}", text) for text in (one, other))

    assert difference(tmp_path, new, old).is_empty


def test_a_public_prefix_over_a_guarded_path_opens_it(tmp_path: Path) -> None:
    """Where it is more specific; the guarded route itself is as it was."""
    text = BASE + (
        "  - {name: static, match: {path_prefix: /orders/some/}, upstream: orders, public: true}\n"
    )

    found = difference(tmp_path, text)
    opened = [one for one in found.of(Kind.OPENED) if "nobody" in one.callers]

    assert all(one.request.target.startswith(b"/orders/some/") for one in opened)
    assert opened[0].old_cause.place.file.endswith("old.yaml")
    assert opened[0].new_cause.text == "by the route static"


def test_callers_of_one_cause_are_told_together(tmp_path: Path) -> None:
    found = difference(tmp_path, edited(("require: {scopes: [read, write]}", "require: {}")))

    [cell] = found.of(Kind.OPENED)
    assert {"main without a scope", "partner without a scope"} <= set(cell.callers)
    assert (cell.old.word, cell.new.word) == ("scope_missing", "allow")


def test_a_refusal_for_another_reason_is_told_apart(tmp_path: Path) -> None:
    found = difference(tmp_path, edited(("issuers: [main]", "issuers: [partner]")))

    assert ("scope_missing", "issuer_not_accepted") in {
        (one.old.word, one.new.word) for one in found.of(Kind.CHANGED)
    }


def test_beyond_a_bound_a_kind_is_proved_until_it_is_shown(tmp_path: Path) -> None:
    text = edited(
        ("require: {scopes: [read, write]}", "public: true"),
        ("level: {at_least: 2}", "level: {at_least: 3}"),
    )

    found = difference(tmp_path, text, max_cells=1)

    assert found.asked.left_out == 1
    assert {one.new.route for one in found.of(Kind.OPENED)} == {"everything"}
    assert {one.new.route for one in found.of(Kind.CLOSED)} == {"read-order"}


def test_beyond_a_bound_a_kind_that_was_shown_is_not_looked_for_again(tmp_path: Path) -> None:
    text = edited(
        ("require: {scopes: [read, write]}", "public: true"),
        ("level: {at_least: 2}", "level: {at_least: 1}"),
    )

    found = difference(tmp_path, text, max_cells=1)

    assert found.asked.left_out == 1
    assert len({one.new.route for one in found.of(Kind.OPENED)}) == 1


MANY = """\
version: 1
issuers: {main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}}
upstreams: {orders: {servers: ["http://10.0.0.7:8000"]}}
defaults: {upstream: orders, require: {scopes: [read]}}
routes:
  - {name: first, match: {path: "/first/{id}", hosts: [a.example]}}
  - {name: second, match: {path: /second, methods: [GET, PUT]}}
  - name: third
    match: {path: /third}
  - {name: other, match: {path: /other}, require: {scopes: [write]}}
"""


def test_regions_with_the_same_rules_are_decided_once_and_told_each_for_itself(
    tmp_path: Path,
) -> None:
    new = MANY.replace("audiences: [orders]", "audiences: [orders, more]")

    found = difference(tmp_path, new, MANY)
    less = MANY[MANY.index("  - {name: second") :]
    alone = difference(tmp_path, new.replace(less, ""), MANY.replace(less, ""))

    opened = {str(one.new.route): one for one in found.of(Kind.OPENED)}
    assert opened.keys() == {"first", "second", "third", "other"}
    assert all(
        (one.old.route, one.old.word) == (name, "audience_mismatch") for name, one in opened.items()
    )
    assert opened["second"].request.line == "GET some.test/second"
    assert opened["second"].methods == ("GET", "PUT")
    assert opened["third"].methods is None
    assert opened["third"].new_cause.text == "by the route third"
    assert opened["third"].new_cause.place.line == 8
    assert opened["third"].callers == opened["first"].callers
    assert found.asked.cells < 4 * alone.asked.cells
    assert found.asked.left_out == 0


METADATA = "/.well-known/oauth-protected-resource"
KNOWN = BASE + (
    f"  - {{name: known, match: {{hosts: [a.example], path: {METADATA}}}, upstream: site,"
    " public: true}\n"
)


def test_a_document_that_comes_in_front_of_a_route_is_told(tmp_path: Path) -> None:
    published = KNOWN + "resources: {api: {resource: 'https://a.example'}}\n"

    found = compare(*both(tmp_path, published, KNOWN), Question(AT))

    assert ("allow", "published", Kind.CLOSED) in {
        (one.old.word, one.new.word, one.kind) for one in found.cells
    }


def test_a_second_token_that_is_no_longer_required_opens_the_route(tmp_path: Path) -> None:
    """Who has none was refused before; while both require one, everybody is given it."""
    one = TWO[: TWO.index("      also:")] + TWO[TWO.index("  - {name: one") :]

    def kinds(old: str, new: str) -> set[tuple[str, str, str]]:
        found = compare(*both(tmp_path, new, old), Question(AT)).cells
        return {(cell.kind.value, cell.old.word, cell.new.word) for cell in found}

    assert ("opened", "token_missing", "allow") in kinds(TWO, one)
    assert ("closed", "allow", "token_missing") in kinds(one, TWO)
    wider = TWO.replace("      scopes: [read]\n", "")
    assert ("opened", "scope_missing", "allow") in kinds(TWO, wider)


OTHER_MESH = """\
  other: {issuer: "https://other.example/", discovery: true, audiences: [orders]}
upstreams:"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("issuers: [mesh]\n", "issuers: [mesh, other]\n", "issuer_not_accepted"),
        ("        scopes: [mesh:call]\n", "", "scope_missing"),
        ("scopes: [mesh:call]", "scopes: {any: [mesh:call, mesh:other]}", "scope_missing"),
        ('        claims: {tenant: {equals: "{path.tenant}"}}\n', "", "claim_rule_failed"),
        ('equals: "{path.tenant}"', "exists: true", "claim_rule_failed"),
        ("[mesh]\n", "[mesh]\n        audiences: [orders]\n", ""),
    ],
)
def test_a_second_token_that_is_accepted_more_easily_opens_the_route(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    """And closes it the other way round; the last case means the same."""
    before = TWO.replace("upstreams:", OTHER_MESH)
    after = before.replace(old, new, 1)

    def kinds(one: str, other: str) -> set[tuple[str, str, str]]:
        found = compare(*both(tmp_path, other, one), Question(AT)).cells
        assert all("; its second token: " in name for cell in found for name in cell.callers)
        return {(cell.kind.value, cell.old.word, cell.new.word) for cell in found}

    assert after != before
    opened = {("opened", expected, "allow")} if expected else set()
    closed = {("closed", "allow", expected)} if expected else set()
    assert {one for one in kinds(before, after) if one[0] != "changed"} == opened
    assert {one for one in kinds(after, before) if one[0] != "changed"} == closed


def test_an_issuer_of_second_tokens_that_accepts_more_opens_the_route(tmp_path: Path) -> None:
    wider = TWO.replace(
        'issuer: "https://mesh.example/", discovery: true, audiences: [orders]',
        'issuer: "https://mesh.example/", discovery: true, audiences: [orders, x]',
    )

    found = compare(*both(tmp_path, wider, TWO), Question(AT)).cells

    assert {cell.kind for cell in found} == {Kind.OPENED}
    assert any("second token: mesh, as the" in name for cell in found for name in cell.callers)


TENANTS = """\
version: 1
issuers:
  main:
    issuer: "https://login.example/{tenantid}/v2.0"
    jwks_url: "https://login.example/keys"
    audiences: [orders]
    tenants: {allow: [acme]}
upstreams: {orders: {servers: ["http://10.0.0.7:8000"]}}
routes:
  - {name: orders, match: {path: /orders, methods: [GET]}, upstream: orders, require: {}}
"""


@pytest.mark.parametrize(
    ("allow", "kind"), [("[acme, globex]", Kind.OPENED), ("any", Kind.OPENED), ("[acme]", None)]
)
def test_a_tenant_more_has_access_and_any_tenant_too(
    allow: str, kind: Kind | None, tmp_path: Path
) -> None:
    found = difference(tmp_path, TENANTS.replace("[acme]", allow), TENANTS)

    opened = {cell.old.word for cell in found.cells if cell.kind is Kind.OPENED}
    assert opened == ({"issuer_unknown"} if kind else set())
    assert all(cell.kind is kind for cell in found.cells)
    assert [change.facet for change in found.changed] == (["tenants"] if kind else [])
    back = difference(tmp_path, TENANTS, TENANTS.replace("[acme]", allow))
    kinds = {cell.kind for cell in back.cells}
    assert (Kind.CLOSED in kinds, Kind.OPENED in kinds) == (kind is not None, False)


def test_an_upgrade_by_a_method_that_cannot_ask_for_it_is_no_difference(tmp_path: Path) -> None:
    """RFC 6455 §4.1: a WebSocket begins with GET."""
    old = TENANTS.replace("methods: [GET]}", "methods: [GET, POST]}, upgrades: [websocket]")
    new = TENANTS.replace("match:", "upgrades: [websocket], match:") + (
        "  - {name: new, match: {path: /orders, methods: [POST]}, upstream: orders, require: {}}\n"
    )

    found = difference(tmp_path, new, old)

    assert (found.cells, found.gaps) == ((), ())
