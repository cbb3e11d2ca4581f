"""One of two configurations, asked as a gateway that runs it would be."""

from pathlib import Path
from typing import Any

import pytest

from gateway.suites.differences.side import Caller, Side, State
from gateway.suites.simulation.request import parse_request
from tests.suites.differences.configs import BASE, caller, edited, load
from tests.suites.worlds import AT

ORDER = parse_request("GET", "https://a.example/t/acme/orders/7")
HEALTH = parse_request("GET", "https://a.example/healthz")
GOOD: dict[str, Any] = {"scope": "read", "tenant": "acme", "level": 2, "region": "eu"}
SERVERS = frozenset({(False, "10.0.0.7:8000"), (False, "10.0.0.8:8000")})


@pytest.fixture(name="side")
def make_side(tmp_path: Path) -> Side:
    return Side(load(tmp_path, BASE), AT, {})


def test_a_state_is_what_becomes_of_it_and_where_it_goes(side: Side) -> None:
    assert side.ask(caller("alice", **GOOD), ORDER) == State("allow", "read-order", SERVERS)
    assert side.ask(Caller("nobody"), ORDER) == State("token_missing", "read-order")
    assert side.ask(Caller("nobody"), HEALTH) == State("allow", "health", SERVERS)
    unknown = parse_request("GET", "https://a.example/unknown")
    assert side.ask(Caller("nobody"), unknown) == State("route_not_found")


def test_what_is_only_reported_is_told(tmp_path: Path) -> None:
    text = edited(("require: {scopes: [read, write]}", "mode: report\n    require: {scopes: [x]}"))
    side = Side(load(tmp_path, text), AT, {})
    request = parse_request("GET", "https://a.example/orders/7")

    state = side.ask(Caller("nobody"), request)

    assert state == State("allow", "everything", SERVERS, "token_missing")
    assert state.is_allowed


@pytest.mark.parametrize(
    ("who", "word"),
    [
        (Caller("stranger", "https://other.example", {"iss": "https://other.example"}),
         "issuer_unknown"),
        (Caller("forger", "https://login.example/", caller("x", **GOOD).claims,
                {"typ": "at+jwt"}, attack="signature"), "signature_invalid"),
        (Caller("other", "https://login.example/", caller("x", **GOOD).claims,
                {"typ": "at+jwt"}, "ES384"), "algorithm_not_allowed"),
        (caller("poor", tenant="acme"), "scope_missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)  # fmt: skip
def test_a_caller_has_the_token_that_is_said(who: Caller, word: str, side: Side) -> None:
    assert side.ask(who, ORDER).word == word


def test_a_configuration_without_issuers_believes_nobody(tmp_path: Path) -> None:
    text = (
        "version: 1\nupstreams: {a: {servers: ['http://10.0.0.7:8000']}}\n"
        "routes: [{name: a, match: {path: /a}, upstream: a, public: true}]\n"
    )
    side = Side(load(tmp_path, text), AT, {})

    state = side.ask(caller("alice"), parse_request("GET", "https://a.example/a"))

    assert state.is_allowed


def test_who_is_on_a_list_is_revoked(tmp_path: Path) -> None:
    text = BASE + 'revocations: {gone: {url: "https://login.example/gone"}}\n'
    loaded = load(tmp_path, text)
    alice = caller("alice", **GOOD, jti="lost")

    assert Side(loaded, AT, {"gone": ["lost"]}).ask(alice, ORDER).word == "token_revoked"
    assert Side(loaded, AT, {"gone": ["other"]}).ask(alice, ORDER).word == "allow"


@pytest.mark.parametrize(
    ("who", "text", "setting"),
    [
        (caller("a", **GOOD), "by the route read-order", "- name: read-order"),
        (caller("a", **{**GOOD, "scope": "x"}),
         "scopes: expected any of read, (all of audit, staff)", "scopes:"),
        (caller("a", **{**GOOD, "level": 1}), "claim rules: expected level at_least 2", "level:"),
        (caller("a", aud="x"), "audience: expected aud contains one of: orders", "main:"),
        (Caller("nobody"), "credential: expected one bearer token", "require:"),
    ],
    ids=["allowed", "scopes", "claims", "audience", "nobody"],
)  # fmt: skip
def test_a_cause_is_told_with_its_line(who: Caller, text: str, setting: str, side: Side) -> None:
    cause = side.explain(who, ORDER)

    assert cause.text == text
    line = BASE.splitlines()[cause.place.line - 1]
    assert setting in line or setting == "require:"


def test_where_no_route_is_found_the_routes_are_the_line(side: Side) -> None:
    cause = side.explain(Caller("nobody"), parse_request("GET", "https://a.example/unknown"))

    assert BASE.splitlines()[cause.place.line - 1] == "routes:"


def test_a_document_is_for_everybody(tmp_path: Path) -> None:
    text = BASE + "resources: {api: {resource: 'https://a.example'}}\n"
    side = Side(load(tmp_path, text), AT, {})
    request = parse_request("GET", "https://a.example/.well-known/oauth-protected-resource")

    assert side.ask(Caller("nobody"), request).word == "published"
    assert side.explain(Caller("nobody"), request).text == "a published document"


def test_a_token_is_signed_by_whoever_issues_its_iss_unless_an_impostor_sends_it(
    tmp_path: Path,
) -> None:
    also = "audiences: [orders], profile: rfc9068}"
    text = edited((also, "also_issued_as: ['https://partner.example'], audiences: [orders]}"))
    gone = next(line for line in BASE.splitlines(keepends=True) if "partner:" in line)
    side = Side(load(tmp_path, text.replace(gone, "")), AT, {})
    other = Side(load(tmp_path, BASE, "other.yaml"), AT, {})
    name = "https://partner.example"
    claims = caller("a", name, scope="read write").claims
    request = parse_request("GET", "https://a.example/orders/7")
    orderly = Caller("a", name, claims)
    impostor = Caller("b", "https://login.example/", claims, is_impostor=True)

    assert [one.ask(orderly, request).word for one in (other, side)] == ["allow", "allow"]
    assert other.ask(impostor, request).word == "key_unknown"
