"""Audiences that let in too much, or nobody, are warned of where they stand."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, faults, require

ORDERS, INVOICES = "https://api.example.com/orders", "https://api.example.com/invoices"


def issuers(main: str, partner: str = "[p]") -> str:
    return (
        "issuers:\n"
        f"  main: {{issuer: 'https://a.example', discovery: true, audiences: {main}}}\n"
        f"  partner: {{issuer: 'https://b.example', discovery: true, audiences: {partner}}}\n"
    )


def one_route(text: str, main: str = "[orders-api, other-api]") -> str:
    """Return a configuration whose one route has the flow mapping *text* as `require`."""
    routes = f"routes:\n  - {{name: a, match: {{path: /a}}, upstream: orders, require: {text}}}\n"
    return config(issuers=issuers(main), routes=routes)


# A fault code, and a configuration with a mark where the fault must point.
ROUTES = [
    ("audience_unlisted", one_route("{audiences: [orders-api, ¦order-api]}")),
    ("audience_unlisted", one_route("{audiences: [¦x, ¦z]}")),
    (
        "unused_issuer audience_unlisted",
        one_route("{issuers: [main], audiences: [¦p]}").replace("  partner", "  ¦partner"),
    ),
    ("audience_unlisted", one_route("{audiences: ['orders-api', p]}")),
    ("audience_unchecked", one_route("{audiences: [x]}", "¦unchecked")),
    ("duplicate_value", one_route("{audiences: [orders-api, ¦orders-api]}")),
]


@pytest.mark.parametrize(("codes", "text"), ROUTES)
def test_an_audience_that_no_issuer_of_a_route_lists_is_doubtful(
    codes: str, text: str, tmp_path: Path
) -> None:
    """A token may name two audiences, so it is no error."""
    assert_found(tmp_path, codes, text)


def test_the_audience_that_was_meant_is_suggested(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, one_route("{audiences: [order-api]}"))

    assert fault.message == (
        "no issuer of this route lists `order-api` in its `audiences`, so a token would need two"
        " audiences: did you mean `orders-api`?"
    )


def two(orders: str = "{}", invoices: str = "{}", main: str = f"['{ORDERS}', '{INVOICES}']") -> str:
    """Return a configuration with two resources, whose routes have these as `require`."""
    return config(
        f"resources:\n  orders: {{resource: '{ORDERS}'}}\n  invoices: {{resource: '{INVOICES}'}}\n",
        issuers=issuers(main, f"['{ORDERS}', '{INVOICES}']"),
        routes="routes:\n"
        f"  - {{name: a, match: {{path: /orders}}, upstream: orders, require: {orders}}}\n"
        f"  - {{name: b, match: {{path: /invoices}}, upstream: orders, require: {invoices}}}\n",
    )


def mark(text: str, *marks: str) -> str:
    for place in marks:
        assert text.count(place) == 1
        text = text.replace(place, f"¦{place}")
    return text


OWN = {"orders": f"{{audiences: ['{ORDERS}']}}", "invoices": f"{{audiences: ['{INVOICES}']}}"}
MAIN, PARTNER = "{issuers: [main]}", "{issuers: [partner]}"
RESOURCES = [
    ("", two(**OWN)),
    ("audience_shared", mark(two(), "orders: {resource", "invoices: {resource")),
    ("audience_shared", mark(two(orders=OWN["orders"]), "invoices: {resource")),
    ("", two(MAIN, PARTNER)),
    ("audience_shared", mark(two("{}", PARTNER), "orders: {resource", "invoices: {resource")),
    (
        "audience_unlisted",
        mark(two(MAIN, PARTNER, main="[orders-api]"), f"'{ORDERS}'}}\n  invoices"),
    ),
    ("audience_unlisted", mark(two(**OWN, main=f"['{INVOICES}']"), f"'{ORDERS}'}}\n  invoices")),
    (
        "audience_unlisted",
        mark(
            two(OWN["orders"], f"{{audiences: ['{ORDERS}']}}"),
            f"'{INVOICES}'}}\n",
        ),
    ),
    ("audience_unchecked", two(**OWN, main="¦unchecked")),
]


@pytest.mark.parametrize(("codes", "text"), RESOURCES)
def test_tokens_for_a_resource_pass_there_and_at_no_other(
    codes: str, text: str, tmp_path: Path
) -> None:
    """9700.3 and MCP.1: who configures something else is warned."""
    assert_found(tmp_path, codes, text)


def test_one_resource_shares_its_tokens_with_nobody(tmp_path: Path) -> None:
    text = require("{}", "/orders").replace("[orders]", f"['{ORDERS}']")

    assert faults(tmp_path, f"{text}resources:\n  a: {{resource: '{ORDERS}'}}\n") == ()


def test_warnings_name_what_to_change(tmp_path: Path) -> None:
    refused = faults(tmp_path, two(MAIN, "{audiences: [x, p]}", main="[p, x]"))
    shared = faults(tmp_path, two())

    assert [fault.message for fault in refused] == [
        "tokens for the resource `invoices` pass here, too, at `a`: give each route"
        " `require.audiences`",
        "clients request tokens for this URL (RFC 8707), which would be refused: it is not in"
        " `issuers.main.audiences`",
        "clients request tokens for this URL (RFC 8707), which would be refused: it is not in"
        " `issuers.main.audiences`, `audiences` of the route `b`",
    ]
    assert [fault.message for fault in shared] == [
        "tokens for the resource `invoices` pass here, too, at `a`: give each route"
        " `require.audiences`",
        "tokens for the resource `orders` pass here, too, at `b`: give each route"
        " `require.audiences`",
    ]


def test_of_many_routes_some_are_named(tmp_path: Path) -> None:
    routes = "routes:\n" + "".join(
        f"  - {{name: r{n}, match: {{path: /orders/{n}}}, upstream: orders, require: {{}}}}\n"
        for n in range(5)
    )
    text = two().replace("routes:\n", routes)

    [fault, _] = faults(tmp_path, text)

    assert "at `r0`, `r1`, `r2` and 3 more:" in fault.message


def test_a_resource_that_no_route_belongs_to_is_of_no_use(tmp_path: Path) -> None:
    """Its document is published, and nobody is told where."""
    text = two(**OWN).replace("match: {path: /invoices}", "match: {path: /rest}")

    assert_found(tmp_path, "unused_resource", mark(text, "invoices: {resource"))
