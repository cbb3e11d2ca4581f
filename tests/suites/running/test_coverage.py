"""Coverage names what no test allowed, and what none refused."""

from pathlib import Path

import pytest

from gateway.suites.running.coverage import Coverage
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.trial import Trial
from tests.suites.login_world import LOGIN_ESTATE
from tests.suites.worlds import AT, ESTATE, get, load_all

# Every kind of rule, each beyond the one before it.
GATEWAY = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders, extra]}
  other: {issuer: "https://other.example/", discovery: true, audiences: [orders]}
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
routes:
  - {name: open, match: {path: /open}, upstream: orders, public: true}
  - name: all
    match: {path: "/t/{tenant}"}
    upstream: orders
    require:
      issuers: [main]
      audiences: [extra]
      scopes: [read]
      claims: {tenant: {equals: "{path.tenant}", matches: "a*"}, level: {at_least: 2}}
      acr: [gold]
      max_age: 5m
"""
GOOD = Persona(
    "good",
    "main",
    {"aud": "extra", "scope": "read", "tenant": "a", "level": 2, "acr": "gold"},
    {"auth_time": 0},
)
OTHER = Persona("other", "other")


def changed(name: str, **claims: object) -> Persona:
    return Persona(name, "main", {**GOOD.claims, **claims}, GOOD.times)


def gaps(directory: Path, *asked: tuple[Persona, str], gateway: str = GATEWAY) -> list[str]:
    coverage = covered(directory, *asked, gateway=gateway)
    return [f"{gap.lacks}: {gap.rule.text}" for gap in coverage.gaps()]


def covered(directory: Path, *asked: tuple[Persona, str], gateway: str = GATEWAY) -> Coverage:
    loaded = load_all(directory, gateway)
    trial, coverage = Trial(loaded.settings, AT), Coverage(loaded)
    for persona, path in asked:
        coverage.add(trial.ask_as(persona, get(path)))
    return coverage


ALLOWED = [
    "allowed: route all",
    "allowed: route all: issuer main",
    "allowed: route all: audience extra",
    "allowed: route all: scopes read",
    "allowed: route all: tenant equals {path.tenant}",
    "allowed: route all: tenant matches a*",
    "allowed: route all: level at_least 2",
    "allowed: route all: acr gold",
    "allowed: route all: max_age 300s",
]
REFUSED = [gap.replace("allowed", "refused") for gap in ALLOWED]


def test_without_a_test_everything_is_a_gap(tmp_path: Path) -> None:
    """A public route cannot refuse anybody."""
    coverage = covered(tmp_path)

    found = [f"{gap.lacks}: {gap.rule.text}" for gap in coverage.gaps()]
    assert sorted(found) == sorted(["allowed: route open", *ALLOWED, *REFUSED])
    assert coverage.counts() == (0, 19)


def test_a_request_that_is_allowed_shows_all_rules_of_its_route(tmp_path: Path) -> None:
    assert gaps(tmp_path, (GOOD, "/t/a"), (GOOD, "/open")) == REFUSED


@pytest.mark.parametrize(
    ("persona", "path", "shown"),
    [
        (Persona("nobody"), "/t/a", ["refused: route all"]),
        (OTHER, "/t/a", ["refused: route all", "refused: route all: issuer main"]),
        (changed("p", aud="orders"), "/t/a", [REFUSED[0], REFUSED[2]]),
        (changed("p", scope=""), "/t/a", [REFUSED[0], REFUSED[3]]),
        (GOOD, "/t/ab", [REFUSED[0], REFUSED[4]]),
        (changed("p", tenant="b"), "/t/b", [REFUSED[0], REFUSED[5]]),
        (changed("p", level=1), "/t/a", [REFUSED[0], REFUSED[6]]),
        (changed("p", acr="tin"), "/t/a", [REFUSED[0], REFUSED[7]]),
        (
            Persona("p", "main", GOOD.claims, {"auth_time": -301}),
            "/t/a",
            [REFUSED[0], REFUSED[8]],
        ),
    ],
)
def test_a_refusal_shows_the_rule_that_refused_and_no_other(
    persona: Persona, path: str, shown: list[str], tmp_path: Path
) -> None:
    before, after = gaps(tmp_path), gaps(tmp_path, (persona, path))

    assert [gap for gap in before if gap not in after] == shown
    assert [gap for gap in after if gap not in before] == []


def test_a_refusal_that_is_only_reported_is_one(tmp_path: Path) -> None:
    reporting = GATEWAY.replace("  - name: all\n", "  - name: all\n    mode: report\n")

    after = gaps(tmp_path, (Persona("nobody"), "/t/a"), gateway=reporting)

    assert "refused: route all" not in after
    assert "allowed: route all" in after


def test_what_no_rule_refused_shows_nothing(tmp_path: Path) -> None:
    """A path that is not canonical says nothing of routes, nor does a body that is too large."""
    assert covered(tmp_path, (GOOD, "/t/../a"), (GOOD, "/nowhere")).counts()[0] == 0
    loaded = load_all(tmp_path, GATEWAY + "limits: {body: 10B}\n")
    large = parse_request("GET", "https://h/t/a", [("Content-Length", "11")])

    coverage = Coverage(loaded)
    coverage.add(Trial(loaded.settings, AT).ask_as(GOOD, large))

    assert coverage.counts()[0] == 0


def test_all_that_there_is_to_show_can_be_shown(tmp_path: Path) -> None:
    asked = [
        (GOOD, "/t/a"),
        (GOOD, "/open"),
        (OTHER, "/t/a"),
        (changed("p1", aud="orders"), "/t/a"),
        (changed("p2", scope=""), "/t/a"),
        (GOOD, "/t/ab"),
        (changed("p3", tenant="b"), "/t/b"),
        (changed("p4", level=1), "/t/a"),
        (changed("p5", acr="tin"), "/t/a"),
        (Persona("p6", "main", GOOD.claims, {"auth_time": -301}), "/t/a"),
    ]

    coverage = covered(tmp_path, *asked)

    assert coverage.gaps() == ()
    assert coverage.counts() == (19, 19)


def test_a_gap_says_where_its_rule_stands(tmp_path: Path) -> None:
    places = {gap.rule.text: gap.rule.place.line for gap in covered(tmp_path).gaps()}

    assert places["route open"] == 8
    assert places["route all"] == 9
    assert places["route all: scopes read"] == 15
    assert places["route all: tenant equals {path.tenant}"] == 16
    assert places["route all: acr gold"] == 17


def test_an_optional_route_can_refuse_and_allow(tmp_path: Path) -> None:
    gateway = ESTATE.replace("require: {}", "require: {optional: true}")

    found = gaps(
        tmp_path,
        (Persona("nobody"), "/any"),
        (Persona("p", "main", attack="unsigned"), "/any"),
        gateway=gateway,
    )

    assert not [gap for gap in found if gap.endswith("route any")]


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ("admin", ["allowed: route all: scope audit", "allowed: route all: scope read"]),
        ("read audit", ["allowed: route all: scope admin"]),
    ],
)
def test_a_scope_that_no_test_grants_is_named(
    scopes: str, missing: list[str], tmp_path: Path
) -> None:
    """One way to satisfy a rule says nothing of the others."""
    gateway = GATEWAY.replace("scopes: [read]", "scopes: {any: [admin, {all: [audit, read]}]}")
    asked = ((changed("one", scope=scopes), "/t/a"),)

    named = [gap for gap in gaps(tmp_path, *asked, gateway=gateway) if " scope " in gap]

    assert sorted(named) == missing


def test_whose_tokens_a_route_takes_that_names_nobody_is_no_rule(tmp_path: Path) -> None:
    team = 'issuers: {team: {issuer: "https://team.example", discovery: true, audiences: [a]}}\n'
    (tmp_path / "team.yaml").write_text(
        team + "routes: [{name: t, match: {path: /t}, upstream: orders, require: {}}]\n"
    )
    text = GATEWAY.replace("      issuers: [main]\n", "")
    text += "include: [{files: team.yaml, may: [issuers]}]\n"

    shown = gaps(tmp_path, gateway=text)

    assert not [gap for gap in shown if "issuer" in gap]


PAGE = Persona("page", "main", {"scope": "orders:read"}, session="web")
VISITOR = Persona("visitor")
OF_APP = "route app: login web or staff"


@pytest.mark.parametrize(
    ("asked", "lacks"),
    [
        ((), ["allowed", "refused"]),
        ((PAGE,), ["refused"]),
        ((VISITOR,), ["allowed"]),
        ((PAGE, VISITOR), []),
    ],
)
def test_a_login_is_covered_by_who_comes_by_session_and_who_has_none(
    asked: tuple[Persona, ...], lacks: list[str], tmp_path: Path
) -> None:
    loaded = load_all(tmp_path, LOGIN_ESTATE)
    trial, coverage = Trial(loaded.settings, AT), Coverage(loaded)
    for persona in asked:
        coverage.add(trial.ask_as(persona, parse_request("GET", "https://app.example/app/7")))

    assert [gap.lacks for gap in coverage.gaps() if gap.rule.text == OF_APP] == lacks
