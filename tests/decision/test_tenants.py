"""Which `iss` is of which tenant."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.decision.policy import TenantIssuers
from gateway.decision.tenants import Tenants, is_tenant
from tests.decision.policies import issuer

V2 = "https://login.example/{tenantid}/v2.0"
V1 = "https://sts.example/{tenantid}/"
LISTED = Tenants(("tid",), frozenset({"acme", "globex"}), (V2, V1))
OPEN = Tenants(("tid",), None, (V2, V1))


@pytest.mark.parametrize(
    ("iss", "listed", "opened"),
    [
        ("https://login.example/acme/v2.0", "acme", "acme"),
        ("https://sts.example/globex/", "globex", "globex"),
        ("https://login.example/other/v2.0", None, "other"),
        ("https://login.example/ACME/v2.0", None, "ACME"),
        ("https://login.example/acme", None, None),
        ("https://login.example/acme/v2.0/", None, None),
        ("https://login.example//v2.0", None, None),
        ("https://login.example/v2.0", None, None),
        ("https://login.example/acme/x/v2.0", None, None),
        ("https://login.example/../acme/v2.0", None, None),
        ("https://login.example/./v2.0", None, None),
        ("https://login.example/acme%2f/v2.0", None, None),
        ("https://login.example/acme\n/v2.0", None, None),
        ("https://login.example/acm\u0435/v2.0", None, None),
        ("https://login.example/acme\u200b/v2.0", None, None),
        ("https://login.example/{tenantid}/v2.0", None, None),
        ("https://login.example/acme?x/v2.0", None, None),
        ("https://login.example/acme@evil/v2.0", None, None),
        (f"https://login.example/{'a' * 129}/v2.0", None, None),
        ("HTTPS://login.example/acme/v2.0", None, None),
        ("https://login.example/acme/v2.0https://sts.example/globex/", None, None),
        ("", None, None),
    ],
)
def test_a_tenant_is_what_stands_in_place_of_the_placeholder(
    iss: str, listed: str | None, opened: str | None
) -> None:
    """RFC 7519 §4.1.1: `iss` is compared code point by code point."""
    assert LISTED.tenant_in(iss) == listed
    assert OPEN.tenant_in(iss) == opened


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "-a", "a-", "a b", "\u00e4", "a\n", "a" * 129]
)
def test_what_could_end_a_part_of_a_url_is_no_tenant(text: str) -> None:
    assert not is_tenant(text)


def test_beginning_and_end_of_a_pattern_do_not_overlap() -> None:
    one = Tenants(("tid",), None, ("https://a.example/x/{tenantid}/x/",))

    assert one.tenant_in("https://a.example/x/") is None
    assert one.tenant_in("https://a.example/x/b/x/") == "b"


@given(st.text(max_size=12), st.sampled_from([V1, V2]))
def test_only_tenants_that_are_listed_are_found_and_all_of_them(tenant: str, pattern: str) -> None:
    iss = pattern.replace("{tenantid}", tenant)

    assert LISTED.tenant_in(iss) == (tenant if tenant in {"acme", "globex"} else None)
    assert OPEN.tenant_in(iss) == (tenant if is_tenant(tenant) else None)


@given(st.text(max_size=40))
def test_the_look_up_finds_the_issuer_that_accepts_the_tenant(text: str) -> None:
    listed = issuer(name="listed", issuer=V2, tenants=LISTED)
    opened = issuer(
        name="open", issuer="x:{tenantid}", tenants=Tenants(("t",), None, ("x:{tenantid}",))
    )
    found = TenantIssuers([listed, opened])

    assume(not text.startswith("x:"))
    assert found.find(text) is None
    for iss in (*LISTED.listed(), "x:any"):
        owner = found.find(iss)
        assert owner is not None
        assert owner.may_issue(iss)
    assert found.find("x:any") is opened
    assert found.find("https://login.example/acme/v2.0") is listed
    assert not listed.may_issue("x:any")
    assert not listed.may_issue(None)


def test_a_thousand_tenants_are_found_by_one_look_up() -> None:
    many = Tenants(("tid",), frozenset(f"t{n}" for n in range(1000)), (V2, V1))

    found = TenantIssuers([issuer(issuer=V2, tenants=many)])

    assert len(list(many.listed())) == 2000
    assert all(found.find(iss) is found.issuers[0] for iss in many.listed())
    assert found.find("https://login.example/t1000/v2.0") is None


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (V2, V2, True),
        (V2, V1, False),
        ("https://a.example/{tenantid}", "https://a.example/{tenantid}/v2.0", True),
        ("https://a.example/{tenantid}/v2.0", "https://a.example/{tenantid}/v1.0", False),
    ],
)
def test_patterns_that_could_be_of_one_iss_overlap(one: str, other: str, overlap: bool) -> None:
    first, second = (Tenants(("tid",), None, (text,)) for text in (one, other))

    assert first.overlap(second) is overlap
    assert second.overlap(first) is overlap
