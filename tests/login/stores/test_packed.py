"""A session comes back as it was, with every character of its tokens and claims."""

import math
from base64 import urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st

from gateway.login.session import Session, Tokens
from gateway.login.stores.packed import pack, packed_sizes, unpack
from tests.login.sessions import make_session

texts = st.text(st.characters(), max_size=30)  # halves of surrogate pairs as well
moments = st.floats(0, 1e11)
claims = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(-1e300, 1e300) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
segments = st.binary(max_size=40).map(lambda octets: urlsafe_b64encode(octets).rstrip(b"="))
jwts = st.lists(segments, min_size=1, max_size=6).map(b".".join)
opaque = st.text("abcXYZ019-._~+/=", max_size=40).map(str.encode)
tokens = jwts | opaque | segments.map(lambda one: one + b".A.A")


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    """Return any session; opaque tokens may look like JWTs, and not be canonical base64url."""
    return Session(
        id=draw(st.binary(min_size=32, max_size=32)),
        login=draw(texts),
        issuer=draw(texts),
        subject=draw(texts),
        sid=draw(st.none() | texts),
        tokens=Tokens(
            access=draw(tokens),
            access_expires_at=draw(moments),
            refresh_at=draw(moments),
            refresh=draw(st.none() | tokens.map(bytes.decode) | texts),
            id_token=draw(tokens.map(bytes.decode) | texts),
        ),
        claims=draw(st.dictionaries(texts, claims, max_size=3)),
        begun_at=draw(moments),
        used_at=draw(moments),
        idle_seconds=draw(moments),
        ends_at=draw(moments),
        version=draw(st.integers(0, 2**40)),
    )


@given(sessions())
def test_a_session_comes_back(session: Session) -> None:
    assert unpack(pack(session)) == session


@given(st.binary(max_size=100))
def test_another_format_is_no_session(octets: bytes) -> None:
    assert unpack(b"\x02" + octets) is None
    assert unpack(b"") is None


def make_jwt(length: int) -> str:
    parts = (b"h" * 60, b"p" * length, b"s" * 256)
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_signed_tokens_take_no_more_than_their_octets() -> None:
    jwt = make_jwt(600)
    plain = make_session(tokens=Tokens(b"", 0.0, 0.0))
    session = make_session(tokens=Tokens(jwt.encode(), 0.0, 0.0, jwt, jwt))

    added = len(pack(session)) - len(pack(plain))
    assert added <= 3 * (60 + 600 + 256) + 3 * len("[100,1000,100]")
    assert math.isclose(added, 3 * len(jwt) * 3 / 4, rel_tol=0.02)


def test_the_sizes_of_its_parts_are_named() -> None:
    session = make_session(tokens=Tokens(b"a" * 100, 0.0, 0.0, "opaque", make_jwt(10)))

    assert packed_sizes(session) == {
        "access token": 100,
        "refresh token": 6,
        "ID token": 60 + 10 + 256,
        "claims": len('{"sub": "ada", "name": "Ada"}'),
    }
