"""Which requests go through a proxy, and how; judged by a proxy that records what it was asked."""

import asyncio
from dataclasses import replace
from ipaddress import ip_network

import pytest
import trustme
from yarl import URL

from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.post import FormRequest, post_form
from gateway.fetching.reach import Reach, make_reach
from gateway.fetching.session import make_session
from gateway.settings.values.configuration import KeySource, Proxy, SourceKind
from gateway.tls.certificate import Authorities
from tests.certificates import AUTHORITY, DAY, NOW, serving, trusting
from tests.fetching.forward_proxy import forward_proxy
from tests.keyring.peers import IssuerPeer, body, issuer_peer

DOCUMENT = b'{"keys": []}'
PROXY = Proxy(
    "http://proxy.internal:3128",
    names=frozenset({"keys.example.com", ".cluster.local"}),
    networks=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
)


@pytest.mark.parametrize(
    ("url", "is_covered"),
    [
        ("https://login.example.com/keys", True),
        ("https://keys.example.com/", False),
        ("https://KEYS.example.com./", False),
        ("https://a.keys.example.com/", True),  # a name is that name
        ("https://cluster.local/", True),
        ("https://a.cluster.local/", False),
        ("https://a.b.cluster.local/", False),
        ("https://notcluster.local/", True),
        ("https://10.1.2.3/", False),
        ("https://11.1.2.3/", True),
        ("https://[fd00::7]/", False),
        ("https://localhost/", False),
        ("https://127.0.0.1:8443/", False),
        ("https://[::1]/", False),
        ("http://keycloak:8080/", False),  # its addresses are checked here, not by a proxy
    ],
)
def test_a_proxy_covers_all_but_the_exceptions_and_this_machine(url: str, is_covered: bool) -> None:
    assert ("proxy" in Reach(proxy=PROXY).options(URL(url))) is is_covered


@pytest.mark.parametrize("url", ["https://localhost/", "http://127.0.0.1:8080/"])
def test_it_covers_this_machine_where_it_is_said_so(url: str) -> None:
    said = replace(PROXY, covers_loopback=True)

    assert Reach(proxy=said).options(URL(url))["proxy"] == URL(PROXY.url)


def test_the_servers_of_an_issuer_are_reached_as_its_source_says() -> None:
    ca = Authorities("ca.pem", AUTHORITY.cert_pem.bytes(), (NOW + DAY).timestamp())
    source = KeySource(SourceKind.DISCOVERY_URL, "https://a/m", None, ca, PROXY, is_insecure=True)

    reach = make_reach(source)

    assert reach.tls is not None
    assert (reach.proxy, reach.is_insecure) == (PROXY, True)
    assert reach.metadata_url == "https://a/m"
    assert make_reach(replace(source, kind=SourceKind.JWKS_URL)).metadata_url is None


async def test_https_goes_through_a_tunnel_in_which_the_proxy_reads_nothing() -> None:
    async with (
        issuer_peer(serving(AUTHORITY.issue_cert("keys.example"))) as peer,
        forward_proxy(peer.url) as proxy,
        make_session(trusting()) as session,
    ):
        peer.answer = body(DOCUMENT)
        reach = Reach(proxy=Proxy(proxy.url, "gateway", "s3cret/ä"))

        document = await fetch(session, "https://keys.example/jwks?k=1", 10.0, reach=reach)

    assert document == DOCUMENT
    assert peer.paths == ["/jwks"]
    [head] = proxy.heads
    assert head.startswith(b"CONNECT keys.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic Z2F0ZXdheTpzM2NyZXQvw6Q=\r\n" in head
    assert not any("proxy-authorization" in map(str.lower, headers) for headers in peer.headers)


async def test_so_does_a_form_with_credentials() -> None:
    async with (
        issuer_peer(serving(AUTHORITY.issue_cert("login.example"))) as peer,
        forward_proxy(peer.url) as proxy,
        make_session(trusting()) as session,
    ):
        request = FormRequest("https://login.example/token", b"code=s3cret", {})

        await post_form(session, request, 10.0, Reach(proxy=Proxy(proxy.url)))

    assert peer.bodies == [b"code=s3cret"]
    assert b"s3cret" not in b"".join(proxy.heads)
    assert b"authorization" not in proxy.heads[0].lower()


async def test_plain_http_to_this_machine_is_asked_of_the_proxy_by_its_whole_address(
    peer: IssuerPeer,
) -> None:
    """RFC 9112 §3.2.2."""
    peer.answer = body(DOCUMENT)

    async with forward_proxy(peer.url) as proxy, make_session() as session:
        reach = Reach(proxy=Proxy(proxy.url, "gateway", "pw", covers_loopback=True))
        assert await fetch(session, peer.url + "/jwks", 10.0, reach=reach) == DOCUMENT

    assert proxy.heads[0].startswith(f"GET {peer.url}/jwks HTTP/1.1\r\n".encode())
    assert b"\r\nProxy-Authorization: Basic Z2F0ZXdheTpwdw==\r\n" in proxy.heads[0]


async def test_the_trust_of_the_issuer_counts_behind_a_proxy_too() -> None:
    """8414.3: the proxy, or whoever is behind it, may be anybody."""
    theirs = trustme.CA()
    async with (
        issuer_peer(serving(theirs.issue_cert("keys.example"))) as peer,
        forward_proxy(peer.url) as proxy,
        make_session(trusting()) as session,
    ):
        peer.answer = body(DOCUMENT)
        with pytest.raises(FetchFailed, match="the certificate is not trusted"):
            await fetch(session, "https://keys.example/", 10.0, reach=Reach(proxy=Proxy(proxy.url)))
        source = KeySource(
            SourceKind.JWKS_URL,
            "",
            None,
            Authorities("ca.pem", theirs.cert_pem.bytes(), (NOW + DAY).timestamp()),
            Proxy(proxy.url),
        )
        url = "https://keys.example/"
        assert await fetch(session, url, 10.0, reach=make_reach(source)) == DOCUMENT


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 s3cret\r\nContent-Length: 0\r\n\r\n", "the proxy refuses (status 407)"),
        (b"HTTP/1.1 502 s3cret\r\nContent-Length: 0\r\n\r\n", "the proxy refuses (status 502)"),
        (b"s3cret\r\n\r\n", "the exchange failed"),
        (b"", "the exchange failed"),
        (b"HTTP/1.1 200 OK\r\n\r\nno TLS here", "cannot connect"),
    ],
)
async def test_a_proxy_that_does_not_lead_there_is_a_failure_with_a_reason(
    answer: bytes, words: str, peer: IssuerPeer
) -> None:
    async with forward_proxy(peer.url) as proxy, make_session() as session:
        proxy.answer = answer
        reach = Reach(proxy=Proxy(proxy.url, "gateway", "s3cret"))

        with pytest.raises(FetchFailed) as failure:
            await fetch(session, "https://keys.example/jwks", 10.0, reach=reach)

    assert words in str(failure.value)
    assert str(failure.value).startswith("https://keys.example/jwks: ")
    assert "s3cret" not in str(failure.value)
    assert peer.paths == []


async def test_a_proxy_that_is_down_is_a_failure_without_its_password() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    reach = Reach(proxy=Proxy(f"http://127.0.0.1:{port}", "gateway", "s3cret"))

    async with make_session() as session:
        with pytest.raises(FetchFailed, match="cannot connect to the proxy") as failure:
            await fetch(session, "https://keys.example/jwks", 10.0, reach=reach)

    assert "s3cret" not in str(failure.value)


async def test_a_proxy_that_says_nothing_takes_no_longer_than_the_timeout(
    peer: IssuerPeer,
) -> None:
    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    reach = Reach(proxy=Proxy(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    async with make_session() as session:
        with pytest.raises(FetchFailed, match=r"no complete response in 0\.2 s"):
            await fetch(session, "https://keys.example/jwks", 0.2, reach=reach)
    server.close()
    for writer in held:
        writer.close()
