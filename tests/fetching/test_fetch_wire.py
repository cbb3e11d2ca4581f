"""What an issuer can do to one connection, byte by byte, ends with that connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.session import make_session
from tests.keyring.peers import IssuerPeer, until
from tests.proxy.messages import make_answer, make_chunked
from tests.proxy.service import Script, Service, running_service, serve
from tests.proxy.wire import Wire

DOCUMENT = b'{"keys": []}'
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def issuer() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


def say(octets: bytes, *, then_reset: bool = False) -> Script:
    """Return a script that answers with *octets* and ends the connection."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(octets)
        if then_reset:
            await asyncio.sleep(0.01)  # so that what was sent is not dropped with the rest
            wire.reset()
        else:
            wire.close()

    return script


BROKEN = {
    "nothing at all": say(b""),
    "reset before the answer": say(b"", then_reset=True),
    "reset in the middle of the head": say(HEAD + b"Content-Le", then_reset=True),
    "reset in the middle of the body": say(
        HEAD + b"Content-Length: 12\r\n\r\n" + DOCUMENT[:6], then_reset=True
    ),
    "reset in the middle of a chunk": say(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nc\r\n" + DOCUMENT[:6], then_reset=True
    ),
    "a length that is too long": say(HEAD + b"Content-Length: 99\r\n\r\n" + DOCUMENT),
    "no last chunk": say(HEAD + b"Transfer-Encoding: chunked\r\n\r\nc\r\n" + DOCUMENT + b"\r\n"),
    "a chunk of no size": say(HEAD + b"Transfer-Encoding: chunked\r\n\r\nz\r\n" + DOCUMENT),
    "a length that is no number": say(HEAD + b"Content-Length: many\r\n\r\n" + DOCUMENT),
    "two lengths": say(HEAD + b"Content-Length: 12\r\nContent-Length: 2\r\n\r\n" + DOCUMENT),
    "another protocol": say(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a field of 1 MB": say(HEAD + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    "fields without an end": say(HEAD + b"X: x\r\n" * 200_000),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_an_answer_that_breaks_off_or_lies_is_a_failure(
    name: str, issuer: Service, session: ClientSession
) -> None:
    """GHSA-fhv5-28vv-h8m8: half of a key set is none."""
    issuer.script = BROKEN[name]

    with pytest.raises(FetchFailed, match=r"/jwks: the exchange failed \(\w+\)$"):
        await fetch(session, issuer.url + "/jwks", 10.0)


@pytest.mark.parametrize(
    "answer",
    [
        make_answer(DOCUMENT),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + make_chunked(*(b"%c" % c for c in DOCUMENT)),
        HEAD + b"\r\n" + DOCUMENT,
        b"HTTP/1.0 200 OK\r\n\r\n" + DOCUMENT,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + make_answer(DOCUMENT),
    ],
)
async def test_every_framing_that_http_knows_is_read(
    answer: bytes, issuer: Service, session: ClientSession
) -> None:
    issuer.script = say(answer)

    assert await fetch(session, issuer.url, 10.0) == DOCUMENT


async def test_an_interim_answer_does_not_prolong_the_timeout(
    issuer: Service, session: ClientSession
) -> None:
    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await service.read_request(wire)  # which never comes

    issuer.script = script

    with pytest.raises(FetchFailed, match=r"no complete response in 0\.2 s"):
        await fetch(session, issuer.url, 0.2)


async def test_what_comes_behind_an_answer_is_not_read_as_the_next_one(
    issuer: Service, session: ClientSession
) -> None:
    """8725.5: two issuers may share a host; the keys of one must never become the other's."""
    sent = asyncio.Event()

    async def script(service: Service, wire: Wire) -> None:
        request = await service.read_request(wire)
        wire.send(make_answer(request.target))
        await asyncio.sleep(0.05)  # until the answer was read, and its connection is idle
        wire.send(make_answer(b"smuggled"))
        sent.set()
        request = await service.read_request(wire)
        wire.send(make_answer(request.target))

    issuer.script = script

    first = await fetch(session, issuer.url + "/one", 10.0)
    await sent.wait()
    await asyncio.sleep(0.05)
    second = await fetch(session, issuer.url + "/two", 10.0)

    assert (first, second) == (b"/one", b"/two")


async def test_a_connection_closed_between_two_fetches_is_noticed_by_none(
    issuer: Service, session: ClientSession
) -> None:
    issuer.script = serve(make_answer(DOCUMENT, b"Connection: keep-alive"))
    await fetch(session, issuer.url, 10.0)
    (await issuer.connection(0)).transport.abort()

    assert await fetch(session, issuer.url, 10.0) == DOCUMENT
    assert len(issuer.requests) == 2


async def test_a_connection_ends_with_its_exchange(issuer: Service, session: ClientSession) -> None:
    issuer.script = serve(make_answer(DOCUMENT, b"Connection: keep-alive"))

    for number in range(3):
        await fetch(session, issuer.url, 10.0)
        await (await issuer.connection(number)).wait_end()

    assert [request.one(b"connection") for request in issuer.requests] == [b"close"] * 3


async def test_a_redirect_is_followed_over_a_connection_of_its_own(
    issuer: Service, session: ClientSession
) -> None:
    redirect = make_answer(b"x" * 100_000, b"Location: /keys", status=302)
    answers = [redirect, make_answer(DOCUMENT)]

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(answers.pop(0))

    issuer.script = script

    assert await fetch(session, issuer.url + "/jwks", 10.0) == DOCUMENT
    assert [request.target for request in issuer.requests] == [b"/jwks", b"/keys"]
    await (await issuer.connection(0)).wait_end()


async def test_a_thousand_that_hang_take_no_time_of_one_that_does_not(
    peer: IssuerPeer, issuer: Service, session: ClientSession
) -> None:
    """All of them are asked at once: a limit on connections would have the last one wait."""

    async def hang(service: Service, wire: Wire) -> None:
        await service.read_request(wire)

    issuer.script = hang
    hanging = [asyncio.create_task(fetch(session, issuer.url, 600.0)) for _ in range(1000)]
    await until(lambda: len(issuer.requests) == 1000)

    peer_document = await fetch(session, peer.url, 10.0)

    assert peer_document == b""
    for task in hanging:
        task.cancel()
    outcomes = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}
    for number in range(1000):
        await (await issuer.connection(number)).wait_end()
