"""Tokens as Hypothesis makes them: good ones, and ones with odd claims, headers or keys."""

import json
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.agreement.judges import LEEWAY
from tests.agreement.trust import TRUSTS, TWINS, Signer, Trust
from tests.decision.policies import AUDIENCE, ISSUER, NOW
from tests.tokens import sign

MOMENT = int(NOW)


class Case(NamedTuple):
    """One token, and the keys it may be signed with."""

    trust: Trust
    token: bytes


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(-1e9, 1e9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=4,
)
TYPES = st.sampled_from(["JWT", "jwt", "at+jwt", "application/at+jwt", "Application/JWT", None])
GOOD_AUDIENCES = st.sampled_from([AUDIENCE, [AUDIENCE], ["x", AUDIENCE], [AUDIENCE, AUDIENCE]])
GOOD_CLAIMS = st.fixed_dictionaries(
    {
        "iss": st.just(ISSUER),
        "aud": GOOD_AUDIENCES,
        "exp": st.integers(MOMENT - LEEWAY + 1, MOMENT + 10_000),
    },
    optional={
        "nbf": st.integers(0, MOMENT + LEEWAY),
        "iat": st.integers(0, MOMENT + LEEWAY),
        "sub": WORDS.filter(bool),
        "jti": WORDS,
        "client_id": WORDS,
        "scope": st.sampled_from(["", "a", "a b", ["a", "b"]]),
        "roles": VALUES,
    },
)


@st.composite
def signed_by(draw: st.DrawFn) -> tuple[Trust, Signer, dict[str, Any]]:
    """Draw whom to trust, one of their keys, and a good header for it."""
    trust = TRUSTS[draw(st.sampled_from(sorted(TRUSTS)))]
    signer = draw(st.sampled_from([one for one in trust.signers if one.kid != TWINS]))
    header = {"alg": signer.algorithm, "kid": signer.kid, "typ": draw(TYPES)}
    return trust, signer, {name: value for name, value in header.items() if value is not None}


def seal(signer: Signer, header: Any, claims: Any) -> bytes:
    """Sign *header* and *claims*: JSON values, or octets to be taken as they are."""
    parts = [
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)
    ]
    return sign(signer.private, signer.algorithm, *parts)


@st.composite
def good(draw: st.DrawFn) -> Case:
    """Draw a token that nothing is wrong with."""
    trust, signer, header = draw(signed_by())
    return Case(trust, seal(signer, header, draw(GOOD_CLAIMS)))


# What a changed or added member may be. The first few are of every name, and so stand at its
# limits of time, of type and of length.
_AROUND = [MOMENT - LEEWAY, MOMENT, MOMENT + LEEWAY]
TIMES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([second + step for second in _AROUND for step in (-1, -0.5, 0, 0.0, 0.5, 1)]),
    st.sampled_from([str(MOMENT + 99), "", "soon", True, None, [], {}, [MOMENT + 99]]),
    st.sampled_from([-1, -0.5, -0.0, 2**53 - 1, 2**53, 1e300, -1e300, 10**400, MOMENT + 99.0]),
)
AUDIENCES: st.SearchStrategy[Any] = st.one_of(
    GOOD_AUDIENCES,
    st.sampled_from(["", [], [""], None, 1, True, {}, {AUDIENCE: 1}, [[AUDIENCE]], "x", ["x"]]),
    st.sampled_from([AUDIENCE.upper(), AUDIENCE + " ", f"{AUDIENCE} x", [AUDIENCE, 1], [1]]),
    st.sampled_from([[AUDIENCE, None], [AUDIENCE, [AUDIENCE]], AUDIENCE[:-1], [AUDIENCE[:-1]]]),
)
ISSUERS: st.SearchStrategy[Any] = st.sampled_from(
    [ISSUER, ISSUER[:-1], ISSUER.upper(), [ISSUER], None, 1, {}, ""]
)
TEXTS: st.SearchStrategy[Any] = st.sampled_from(["", "x", None, 0, 1.5, False, [], ["x"], {}])
ODD_CLAIMS = st.one_of(
    st.tuples(st.sampled_from(["exp", "nbf", "iat"]), TIMES),
    st.tuples(st.just("aud"), AUDIENCES),
    st.tuples(st.just("iss"), ISSUERS),
    st.tuples(st.sampled_from(["sub", "jti", "client_id", "scope", "scp"]), TEXTS),
    st.tuples(st.sampled_from(["nonce", "at_hash", "events", "azp", "cnf", "act"]), TEXTS),
)
ODD_HEADERS: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.tuples(
        st.just("alg"),
        st.sampled_from(["none", "None", "nOnE", "rs256", "es256", "HS256", "Ed448", "ES256K"])
        | st.sampled_from(sorted(TRUSTS)).map(lambda name: name[:5])
        | TEXTS,
    ),
    st.tuples(st.just("crit"), st.sampled_from([["b64"], ["exp"], ["x"], [1], ["kid"]]) | TEXTS),
    st.tuples(st.just("b64"), st.sampled_from([True, False, "false", 0, None])),
    st.tuples(st.just("kid"), st.sampled_from(["../k1", "k1", "k" * 1024, "k" * 1025]) | TEXTS),
    st.tuples(st.just("typ"), st.sampled_from(["dpop+jwt", "JOSE", "jwt ", "at+jwt;x"]) | TEXTS),
    st.tuples(st.sampled_from(["jku", "x5u"]), st.just("https://evil.example/keys") | TEXTS),
    st.tuples(st.just("jwk"), st.just({"kty": "oct", "k": "AAAA"}) | TEXTS),
    st.tuples(st.sampled_from(["x5c", "x5t", "x5t#S256", "cty", "zip", "enc", "x"]), TEXTS),
)


@st.composite
def with_odd_claims(draw: st.DrawFn) -> Case:
    """Draw a token that is well signed, with claims at or over some limit."""
    trust, signer, header = draw(signed_by())
    odd = dict(draw(st.lists(ODD_CLAIMS, min_size=1, max_size=2)))
    return Case(trust, seal(signer, header, {**draw(GOOD_CLAIMS), **odd}))


@st.composite
def with_odd_headers(draw: st.DrawFn) -> Case:
    """Draw a token that is well signed, with header members that mean harm or nothing."""
    trust, signer, header = draw(signed_by())
    odd = dict(draw(st.lists(ODD_HEADERS, min_size=1, max_size=2)))
    return Case(trust, seal(signer, {**header, **odd}, draw(GOOD_CLAIMS)))


@st.composite
def with_any_key(draw: st.DrawFn) -> Case:
    """Draw a token by any key of anybody, under any name."""
    trust = TRUSTS[draw(st.sampled_from(sorted(TRUSTS)))]
    signer = draw(st.sampled_from(trust.signers + trust.strangers))
    kid = draw(st.sampled_from([one.kid for one in trust.signers] + [signer.kid, None, "x"]))
    algorithm = draw(st.sampled_from([signer.algorithm, signer.algorithm, *trust.algorithms]))
    header = {"alg": algorithm} if kid is None else {"alg": algorithm, "kid": kid}
    return Case(trust, seal(signer, header, draw(GOOD_CLAIMS)))
