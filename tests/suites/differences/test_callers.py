"""Callers that are made from the rules of two configurations."""

from pathlib import Path

import pytest

from gateway.suites.differences.callers import NOBODY, Callers
from gateway.suites.differences.side import Caller
from gateway.suites.simulation.request import parse_request
from tests.suites.differences.configs import BASE, edited, sides
from tests.suites.worlds import AT

MAIN = "audiences: [orders], profile: rfc9068}"


def callers(directory: Path, new: str = BASE) -> Callers:
    return Callers(*sides(directory, new), AT)


def names(made: list[Caller]) -> list[str]:
    return [one.name for one in made]


def test_every_scope_that_makes_a_difference_is_known(tmp_path: Path) -> None:
    found = callers(tmp_path, edited(("scopes: [read, write]", "scopes: {none: [suspended]}")))

    assert found.scopes == ["admin", "audit", "read", "staff", "suspended", "write"]


def test_for_each_issuer_there_are_tokens_with_and_without_scopes(tmp_path: Path) -> None:
    made = callers(tmp_path).with_scopes(["read", "write"])

    assert made[0] is NOBODY
    for issuer in ("main", "partner"):
        assert {
            f"{issuer} without a scope",
            f"{issuer} with read",
            f"{issuer} with write",
            f"{issuer} with every scope",
            f"{issuer} for orders",
            f"{issuer} for another-api",
            f"{issuer} forged",
        } <= set(names(made))
    assert "partner for shop" in names(made)


def test_they_are_made_once(tmp_path: Path) -> None:
    made = callers(tmp_path)

    assert made.with_scopes(["read"]) is made.with_scopes(["read"])


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (edited((MAIN, "algorithms: [ES256], " + MAIN)), {"main by EdDSA", "main by RS256"}),
        (edited((MAIN, "audiences: [orders]}")), {"main of any kind of JWT"}),
        (edited((MAIN, "leeway: 60s, " + MAIN)), {"main expired for 45 s"}),
        (edited((MAIN, MAIN.replace("[orders]", "[orders, new]"))), {"main for new"}),
        (edited(("issuers: [main]", "audiences: [own]\n      issuers: [main]")),
         {"main for own", "partner for own"}),
    ],
)  # fmt: skip
def test_what_differs_of_an_issuer_has_its_caller(
    new: str, expected: set[str], tmp_path: Path
) -> None:
    usual = set(names(callers(tmp_path).with_scopes(["read"])))

    assert set(names(callers(tmp_path, new).with_scopes(["read"]))) - usual == expected


def test_who_meets_the_rules_of_a_request_is_known_by_both(tmp_path: Path) -> None:
    new = edited(("region: {in: [eu, us]}", "region: {in: [eu, asia]}"))
    request = parse_request("GET", "https://a.example/t/acme/orders/7")

    made = callers(tmp_path, new).meeting(request)

    regions = [one.claims["region"] for one in made]
    assert set(regions) == {"eu", "us", "asia"}
    assert all(one.claims["tenant"] == "acme" for one in made)
    assert "main, as the old route requires" in names(made)
    assert len({str(sorted(one.claims.items(), key=str)) for one in made}) == len(made)


def test_whoever_meets_them_also_has_what_either_forbids(tmp_path: Path) -> None:
    new = edited(("scopes: [read, write]", "scopes: {all: [read, {none: [suspended]}]}"))
    request = parse_request("GET", "https://a.example/orders/7")

    made = callers(tmp_path, new).meeting(request)

    scopes = {str(one.claims["scope"]) for one in made}
    assert {"read write", "read write suspended", "read", "read suspended"} <= scopes


def test_a_list_that_one_of_them_has_is_tried_with_a_token_on_it(tmp_path: Path) -> None:
    lists = 'revocations: {gone: {url: "https://login.example/gone", issuers: [main]}}\n'
    request = parse_request("GET", "https://a.example/orders/7")

    made = names(callers(tmp_path, BASE + lists).meeting(request))

    assert "main, as the old route requires on the list gone" in made
    assert not any(name.startswith("partner") and "list" in name for name in made)


@pytest.mark.parametrize("path", ["/healthz", "/unknown"])
def test_where_nothing_is_asked_for_nobody_meets_it(path: str, tmp_path: Path) -> None:
    request = parse_request("GET", f"https://a.example{path}")

    assert callers(tmp_path).meeting(request) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("region: {not_equals: us}", "with the region us"),
        ("region: {not_equals: us}", "main, as the old route requires with the region us"),
        ("region: {exists: false}", "with the region anything"),
        ("not: [{region: {equals: us}}, {a: {exists: true}}]", "with a exists true"),
        ("any: [{not: [{region: {equals: us}}]}]", "with region equals us"),
        ("any: [{region: {not_equals: us}}]", "with the region us"),
        ('nested.region: {not_equals: "{path.tenant}"}', "with the nested.region acme"),
    ],
)
def test_what_a_claim_test_forbids_has_its_caller(rule: str, expected: str, tmp_path: Path) -> None:
    """Else a ban that is lifted would open nothing that is seen."""
    new = edited(("region: {in: [eu, us]}", rule))
    request = parse_request("GET", "https://a.example/t/acme/orders/7")

    found = names(callers(tmp_path, new).meeting(request))

    assert any(expected in name for name in found), found


def test_rules_that_make_scopes_none_are_no_fault(tmp_path: Path) -> None:
    rule = "require: {claims: {scope: {exists: true}}}"
    new = edited(("require: {scopes: [read, write]}", rule))

    made = callers(tmp_path, new).meeting(parse_request("GET", "https://a.example/orders/7"))

    assert "main, as the new route requires" in names(made)
