import asyncio
import gzip

import pytest
from aiohttp import ClientSession

from gateway.fetching.document import FetchFailed
from gateway.fetching.exchange import exchange_failures, read_body
from tests.keyring.peers import IssuerPeer, body

URL = "https://user:secret@login.example.com/token?code=secret"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no complete response in 2.5 s"),
        (OSError("says secret"), "the exchange failed (OSError)"),
        (ValueError("says secret"), "the exchange failed (ValueError)"),
    ],
)
async def test_an_outside_failure_is_told_in_our_own_words(error: Exception, words: str) -> None:
    with pytest.raises(FetchFailed) as failure:
        async with exchange_failures(URL, 2.5):
            raise error

    assert str(failure.value) == f"https://login.example.com/token: {words}"


async def test_an_error_of_ours_is_not_a_failure_of_the_world() -> None:
    with pytest.raises(KeyError):
        async with exchange_failures(URL, 2.5):
            raise KeyError("x")


async def test_the_block_ends_in_time() -> None:
    with pytest.raises(FetchFailed, match=r"no complete response in 0\.01 s"):
        async with exchange_failures(URL, 0.01):
            await asyncio.Event().wait()


async def test_a_body_of_just_the_limit_is_read_packed_or_not(peer: IssuerPeer) -> None:
    text = b"x" * 1_000
    async with ClientSession(auto_decompress=False) as session:
        for answer in (body(text), body(gzip.compress(text), Content_Encoding="gzip")):
            peer.answer = answer
            async with session.get(peer.url) as response:
                assert await read_body(response, "here", 1_000) == text
            async with session.get(peer.url) as response:
                with pytest.raises(FetchFailed, match="here: response is larger than 999 bytes"):
                    await read_body(response, "here", 999)
