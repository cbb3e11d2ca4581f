"""What services learn about callers, in words."""

from pathlib import Path

import pytest

from gateway.decision.rules.claim_sources import parse_claim_source
from gateway.suites.differences.identity_facets import show_source
from tests.suites.differences.configs import BASE, changes, edited, told

OWN = "identity: {headers: {X-Gateway-Subject: oid, X-Gateway-Scopes: false, X-A: tid}}"
ISSUER = "audiences: [orders], profile: rfc9068}"
ROUTE = "    require:\n      issuers: [main]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sub", "the claim sub"),
        ("org.tenant", "the claim org.tenant"),
        ("client_id | azp", "the first of client_id, azp"),
        ("{tid}/{oid | sub}", "the text {tid}/{oid | sub}"),
        ("email", "the claim email (email can change, or be chosen by users)"),
        ("sub | upn", "the first of sub, upn (upn can change, or be chosen by users)"),
    ],
)
def test_a_source_that_users_may_change_is_called_so(text: str, shown: str) -> None:
    """OpenID Connect Core §5.7."""
    assert show_source(parse_claim_source(text)) == shown


def test_a_header_taken_from_a_weaker_claim_is_told(tmp_path: Path) -> None:
    text = BASE + "identity: {headers: {X-User: email}}\n"

    weaker = "the claim email (email can change, or be chosen by users)"
    assert ("identity", "", "x-user", "nothing", weaker) in told(changes(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "subject", "name"),
    [
        (edited((ISSUER, f"{OWN}, {ISSUER}")), "issuer", "main"),
        (edited((ROUTE, f"    {OWN}\n{ROUTE}")), "route", "read-order"),
    ],
)
def test_own_headers_are_told(text: str, subject: str, name: str, tmp_path: Path) -> None:
    assert told(changes(tmp_path, text)) == [
        (subject, name, "own header x-gateway-subject", "nothing", "the claim oid"),
        (subject, name, "own header x-gateway-scopes", "nothing", "not sent"),
        (subject, name, "own header x-a", "nothing", "the claim tid"),
    ]


def test_own_headers_that_equal_the_general_ones_are_no_difference(tmp_path: Path) -> None:
    same = edited((ISSUER, "identity: {headers: {X-Gateway-Subject: sub}}, " + ISSUER))

    assert changes(tmp_path, same) == []


@pytest.mark.parametrize("name", ["X-A", "X-Gateway-A"])
def test_a_header_that_nobody_fills_any_more_may_be_sent_by_clients_everywhere(
    name: str, tmp_path: Path
) -> None:
    own = f"identity: {{headers: {{{name}: tid}}}}"
    route = "  - {name: old, match: {path: /old}, upstream: site, require: {}, " + own + "}\n"
    issuer = "  third: {issuer: 'https://third.example', discovery: true, audiences: [a], "
    texts = BASE + route, BASE.replace("upstreams:\n", issuer + own + "}\nupstreams:\n")
    freed = ("identity", "", "x-a", "removed from every request", "as clients send it")

    found = [told(changes(tmp_path, BASE, text)) for text in texts]

    # Clients can never send what begins like the gateway's own fields.
    assert [freed in one for one in found] == [name == "X-A"] * 2
    assert "as clients send it" not in str(told(changes(tmp_path, texts[1], texts[0])))
