"""A form is sent once, to where it belongs, and its response is bounded as a document is."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from gateway.fetching.document import FetchFailed
from gateway.fetching.post import MAX_RESPONSE_BYTES, FormRequest, post_form
from gateway.fetching.session import make_session
from tests.keyring.peers import IssuerPeer, body, issuer_peer

SECRET = "the-secret-of-this-client"
FORM = f"client_secret={SECRET}&scope=a+b".encode()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


def request_to(url: str) -> FormRequest:
    return FormRequest(url, FORM, {"Authorization": f"Basic {SECRET}"})


async def test_the_form_arrives_as_it_is_with_its_fields(
    peer: IssuerPeer, session: ClientSession
) -> None:
    peer.answer = body(b"{}", Content_Type="application/json;charset=UTF-8", Retry_After="7")

    posted = await post_form(session, request_to(peer.url + "/token"), 5.0)

    assert peer.bodies == [FORM]
    (headers,) = peer.headers
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert headers["Authorization"] == f"Basic {SECRET}"
    assert headers["Accept"] == "application/json"
    assert "Cookie" not in headers
    assert (posted.status, posted.body) == (200, b"{}")
    assert posted.content_type == "application/json;charset=UTF-8"
    assert posted.retry_after == "7"


async def test_a_response_with_any_status_is_returned(
    peer: IssuerPeer, session: ClientSession
) -> None:
    peer.answer = body(b'{"error": "invalid_grant"}', status=400)

    posted = await post_form(session, request_to(peer.url), 5.0)

    assert (posted.status, posted.body) == (400, b'{"error": "invalid_grant"}')


async def test_the_url_is_sent_as_it_is_written(peer: IssuerPeer, session: ClientSession) -> None:
    targets = []

    async def answer(request: web.Request) -> web.StreamResponse:
        targets.append(request.raw_path)
        return web.Response()

    peer.answer = answer
    target = "/a%2Fb/%7Etoken?tenant=x%20y&z=1+2"
    await post_form(session, request_to(peer.url + target), 5.0)

    assert targets == [target]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed_to_the_same_host_or_another(
    status: int, peer: IssuerPeer, session: ClientSession
) -> None:
    """9700.5: a redirect with 307 would send the credentials on."""
    async with issuer_peer() as canary:
        for location in ("/again", canary.url):
            peer.answer = body(b"", status=status, Location=location)
            posted = await post_form(session, request_to(peer.url), 5.0)
            assert posted.status == status

        assert canary.paths == []
    assert len(peer.paths) == 2


async def test_a_cookie_of_the_server_is_not_kept(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(b"", Set_Cookie="a=b")

    await post_form(session, request_to(peer.url), 5.0)
    await post_form(session, request_to(peer.url), 5.0)

    assert not [fields for fields in peer.headers if "Cookie" in fields]


TOO_LARGE = f"larger than {MAX_RESPONSE_BYTES} bytes"

MISBEHAVIOUR = {
    "one byte too many": (body(b" " * (MAX_RESPONSE_BYTES + 1)), TOO_LARGE),
    "a compression bomb": (
        body(gzip.compress(b"\0" * 28_000_000), Content_Encoding="gzip"),
        TOO_LARGE,
    ),
    "no gzip though it says so": (body(b"{}", Content_Encoding="gzip"), "not valid gzip"),
    "an encoding not asked for": (body(b"{}", Content_Encoding="br"), "not requested"),
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
async def test_a_response_that_is_too_much_fails_without_a_word_of_the_form(
    name: str, peer: IssuerPeer, session: ClientSession
) -> None:
    peer.answer, reason = MISBEHAVIOUR[name]

    with pytest.raises(FetchFailed) as failure:
        await post_form(session, request_to(peer.url + "/token?q=private"), 5.0)

    assert reason in str(failure.value)
    assert SECRET not in str(failure.value)
    assert "private" not in str(failure.value)


async def test_a_server_that_hangs_is_left_after_the_timeout(
    peer: IssuerPeer, session: ClientSession
) -> None:
    released = asyncio.Event()

    async def answer(_request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    peer.answer = answer

    with pytest.raises(FetchFailed, match=r"no complete response in 0\.05 s"):
        await post_form(session, request_to(peer.url), 0.05)
    released.set()


@pytest.mark.parametrize("url", ["https://[::1", "https://[v1.x]/", "https://a..b/", "http:///x"])
async def test_a_url_that_the_library_cannot_use_is_a_failure(
    url: str, session: ClientSession
) -> None:
    with pytest.raises(FetchFailed):
        await post_form(session, request_to(url), 5.0)
