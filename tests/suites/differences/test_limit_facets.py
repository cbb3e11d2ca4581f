"""What limits mean, in words, and which differences between them are none."""

from pathlib import Path

import pytest

from gateway.settings.values.rates import KeyPart, OnFailure, PartKind, RateLimit, Redis
from gateway.suites.differences.facet import Kind
from gateway.suites.differences.limit_facets import (
    fetch_facets,
    limit_facets,
    rate_limit_facets,
    redis_facet,
    show_amount,
    upstream_facets,
)
from tests.suites.differences.configs import BASE, changes, difference, edited, load, told

SUBJECT, TENANT = KeyPart(PartKind.SUBJECT), KeyPart(PartKind.CLAIM, ("tenant", "my.id"))


def limit(requests: int = 60, seconds: int = 60, *key: KeyPart) -> RateLimit:
    return RateLimit("each", requests, seconds * 1_000_000, 5, key or (SUBJECT,))


def test_a_limit_is_told_in_words() -> None:
    facets = rate_limit_facets(limit(60, 60, SUBJECT, TENANT))

    assert {name: facet.text for name, facet in facets.items()} == {
        "rate": "60 in 60 s",
        "burst": "5",
        "key": 'subject and the claim tenant["my.id"]',
    }


def test_the_same_pace_over_another_time_is_no_difference_nor_is_another_order() -> None:
    one, other = rate_limit_facets(limit(60, 60)), rate_limit_facets(limit(1, 1))
    assert one["rate"].value == other["rate"].value
    assert one["rate"].value != rate_limit_facets(limit(61, 60))["rate"].value

    first = rate_limit_facets(limit(1, 1, SUBJECT, TENANT))["key"]
    assert first.value == rate_limit_facets(limit(1, 1, TENANT, SUBJECT))["key"].value


def test_of_redis_all_is_told_but_a_password() -> None:
    facet = redis_facet(Redis("rediss://:W0RD@h:6380/2", 0.1, OnFailure.REFUSE, "gw:"))

    assert facet.text == "rediss://h:6380/2, keys gw:…, within 0.1 s, else refuse"
    assert "W0RD" not in repr(facet)
    assert redis_facet(None).text == "none"


def test_limits_that_change_come_and_go_are_told(tmp_path: Path) -> None:
    def with_limits(text: str) -> str:
        return f"{BASE}rate_limits: {{{text}}}\n"

    old = with_limits("each: {rate: 10/1m, key: subject}, former: {rate: 1/1s, key: route}")
    new = with_limits("each: {rate: 20/1m, key: subject}, later: {rate: 1/1s, key: route}")

    found = [one for one in told(changes(tmp_path, new, old)) if one[0] == "rate limit"]

    assert ("rate limit", "each", "rate", "10 in 60 s", "20 in 60 s") in found
    assert ("rate limit", "each", "burst", "10", "20") in found
    assert {one[1] for one in found} == {"each", "former", "later"}


def test_a_route_that_gets_a_limit_is_told(tmp_path: Path) -> None:
    old = f"{BASE}rate_limits: {{all: {{rate: 1/1s, key: route}}}}\n"
    new = old.replace("match: {path: /healthz}", "match: {path: /healthz}\n    rate_limits: [all]")

    assert told(changes(tmp_path, new, old)) == [("route", "health", "rate_limits", "none", "all")]


def test_every_limit_leads_to_its_line(tmp_path: Path) -> None:
    facets = limit_facets(load(tmp_path, BASE).settings)

    others = {name for name, facet in facets.items() if ".".join(facet.keys) != name}
    assert others == {"admin.token"}
    assert facets["timeouts.total"].text == "3600 s"
    assert facets["limits.body"].text == "unlimited"


def test_no_end_is_told_as_such(tmp_path: Path) -> None:
    settings = load(tmp_path, BASE + "timeouts: {total: unlimited}\nadmin: false\n").settings

    facets = limit_facets(settings)
    assert facets["timeouts.total"].text == "inf s"
    assert facets["admin"].text == "none"


def test_amounts_have_units() -> None:
    assert show_amount(("limits", "fields"), 100) == "100"
    assert show_amount(("limits", "head"), 100) == "100 bytes"
    assert show_amount(("drain",), 2.5) == "2.5 s"


def test_times_of_keys_and_services_are_told(tmp_path: Path) -> None:
    settings = load(tmp_path, BASE).settings
    times = settings.issuers["main"].times

    assert {key: one.text for key, one in fetch_facets(times, True, 5.0).items()} == {
        "required": "true",
        "fresh": "300 s",
        "stale": "3600 s",
        "fetch_timeout": "5 s",
        "unknown_kid_cooldown": "5 s",
    }
    assert "unknown_kid_cooldown" not in fetch_facets(times, True)
    site = upstream_facets(settings.upstreams["site"])
    assert {key: one.text for key, one in site.items()} == {
        "connect_timeout": "2 s",
        "response_timeout": "30 s",
        "stall_timeout": "60 s",
        "idle_timeout": "55 s",
        "protocol": "http1",
        "grpc_web": "no",
        "balance": "round_robin",
        "resolve": "30 s",
        "health": "none",
        "failure_statuses": "none",
        "ejection": "after 5 failures for 10 s to 300 s, 50% at most",
        "retries.methods": "none",
        "retries.budget": "0.2",
        "retries.kept_connections": "yes",
        "max_connections": "unlimited",
        "queue.size": "100",
        "queue.timeout": "1 s",
        "breaker": "none",
        "overload": "none",
    }


CAPPED = 'site: {servers: ["http://10.0.0.9:8000"], max_connections: 5}'


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ("", ", protocol: h2c", {Kind.LOOSENED}),
        (", protocol: h2c", "", {Kind.CLOSED}),
        (", protocol: h2c, grpc_web: true", ", protocol: h2c", set()),
    ],
)
def test_connections_of_http_2_limit_no_requests(
    old: str, new: str, kinds: set[Kind], tmp_path: Path
) -> None:
    before, after = (
        edited(('site: {servers: ["http://10.0.0.9:8000"]}', CAPPED.replace("}", f"{one}}}")))
        for one in (old, new)
    )

    found = difference(tmp_path, after, before)

    assert {kind for one in found.limits for kind in one.kinds} == kinds
    free = edited(('"http://10.0.0.9:8000"]', '"http://10.0.0.9:8000"], protocol: h2c'))
    assert not difference(tmp_path, free).kinds


def test_the_same_addresses_in_other_networks_mean_the_same(tmp_path: Path) -> None:
    parts = BASE + "trusted_proxies: [10.0.0.0/9, 10.128.0.0/9]\n"
    whole = BASE + "trusted_proxies: [10.0.0.0/8]\n"

    assert difference(tmp_path, whole, parts).is_empty
