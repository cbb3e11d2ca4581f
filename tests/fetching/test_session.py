"""A server cannot keep us busy with answers that are none yet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from socket import AF_INET, AF_INET6, SOCK_STREAM
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.session import MAX_RESPONSES, make_session
from tests.proxy.messages import make_answer
from tests.proxy.service import Service, running_service, serve
from tests.proxy.wire import Wire

DOCUMENT = b'{"keys": []}'
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


@pytest.fixture
async def issuer() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


async def test_an_answer_may_come_behind_a_few_interim_ones(
    issuer: Service, session: ClientSession
) -> None:
    """RFC 9110 §15.2."""
    issuer.script = serve(INTERIM * (MAX_RESPONSES - 1) + make_answer(DOCUMENT))

    assert await fetch(session, issuer.url, 10.0) == DOCUMENT


async def test_an_answer_of_many_pieces_is_read_whole(
    issuer: Service, session: ClientSession
) -> None:
    large = bytes(range(256)) * 800
    issuer.script = serve(make_answer(large))

    assert await fetch(session, issuer.url, 10.0) == large


@pytest.mark.parametrize("size", [1, 10_000])
async def test_interim_answers_without_an_end_are_a_failure_and_end_the_connection(
    size: int, issuer: Service, session: ClientSession
) -> None:
    """One by one or as many as fit: all others waited for seconds while they were read."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        while not wire.is_lost:
            wire.send(INTERIM * size)
            await asyncio.sleep(0)

    issuer.script = script

    with pytest.raises(FetchFailed, match="TooManyResponses"):
        await fetch(session, issuer.url, 10.0)


Addresses = list[tuple[Any, Any, int, str, tuple[Any, ...]]]


def looking_up(*addresses: str, port: int) -> Callable[..., Addresses]:
    def lookup(*_question: object) -> Addresses:
        return [
            (AF_INET6 if ":" in one else AF_INET, SOCK_STREAM, 6, "", (one, port))
            for one in addresses
        ]

    return lookup


@pytest.mark.parametrize(
    ("addresses", "named"),
    [
        (("93.184.216.34",), "93.184.216.34"),
        (("127.0.0.1", "93.184.216.34"), "93.184.216.34"),  # the first would do
        (("2001:4860:4860::8888",), "2001:4860:4860::8888"),
        (("::ffff:93.184.216.34",), "::ffff:93.184.216.34"),
        (("192.0.2.1",), "192.0.2.1"),
        (("0.0.0.0",), "0.0.0.0"),
    ],
)
async def test_plain_http_leads_to_no_public_address_whatever_a_name_leads_to(
    addresses: tuple[str, ...], named: str, issuer: Service
) -> None:
    """DNS rebinding: the addresses that are checked are those that are connected to."""
    port = int(issuer.url.rpartition(":")[2])

    async with make_session(lookup=looking_up(*addresses, port=port)) as session:
        with pytest.raises(FetchFailed) as failure:
            await fetch(session, f"http://keycloak:{port}/", 10.0)

    assert f"plain http to {named}, which is not a private address" in str(failure.value)
    assert issuer.connections == []


async def test_a_name_with_a_private_address_is_reached(issuer: Service) -> None:
    issuer.script = serve(make_answer(DOCUMENT))
    port = int(issuer.url.rpartition(":")[2])

    async with make_session(lookup=looking_up("127.0.0.1", port=port)) as session:
        assert await fetch(session, f"http://keycloak:{port}/", 10.0) == DOCUMENT


async def test_an_address_in_the_url_is_checked_as_well(session: ClientSession) -> None:
    with pytest.raises(FetchFailed, match=r"plain http to 192\.0\.2\.7, which is not a private"):
        await fetch(session, "http://192.0.2.7:9/", 10.0)


async def test_spans_may_go_anywhere() -> None:
    """Their URL is of the configuration alone, and they decide nothing."""
    async with make_session(lookup=refusing, may_be_public=True) as session:
        with pytest.raises(FetchFailed, match="cannot connect"):
            await fetch(session, "http://collector.example/", 10.0)


def refusing(*_question: object) -> Addresses:
    raise OSError(1, "asked")
