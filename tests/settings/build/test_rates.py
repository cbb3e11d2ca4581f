"""Which limits a route has, and what they count by."""

from pathlib import Path

import pytest

from gateway.settings.values.rates import KeyPart, PartKind
from tests.settings.configs import ISSUERS, assert_found, config, load

LIMITS = """\
rate_limits:
  each: {rate: 10/1m, burst: 3, key: subject}
  all: {rate: 5/1s, key: route}
"""


def routed(names: str, access: str = "require: {}", limits: str = LIMITS) -> str:
    """Return a configuration whose one route has the limits *names*."""
    route = f"  - name: a\n    match: {{path: /a}}\n    upstream: orders\n    {access}\n"
    return config(limits, routes=f"routes:\n{route}    rate_limits: {names}\n")


def one(key: str) -> str:
    """Return a configuration whose one route has a limit with this *key*."""
    return routed("[a]", limits=f"rate_limits: {{a: {{rate: 1/1s, key: {key}}}}}\n")


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ("unknown_reference", routed("[each, all, ¦every]")),
        ("unknown_reference", routed("[¦each]", limits="")),
        ("duplicate_value", routed("[each, all, ¦each]")),
        ("empty_list", routed("¦[]")),
        ("bad_value", routed("[all, ¦each]", "public: true")),
        (
            "bad_value",
            routed(
                "[¦a]", "public: true", "rate_limits: {a: {rate: 1/1s, key: [address, client]}}\n"
            ),
        ),
        ("bad_value", one("{claim: ¦'a..b'}")),
        ("bad_value", one("[route, {claim: ¦'a b'}]")),
        ("duplicate_value", one("[route, ¦route]")),
    ],
)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    if "public" in text:
        text = text.replace(ISSUERS, "")  # which nobody would use
    assert_found(tmp_path, codes, text)


def test_a_limit_that_is_written_wrong_is_not_said_to_be_missing_as_well(tmp_path: Path) -> None:
    limits = "rate_limits: {each: {rate: ¦10, key: subject}}\n"

    assert_found(tmp_path, "bad_value", routed("[each]", limits=limits))


def test_a_limit_that_holds_nothing_is_doubted(tmp_path: Path) -> None:
    limits = LIMITS.replace("  all:", "  ¦all:")

    assert_found(tmp_path, "unused_rate_limit", routed("[each]", limits=limits))


def test_a_route_that_cannot_be_read_may_have_any_limit(tmp_path: Path) -> None:
    text = routed("[each]").replace("name: a", "¦what: 1\n    name: a")

    assert_found(tmp_path, "unknown_key", text)


def test_a_route_has_the_limits_that_it_names_in_their_order(tmp_path: Path) -> None:
    limiting = load(tmp_path, routed("[all, each]")).rate_limiting

    ((first, second),) = limiting.routes
    assert (first.name, first.burst) == ("all", 5)
    assert (second.name, second.burst) == ("each", 3)
    assert limiting.redis is None


def test_a_route_that_names_none_has_none(tmp_path: Path) -> None:
    assert load(tmp_path, config(LIMITS)).rate_limiting.routes == ((),)


def test_what_is_counted_by_can_be_several_things(tmp_path: Path) -> None:
    key = "[client, {claim: tenant.id}, address]"
    limiting = load(tmp_path, config(f"rate_limits: {{a: {{rate: 1/1s, key: {key}}}}}\n"))

    assert limiting.rate_limiting.limits["a"].key == (
        KeyPart(PartKind.CLIENT),
        KeyPart(PartKind.CLAIM, ("tenant", "id")),
        KeyPart(PartKind.ADDRESS),
    )
