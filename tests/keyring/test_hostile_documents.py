"""What an issuer may publish: keys or a reason come of it, and no call elsewhere."""

import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st

from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.fetching.session import make_session
from gateway.keyring.jwk import MAX_KEYS, ParsedSet, parse_jwks
from gateway.keyring.source import read_keys
from gateway.settings.values.configuration import SourceKind
from tests.fuzz.key_sets import check_key_set
from tests.keyring.keys import (
    base64url,
    ec_jwk,
    ed448_jwk,
    ed25519_jwk,
    jwks,
    number,
    rsa_jwk,
)
from tests.keyring.peers import IssuerPeer, issuer_peer, issuer_settings
from tests.proxy.service import Service, running_service

# --- any bytes, any JSON

NUMBERS = st.one_of(
    st.sampled_from([0, 1, 2, 3, 65537, 2**31, 2**33 - 1, 2**33 + 1, 2**64, 2**2047, 2**2048 - 1]),
    st.integers(2**2040, 2**2100),
    st.integers(2**255 - 20, 2**256),
)
SPELT = st.one_of(
    NUMBERS.map(number),
    NUMBERS.map(lambda value: number(value) + "="),
    NUMBERS.map(lambda value: "AA" + number(value)),
    st.binary(max_size=140).map(base64url),
    st.binary(min_size=2046, max_size=2050).map(base64url),
    st.text(max_size=20),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(
    [
        *("sig", "enc", "verify", "RSA", "EC", "OKP", "oct", "P-256", "P-521", "Ed25519", "Ed448"),
        *("X25519", "RS256", "PS512", "ES256", "ES512", "EdDSA", "HS256", "none", "k" * 2_000),
    ]
)
MEMBERS = st.sampled_from(
    ["kty", "n", "e", "crv", "x", "y", "alg", "use", "key_ops", "kid", "k", "d", "x5c", "jku"]
)
KEYS = st.builds(
    lambda key, changes: {**key, **changes},
    st.sampled_from([rsa_jwk(), ec_jwk(), ed25519_jwk(), ed448_jwk(), {}]),
    st.dictionaries(MEMBERS, SPELT | WORDS | st.lists(WORDS, max_size=3) | JSON, max_size=3),
)


@given(st.binary(max_size=500) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_document_is_keys_or_a_reason(document: bytes) -> None:
    check_key_set(document)


@given(st.lists(KEYS | JSON, max_size=4))
def test_of_any_keys_those_are_used_that_may_be_and_none_is_an_error(keys: list[Any]) -> None:
    """7517.1, 7517.2, 7517.3, 7517.4, 7518.1, 7518.4."""
    check_key_set(json.dumps({"keys": keys}).encode())


@given(
    st.dictionaries(
        st.sampled_from(["issuer", "jwks_uri", "jwks", "keys"]),
        st.sampled_from(["https://login.example.com/", "https://a.example", "http://127.0.0.1"])
        | st.text()
        | JSON,
    )
)
def test_any_metadata_lead_to_https_or_nowhere(metadata: dict[str, Any]) -> None:
    """8414.1, 8414.4."""
    check_key_set(json.dumps(metadata).encode())


# --- large

DEEPEST = 30  # in an array in the object of the set


@pytest.mark.parametrize(
    ("body", "usable"),
    [
        (jwks(*[ec_jwk(kid=str(n)) for n in range(10_000)]), MAX_KEYS),
        (jwks(ec_jwk(kid="k" * 2**20), ec_jwk()), 1),
        (jwks(ec_jwk(x5c=["?" * 100_000] * 10), ec_jwk(x5t=1, x5u=[], x=None)), 1),
        (jwks(rsa_jwk(n="B" * 200_000), rsa_jwk(e="B" * 200_000), rsa_jwk()), 1),
        (jwks(rsa_jwk(key_ops=["encrypt"] * 50_000 + ["verify"])), 1),
        (b'{"keys": [%b, %b]}' % (b"9" * 4_000, json.dumps(ec_jwk()).encode()), 1),
        (b'{"keys": [%b, {}]}' % (b"[" * DEEPEST + b"]" * DEEPEST), 0),
        (b'{"keys": [' + b",".join([b"{}"] * 80_000) + b"]}", 0),
    ],
    ids=[
        *("10,000 keys", "a kid of 1 MiB", "x5c of garbage", "endless numbers"),
        *(
            "many key_ops",
            "a number of 4,000 digits",
            "nested as deep as may be",
            "80,000 nothings",
        ),
    ],
)
def test_a_set_that_is_large_in_some_way_yields_the_keys_that_are_good(
    body: bytes, usable: int
) -> None:
    parsed = parse_jwks(body)

    assert isinstance(parsed, ParsedSet)
    assert len(parsed.keys) == usable
    assert len(parsed.keys) + len(parsed.unusable) == len(json.loads(body)["keys"])


# --- calls elsewhere

AUTHORITY = trustme.CA()


@pytest.fixture
async def issuer() -> AsyncIterator[IssuerPeer]:
    """Yield an issuer with TLS, as an issuer that is not this machine has it."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(tls)
    async with issuer_peer(tls) as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    trusting = ssl.create_default_context()
    AUTHORITY.configure_trust(trusting)
    async with make_session(trusting) as made:
        yield made


@pytest.fixture
async def canary() -> AsyncIterator[Service]:
    """Yield a service of this machine that nobody has any reason to talk to."""
    async with running_service() as started:
        yield started


def serve(peer: IssuerPeer, metadata: dict[str, Any], keys: bytes) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/keys":
            return web.Response(body=keys)
        return web.json_response({"issuer": peer.url, **metadata})

    peer.answer = answer


LEADS: list[Any] = [
    *("http://127.0.0.1:{port}/", "http://localhost:{port}/", "HTTP://LOCALHOST:{port}/"),
    *("http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f.0.0.1:{port}/"),
    *("http://0:{port}/", "http://0.0.0.0:{port}/", "http://[::ffff:127.0.0.1]:{port}/"),
    *("http://127\u30020\u30020\u30021:{port}/", "http://\u2460\u2461\u2466.0.0.1:{port}/"),
    *("http://login.example.com@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@a.example/"),
    *("//127.0.0.1:{port}/", "http:127.0.0.1:{port}", "http:///127.0.0.1:{port}/"),
    *(" http://127.0.0.1:{port}/", "http://127.0.0.1:{port}/\r\n", "http\t://127.0.0.1:{port}/"),
    *("https://127.0.0.1:{port}#@a.example/", "https://u:p@127.0.0.1:{port}/"),
    *("ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "ws://127.0.0.1:{port}/"),
    *("http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/"),
    *("file:///etc/passwd", "data:application/json,%7B%7D", "unix:/run/docker.sock"),
    *("", "/keys", "?", None, 7, ["http://127.0.0.1:{port}/"], {"0": "http://127.0.0.1:{port}/"}),
]


@pytest.mark.parametrize("lead", LEADS, ids=str)
async def test_metadata_lead_to_no_other_service_of_this_machine(
    lead: Any, issuer: IssuerPeer, canary: Service, session: ClientSession
) -> None:
    """8414.4, 8725.9: whoever writes metadata chooses the host, and it is we who call it."""
    filled = json.loads(json.dumps(lead).replace("{port}", str(canary.address[1])))
    serve(issuer, {"jwks_uri": filled}, jwks(ec_jwk()))

    with pytest.raises(FetchFailed, match="jwks_uri"):
        await read_keys(
            session, Files(), issuer_settings(SourceKind.DISCOVERY, "", issuer=issuer.url)
        )

    assert canary.connections == []


async def test_of_metadata_nothing_is_followed_but_where_the_keys_are(
    issuer: IssuerPeer, canary: Service, session: ClientSession
) -> None:
    names = ["token_endpoint", "introspection_endpoint", "registration_endpoint", "jwks", "jku"]
    others: dict[str, Any] = dict.fromkeys(names, canary.url)
    others |= {"signed_jwks_uri": canary.url, "keys": [{"jku": canary.url}]}
    serve(issuer, {**others, "jwks_uri": issuer.url + "/keys"}, jwks(ec_jwk(kid="good")))

    parsed = await read_keys(
        session, Files(), issuer_settings(SourceKind.DISCOVERY, "", issuer=issuer.url)
    )

    assert [key.kid for key in parsed.keys] == ["good"]
    assert issuer.paths == ["/.well-known/openid-configuration", "/keys"]
    assert canary.connections == []


async def test_of_a_key_set_nothing_is_followed(
    issuer: IssuerPeer, canary: Service, session: ClientSession
) -> None:
    """7515.6, 8725.9."""
    leads: dict[str, Any] = {
        "jku": canary.url,
        "x5u": canary.url,
        "url": canary.url,
        "iss": canary.url,
    }
    more = {"next": canary.url, "jwks_uri": canary.url}
    keys = [ec_jwk(kid="a", **leads), {**leads, "kty": "EC", "kid": "b"}, {"$ref": canary.url}]
    serve(issuer, {}, json.dumps({"keys": keys, **more}).encode())
    settings = issuer_settings(SourceKind.JWKS_URL, issuer.url + "/keys")

    parsed = await read_keys(session, Files(), settings)

    assert [key.kid for key in parsed.keys] == ["a"]
    assert issuer.paths == ["/keys"]
    assert canary.connections == []
