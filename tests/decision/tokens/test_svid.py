"""JWT-SVIDs: the trust domain of `sub` says whose they are, and nothing else of them does."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.decide import decide
from gateway.decision.reason import Reason
from gateway.decision.tokens.authenticate import find_issuer
from gateway.decision.tokens.svid import SVID_ALGORITHMS, read_trust_domain, trust_domain_of
from gateway.decision.verdict import Allow, Deny, Verdict
from tests.decision.policies import NOW, claims, head, issuer, policy, route
from tests.tokens import make_key, mint

DOMAIN = "example.org"
WORKLOAD = "spiffe://example.org/ns/shop/sa/web"
MESH = issuer(name="mesh", issuer=f"spiffe://{DOMAIN}", trust_domain=DOMAIN)
OTHER = issuer(name="other", issuer="spiffe://other.org", trust_domain="other.org")
LOGIN = issuer()
POLICY = policy(route("/any"), issuers=(LOGIN, MESH, OTHER))
PRIVATE, KEYS = make_key("ES256")
STRANGER, OTHER_KEYS = make_key("ES256", which=1)
SETS = {"main": OTHER_KEYS, "mesh": KEYS, "other": OTHER_KEYS}


def svid(private: Any = PRIVATE, typ: str | None = "JWT", **changes: Any) -> bytes:
    """Return a JWT-SVID as SPIRE makes it, with *changes*; a change to ``...`` removes a claim."""
    made = {"sub": WORKLOAD, "iss": ..., "scope": ..., "client_id": ..., "jti": ...}
    return mint(private, "ES256", claims(**{**made, **changes}), headers={"typ": typ})


def verdict(token: bytes) -> Verdict:
    return decide(head(b"/any", b"Bearer " + token), POLICY, SETS, NOW)


def reason(token: bytes) -> Reason | None:
    answer = verdict(token)
    assert isinstance(answer, Allow | Deny)
    return answer.reason if isinstance(answer, Deny) else None


@pytest.mark.parametrize(
    "token",
    [
        svid(),
        svid(iss=None),
        svid(iss="spiffe://example.org"),
        svid(typ=None),
        svid(typ="JOSE"),
        svid(typ="application/jwt"),
        svid(sub="spiffe://example.org/a"),
        svid(sub="spiffe://example.org/A/.../_-.9"),
        svid(aud=["another", "orders-api"]),
    ],
)
def test_a_workload_passes_with_its_svid(token: bytes) -> None:
    """SVID.1, SVID.3, SVID.4."""
    assert reason(token) is None


def test_what_it_lacks_of_iss_is_its_trust_domain() -> None:
    """Services, rules and revocation lists have it, as that of any other token."""
    answer = verdict(svid())

    assert isinstance(answer, Allow)
    assert answer.token is not None
    assert answer.token.issuer is MESH
    assert answer.token.claims.all["iss"] == answer.token.claims.issuer == "spiffe://example.org"


REFUSED = {
    "SVID.1 another trust domain": (svid(sub="spiffe://other.org/a"), Reason.SIGNATURE_INVALID),
    "SVID.1 another, by the same key, for its iss": (
        svid(iss="spiffe://example.org", sub="spiffe://other.org/a"),
        Reason.CLAIM_MALFORMED,
    ),
    "SVID.1 a trust domain that nobody configured": (
        svid(sub="spiffe://unknown.org/a"),
        Reason.ISSUER_UNKNOWN,
    ),
    "SVID.1 one below ours": (svid(sub="spiffe://a.example.org/a"), Reason.ISSUER_UNKNOWN),
    "another iss, with a sub of ours": (svid(iss="https://evil.example"), Reason.ISSUER_UNKNOWN),
    "the iss of another issuer, with a sub of ours": (
        svid(iss="https://login.example.com/"),
        Reason.SIGNATURE_INVALID,
    ),
    "an iss that is no text": (svid(iss=["spiffe://example.org"]), Reason.CLAIM_MALFORMED),
    "SVID.1 no sub": (svid(sub=...), Reason.CLAIM_MISSING),
    "SVID.1 no sub, with iss": (
        svid(sub=..., iss="spiffe://example.org"),
        Reason.CLAIM_MISSING,
    ),
    "no SPIFFE ID": (svid(sub="alice"), Reason.CLAIM_MISSING),
    "a number": (svid(sub=7), Reason.CLAIM_MISSING),
    "SVID.2 the trust domain itself": (svid(sub="spiffe://example.org"), Reason.CLAIM_MISSING),
    "SVID.2 that, with its iss": (
        svid(iss="spiffe://example.org", sub="spiffe://example.org"),
        Reason.CLAIM_MALFORMED,
    ),
    "SVID.3 of another audience": (svid(aud="another"), Reason.AUDIENCE_MISMATCH),
    "SVID.3 of none": (svid(aud=...), Reason.CLAIM_MISSING),
    "SVID.3 without an end": (svid(exp=...), Reason.CLAIM_MISSING),
    "SVID.3 after its end": (svid(exp=NOW - 31), Reason.TOKEN_EXPIRED),
    "SVID.4 an access token": (svid(typ="at+jwt"), Reason.TOKEN_TYPE_MISMATCH),
    "SVID.4 of no type that it may have": (svid(typ="JWS"), Reason.TOKEN_TYPE_MISMATCH),
    "SVID.4 an ID token": (svid(nonce="n"), Reason.TOKEN_TYPE_MISMATCH),
    "by a key of another trust domain": (svid(STRANGER), Reason.SIGNATURE_INVALID),
}


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_is_refused(name: str) -> None:
    token, why = REFUSED[name]

    assert reason(token) is why


def test_without_a_trust_domain_a_token_without_iss_is_what_it_always_was() -> None:
    answer = find_issuer({"sub": WORKLOAD}, policy(route("/any")))

    assert answer == Deny(Reason.CLAIM_MISSING, "the claim iss is missing")


def test_the_algorithms_are_those_of_the_standard() -> None:
    """SVID.5: no HMAC, no EdDSA, no ML-DSA."""
    assert {f"{family}{size}" for family in ("RS", "ES", "PS") for size in (256, 384, 512)} == (
        SVID_ALGORITHMS
    )


NO_IDS = [
    "", "spiffe://", "spiffe:///a", "spiffe://example.org", "spiffe://example.org/",
    "spiffe://example.org//a", "spiffe://example.org/a/", "spiffe://example.org/./a",
    "spiffe://example.org/a/..", "spiffe://example.org/..", "spiffe://example.org/%61",
    "spiffe://%65xample.org/a", "spiffe://Example.org/a", "SPIFFE://example.org/a",
    "spiffe://example.org:8443/a", "spiffe://me@example.org/a", "spiffe://[::1]/a",
    "spiffe://example.org/a?b", "spiffe://example.org/a#b", "spiffe://example.org/a b",
    "spiffe://example.org/a\n", "\nspiffe://example.org/a", "spiffe://example.org/ä",
    "spiffe://exämple.org/a", "https://example.org/a", "spiffe:example.org/a",
    "spiffe://" + "a" * 256 + "/a", "spiffe://example.org/" + "a" * 2048,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_IDS, ids=repr)
def test_a_spiffe_id_has_one_spelling(text: str) -> None:
    """SVID.2."""
    assert trust_domain_of(text) is None


@pytest.mark.parametrize(
    "text", ["spiffe://a/b", "spiffe://192.168.0.1/b", "spiffe://a_b-c.d/B", f"{WORKLOAD}/..."]
)
def test_a_trust_domain_is_not_only_a_name_of_dns(text: str) -> None:
    """SVID.2."""
    assert trust_domain_of(text) == text.split("/")[2]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("spiffe://example.org", "example.org"),
        ("spiffe://example.org/", None),
        ("spiffe://example.org/a", None),
        ("spiffe://Example.org", None),
        ("https://example.org", None),
    ],
)
def test_an_issuer_is_a_trust_domain_if_it_is_written_as_one(text: str, name: str | None) -> None:
    assert read_trust_domain(text) == name


LETTERS = "aZ09._-%: ?#@\n\u00e9"
DOMAINS = st.text(st.sampled_from(LETTERS), max_size=8)
PATHS = st.just("") | st.text(st.sampled_from(LETTERS + "/"), max_size=12).map("/".__add__)


@given(DOMAINS, PATHS)
def test_an_id_is_accepted_exactly_if_each_of_its_parts_may_be_there(
    domain: str, path: str
) -> None:
    """SVID.2: as the standard has it, part by part, and not as one expression."""
    segments = path.split("/")[1:]
    is_id = bool(
        re.fullmatch(r"[a-z0-9._-]+", domain)
        and path.startswith("/")
        and all(re.fullmatch(r"[A-Za-z0-9._-]+", one) for one in segments)
        and not {".", ".."} & set(segments)
    )

    assert trust_domain_of(f"spiffe://{domain}{path}") == (domain if is_id else None)


@given(
    st.sampled_from([WORKLOAD, "spiffe://other.org/a", "spiffe://x.org/a", "alice", None, 1])
    | st.text(max_size=20),
    st.sampled_from([..., None, "spiffe://example.org", "spiffe://other.org", "x"]),
    st.sampled_from(["JWT", "jose", "at+jwt", None, "x"]),
)
def test_whatever_a_key_of_a_trust_domain_signs_it_speaks_for_its_own_workloads(
    sub: object, iss: object, typ: str | None
) -> None:
    answer = verdict(svid(sub=sub, iss=iss, typ=typ))

    if isinstance(answer, Allow):
        assert answer.token is not None
        assert answer.token.issuer is MESH
        assert trust_domain_of(answer.token.claims.subject) == DOMAIN
