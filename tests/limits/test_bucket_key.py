"""Who takes from the same bucket, and who does not."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.decision.tenants import Tenants
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import check_tenant
from gateway.limits.bucket_key import bucket_key
from gateway.settings.values.rates import KeyPart, PartKind, RateLimit
from tests.assertion.callers import signed_token
from tests.decision.policies import issuer, route

SUBJECT, CLIENT = KeyPart(PartKind.SUBJECT), KeyPart(PartKind.CLIENT)
ROUTE, ADDRESS = KeyPart(PartKind.ROUTE), KeyPart(PartKind.ADDRESS)
TENANT = KeyPart(PartKind.CLAIM, ("tenant", "id"))


def key(
    *parts: KeyPart,
    token: SignedToken | None = None,
    address: bytes = b"",
    name: str = "limit",
    of: str = "orders",
) -> bytes:
    limit = RateLimit(name, 10, 1_000_000, 10, parts)
    return bucket_key(limit, route(name=of), token, address)


def of_tenant(value: object) -> bytes:
    return key(TENANT, token=signed_token(tenant={"id": value}))


def test_each_subject_has_a_bucket_of_its_own_in_each_limit() -> None:
    alice, bob = signed_token(sub="alice"), signed_token(sub="bob")

    assert key(SUBJECT, token=alice) == key(SUBJECT, token=signed_token(sub="alice", jti="other"))
    assert key(SUBJECT, token=alice) != key(SUBJECT, token=bob)
    assert key(SUBJECT, token=alice) != key(SUBJECT, token=alice, name="other")
    assert key(SUBJECT, token=alice) == key(SUBJECT, token=alice, of="other")


def test_two_issuers_may_call_different_people_by_one_name() -> None:
    alice = signed_token(sub="alice")
    other = replace(alice, issuer=issuer(name="other", issuer="https://other.example.com/"))

    assert key(SUBJECT, token=alice) != key(SUBJECT, token=other)


def test_two_tenants_of_one_issuer_may_do_so_too() -> None:
    tenants = Tenants(("tid",), None, ("https://login.example/{tenantid}/",))
    shared = issuer(issuer=tenants.patterns[0], tenants=tenants)

    def of(tenant: str) -> SignedToken:
        iss = f"https://login.example/{tenant}/"
        token = replace(signed_token(sub="alice"), issuer=shared)
        token.claims.all = {**token.claims.all, "iss": iss, "tid": tenant}
        assert check_tenant(token.claims, shared.issuer, tenants) is None
        return token

    assert key(SUBJECT, token=of("acme")) == key(SUBJECT, token=of("acme"))
    assert key(SUBJECT, token=of("acme")) != key(SUBJECT, token=of("globex"))


def test_a_client_is_who_the_token_was_issued_to() -> None:
    """By `client_id` (RFC 9068), or by `azp` where that is missing."""
    first = key(CLIENT, token=signed_token(client_id="app"))

    assert first == key(CLIENT, token=signed_token(client_id=..., azp="app"))
    assert first == key(CLIENT, token=signed_token(client_id="app", azp="other"))
    assert first != key(CLIENT, token=signed_token(client_id="other", azp="app"))


@pytest.mark.parametrize("value", [None, True, False, [], ["a"], {"a": "b"}])
def test_a_claim_that_is_missing_or_no_text_or_number_leads_to_one_bucket_for_all(
    value: object,
) -> None:
    assert of_tenant(value) == key(TENANT, token=signed_token()) == key(TENANT, token=None)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", 1), (1, 2), (1, 1.5), ("", "-"), ("a", "A"), ("", None), (-1, 1), (1e300, 1e299)],
)
def test_values_that_differ_have_buckets_that_differ(one: object, other: object) -> None:
    assert of_tenant(one) != of_tenant(other)


def test_a_number_is_the_same_with_and_without_a_point() -> None:
    assert of_tenant(1) == of_tenant(1.0)


@pytest.mark.parametrize("value", ["x" * 7000, "\x00", "ä" * 1000, 10**300])
def test_the_longest_and_oddest_values_have_a_key_as_short_as_all(value: Any) -> None:
    assert len(of_tenant(value)) == 16
    assert of_tenant(value) != of_tenant(None)


def test_parts_are_not_taken_for_one_another() -> None:
    a, b = KeyPart(PartKind.CLAIM, ("a",)), KeyPart(PartKind.CLAIM, ("b",))

    def both(**claims: str) -> bytes:
        return key(a, b, token=signed_token(**claims))

    assert both(a="x", b="yz") != both(a="xy", b="z")
    assert both(a="x") != both(b="x")
    assert both(a="x", b="y") != both(a="y", b="x")


def test_a_route_or_an_address_counts_for_whoever_is_calling() -> None:
    alice = signed_token(sub="alice")

    assert key(ROUTE, token=alice) == key(ROUTE)
    assert key(ROUTE, of="other") != key(ROUTE)
    assert key(ADDRESS, address=b"10.0.0.1", token=alice) == key(ADDRESS, address=b"10.0.0.1")
    assert key(ADDRESS, address=b"10.0.0.1") != key(ADDRESS, address=b"10.0.0.2")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (b"2001:db8:0:1::1", b"2001:db8:0:1:ffff::2", True),
        (b"2001:db8:0:1::1", b"2001:db8:0:2::1", False),
        (b"::ffff:10.0.0.1", b"10.0.0.1", True),
        (b"::ffff:10.0.0.1", b"::ffff:10.0.0.2", False),
        (b"fe80::1%eth0", b"fe80::1", True),
        (b"no:address", b"no:other", False),
    ],
)
def test_an_ipv6_subscriber_has_one_bucket_for_a_whole_network(
    one: bytes, other: bytes, is_same: bool
) -> None:
    assert (key(ADDRESS, address=one) == key(ADDRESS, address=other)) is is_same
