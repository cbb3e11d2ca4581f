"""Two configurations compared as a whole."""

from pathlib import Path

from gateway.suites.differences.compare import Question, compare
from gateway.suites.differences.facet import Kind
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from tests.suites.differences.configs import BASE, both, difference, edited
from tests.suites.worlds import AT

ALICE = Persona(
    "alice",
    "main",
    {"scope": "read", "tenant": "acme", "level": 5, "region": "eu", "aud": "orders"},
)
ORDER = parse_request("GET", "https://a.example/t/acme/orders/7")


def test_rules_limits_and_cells_are_apart(tmp_path: Path) -> None:
    text = edited(("region: {in: [eu, us]}", "region: {in: [eu]}")) + "drain: 5s\n"

    found = difference(tmp_path, text)

    assert [one.facet for one in found.changed] == ["claim region"]
    assert [one.facet for one in found.limits] == ["drain"]
    assert {one.kind for one in found.cells} == {Kind.CLOSED}
    assert not found.is_empty


def test_personas_and_requests_of_a_suite_are_asked_too(tmp_path: Path) -> None:
    old, new = both(tmp_path, edited(("level: {at_least: 2}", "level: {at_least: 9}")))

    found = compare(old, new, Question(AT, [ALICE, Persona("guest")], [ORDER]))

    own = next(one for one in found.cells if one.request == ORDER)
    assert "alice" in own.callers
    assert "guest" in found.asked.callers


def test_a_persona_is_one_of_whichever_configuration_knows_its_issuer(tmp_path: Path) -> None:
    added = "issuers:\n  ci: {issuer: ci, secret_env: CI_SECRET, audiences: [orders]}\n"
    old, new = both(tmp_path, edited(("issuers:\n", added)))
    robot = Persona("robot", "ci", {"scope": "read write"})
    request = parse_request("GET", "https://a.example/orders/7")

    found = compare(old, new, Question(AT, [robot], [request]))

    own = next(one for one in found.cells if one.request == request)
    assert own.kind is Kind.OPENED
    assert "robot" in own.callers
    assert (own.old.word, own.new.word) == ("issuer_unknown", "allow")


def test_a_revoked_persona_is_on_the_lists_of_both(tmp_path: Path) -> None:
    lists = 'revocations: {gone: {url: "https://login.example/gone"}}\n'
    old, new = both(tmp_path, BASE + lists, BASE)
    lost = Persona("lost", "main", ALICE.claims, revoked=("gone",))
    named = Persona("named", "main", {**ALICE.claims, "jti": "n-1"}, revoked=("gone",))

    found = compare(old, new, Question(AT, [ALICE, lost, named], [ORDER]))

    own = [one for one in found.cells if one.request == ORDER]
    assert [(one.kind, set(one.callers) & {"alice", "lost", "named"}) for one in own] == [
        (Kind.CLOSED, {"lost", "named"})
    ]


def test_requests_of_routes_that_changed_are_asked_first(tmp_path: Path) -> None:
    text = edited(("require: {scopes: [read, write]}", "public: true"))

    found = difference(tmp_path, text, max_cells=1)

    assert {one.new.route for one in found.cells} == {"everything"}


def test_requests_of_routes_that_changed_are_asked_first_where_more_than_routes_changed(
    tmp_path: Path,
) -> None:
    """Then none is left out for being the same, and only the order brings the changed forward."""
    text = edited(("require: {scopes: [read, write]}", "public: true")) + "drain: 5s\n"

    found = difference(tmp_path, text, max_cells=1)

    assert {one.new.route for one in found.cells} == {"everything"}


def test_a_persona_signs_alike_where_algorithms_are_exchanged(tmp_path: Path) -> None:
    """Or nobody would notice that the tokens of today are refused tomorrow."""
    main = "audiences: [orders], profile"
    old, new = both(
        tmp_path,
        edited((main, f"algorithms: [RS256], {main}")),
        edited((main, f"algorithms: [ES256], {main}")),
    )

    found = compare(old, new, Question(AT, [ALICE], [ORDER]))

    own = [one for one in found.cells if one.request == ORDER and "alice" in one.callers]
    assert [(one.kind, one.new.word) for one in own] == [(Kind.CLOSED, "algorithm_not_allowed")]


def test_a_route_whose_issuers_grew_by_a_grant_is_opened(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(
        'issuers: {team: {issuer: "https://team.example", discovery: true, audiences: [orders]}}\n'
        "routes: [{name: team, match: {path: /team}, upstream: orders, require: {}}]\n"
    )
    included = BASE + "include: [{files: team.yaml, may: [GRANT]}]\n"
    old, new = (included.replace("GRANT", one) for one in ("issuers", "issuers-for-all"))

    found = difference(tmp_path, new, old)

    assert [(one.subject, one.name, one.facet) for one in found.changed] == [
        ("route", "everything", "issuers"),
        ("include", "team.yaml", "may"),
    ]
    opened = {one.request.target for one in found.of(Kind.OPENED)}
    assert opened
    assert all(target.startswith(b"/orders/") for target in opened)
    assert not found.of(Kind.CLOSED)
