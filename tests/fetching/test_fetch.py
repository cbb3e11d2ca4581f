"""An issuer that misbehaves costs bounded time and memory, and is never believed."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme
from aiohttp import ClientSession, web

from gateway.fetching.document import MAX_DOCUMENT_BYTES, FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.session import make_session
from tests.keyring.peers import IssuerPeer, body, issuer_peer

DOCUMENT = b'{"keys": []}'


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


async def test_the_body_of_a_200_is_returned(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(DOCUMENT)

    assert await fetch(session, peer.url + "/jwks", 5.0) == DOCUMENT


async def test_whoever_is_asked_is_not_told_what_we_are_made_of(
    peer: IssuerPeer, session: ClientSession
) -> None:
    peer.answer = body(DOCUMENT)
    await fetch(session, peer.url + "/jwks", 5.0)

    (headers,) = peer.headers
    assert headers["User-Agent"] == "jwt-gateway"
    assert not [value for value in headers.values() if "aiohttp" in value.lower()]


async def test_a_compressed_body_is_inflated(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(gzip.compress(DOCUMENT), Content_Encoding="gzip")

    assert await fetch(session, peer.url, 5.0) == DOCUMENT


async def test_a_body_of_just_the_limit_is_taken(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(b" " * MAX_DOCUMENT_BYTES)

    assert len(await fetch(session, peer.url, 5.0)) == MAX_DOCUMENT_BYTES


async def test_another_limit_holds_where_it_is_given(
    peer: IssuerPeer, session: ClientSession
) -> None:
    large = b" " * (MAX_DOCUMENT_BYTES + 1)
    peer.answer = body(gzip.compress(large), Content_Encoding="gzip")

    assert await fetch(session, peer.url, 5.0, len(large)) == large
    with pytest.raises(FetchFailed, match=f"larger than {len(large) - 1} bytes"):
        await fetch(session, peer.url, 5.0, len(large) - 1)


TOO_LARGE = "larger than 262144 bytes"

MISBEHAVIOUR = {
    "an error of the server": (body(DOCUMENT, status=500), "status 500 instead of 200"),
    "no content": (body(b"", status=204), "status 204 instead of 200"),
    "not found": (body(DOCUMENT, status=404), "status 404 instead of 200"),
    "a body of 28 MB": (body(b" " * 28_000_000), TOO_LARGE),
    "one byte too many": (body(b" " * (MAX_DOCUMENT_BYTES + 1)), TOO_LARGE),
    "a compression bomb": (
        body(gzip.compress(b"\0" * 28_000_000), Content_Encoding="gzip"),
        TOO_LARGE,
    ),
    "no gzip though it says so": (body(b"{}", Content_Encoding="gzip"), "not valid gzip"),
    "gzip cut short": (
        body(gzip.compress(DOCUMENT)[:-4], Content_Encoding="gzip"),
        "truncated",
    ),
    "an encoding not asked for": (body(DOCUMENT, Content_Encoding="br"), "not requested"),
    "a redirect to nowhere": (body(b"", status=302), "more than 3 redirects"),
    "a redirect to something else": (
        body(b"", status=302, Location="ftp://127.0.0.1/x"),
        "redirects to another host",
    ),
    "a redirect to a file": (body(b"", status=302, Location="file:///etc/passwd"), ""),
    "a redirect that is no URL": (body(b"", status=302, Location="http://[::1"), ""),
    "a redirect in circles": (body(b"", status=307, Location="/again"), "more than 3 redirects"),
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
async def test_anything_but_one_small_200_fails(
    name: str, peer: IssuerPeer, session: ClientSession
) -> None:
    """8414.3, GHSA-fhv5-28vv-h8m8."""
    peer.answer, reason = MISBEHAVIOUR[name]

    with pytest.raises(FetchFailed) as failure:
        await fetch(session, peer.url + "/jwks", 5.0)

    assert reason in str(failure.value)
    assert len(peer.paths) <= 4


async def test_redirects_on_the_same_origin_are_followed(
    peer: IssuerPeer, session: ClientSession
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/jwks":
            return web.Response(status=301, headers={"Location": "/keys?v=2"})
        return web.Response(body=DOCUMENT)

    peer.answer = answer

    assert await fetch(session, peer.url + "/jwks", 5.0) == DOCUMENT
    assert peer.paths == ["/jwks", "/keys"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed(
    status: int, peer: IssuerPeer, session: ClientSession
) -> None:
    """GHSA-9v7f-9g4p-ffgj: another port of the same machine is another host."""
    async with issuer_peer() as canary:
        peer.answer = body(b"", status=status, Location=canary.url + "/jwks")

        with pytest.raises(FetchFailed, match="redirects to another host"):
            await fetch(session, peer.url, 5.0)

        assert canary.paths == []


async def test_an_issuer_that_hangs_is_left_after_the_timeout(
    peer: IssuerPeer, session: ClientSession
) -> None:
    released = asyncio.Event()

    async def answer(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    peer.answer = answer

    with pytest.raises(FetchFailed, match=r"no complete response in 0\.05 s"):
        await fetch(session, peer.url, 0.05)
    released.set()


async def test_a_body_that_drips_does_not_prolong_the_timeout(
    peer: IssuerPeer, session: ClientSession
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    peer.answer = answer

    with pytest.raises(FetchFailed, match=r"no complete response in 0\.2 s"):
        await fetch(session, peer.url, 0.2)


async def test_an_issuer_that_closes_without_an_answer_is_a_failure(
    peer: IssuerPeer, session: ClientSession
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    peer.answer = answer

    with pytest.raises(FetchFailed, match="the exchange failed"):
        await fetch(session, peer.url, 5.0)


async def test_a_body_that_ends_early_is_a_failure(session: ClientSession) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + DOCUMENT)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchFailed, match="the exchange failed"):
            await fetch(session, f"http://127.0.0.1:{port}", 5.0)


async def test_a_closed_port_is_a_failure_with_a_reason(session: ClientSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    words = r"127\.0\.0\.1:\d+/jwks: cannot connect \(Connection refused\)$"
    with pytest.raises(FetchFailed, match=words):
        await fetch(session, f"http://127.0.0.1:{port}/jwks", 5.0)


async def test_a_certificate_that_nobody_vouches_for_is_refused(session: ClientSession) -> None:
    """8414.3."""
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server_tls)

    async with issuer_peer(server_tls) as peer:
        with pytest.raises(FetchFailed, match="the certificate is not trusted"):
            await fetch(session, peer.url, 5.0)

        assert peer.paths == []


async def test_cookies_are_neither_kept_nor_sent(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(DOCUMENT, Set_Cookie="track=1; Path=/")
    await fetch(session, peer.url, 5.0)

    await fetch(session, peer.url, 5.0)

    assert "Cookie" not in peer.headers[1]
