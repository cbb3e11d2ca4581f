"""A revocation list is read once, from a URL or a file, within its time and its size."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.fetching.session import make_session
from gateway.revocation.entries import MAX_LIST_BYTES
from gateway.revocation.source import read_list
from gateway.tls.certificate import Authorities
from tests.certificates import serving
from tests.keyring.peers import body, issuer_peer
from tests.revocation.lists import list_settings, listing

TEXT = listing({"jti": "a"})
HUGE = b" " * (MAX_LIST_BYTES + 1)


async def read(location: str, *, is_file: bool, seconds: float = 10.0) -> bytes:
    settings = list_settings(location, is_file=is_file, fetch_timeout_seconds=seconds)
    async with make_session() as session:
        return await read_list(session, Files(), settings)


async def test_a_list_is_read_from_a_url(tmp_path: Path) -> None:
    async with issuer_peer() as peer:
        peer.answer = body(TEXT)

        assert await read(peer.url, is_file=False) == TEXT


async def test_a_list_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_bytes(TEXT)

    assert await read(str(file), is_file=True) == TEXT


async def test_one_that_is_too_large_is_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_bytes(HUGE)
    async with issuer_peer() as peer:
        peer.answer = body(HUGE)

        for location, is_file in ((peer.url, False), (str(file), True)):
            with pytest.raises(FetchFailed, match=f"larger than {MAX_LIST_BYTES} bytes"):
                await read(location, is_file=is_file)


async def test_one_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="No such file"):
        await read(str(tmp_path / "none.json"), is_file=True)


async def test_a_file_on_a_disk_that_hangs_has_its_time() -> None:
    goes_on = threading.Event()
    files = Files(lambda _name, _count: b"x" * goes_on.wait(10))
    settings = list_settings("/slow", is_file=True, fetch_timeout_seconds=0.01)
    try:
        async with make_session() as session:
            with pytest.raises(FetchFailed, match=r"/slow: not read in 0\.01 s"):
                await read_list(session, files, settings)
    finally:
        goes_on.set()


async def test_a_list_can_be_of_an_authority_that_the_machine_does_not_trust() -> None:
    theirs = trustme.CA()
    async with issuer_peer(serving(theirs.issue_cert("127.0.0.1"))) as peer:
        peer.answer = body(listing())
        settings = list_settings(peer.url)
        ca = Authorities("ca.pem", theirs.cert_pem.bytes(), 0.0)

        async with make_session() as session:
            assert await read_list(session, Files(), replace(settings, ca=ca)) == listing()
            with pytest.raises(FetchFailed, match="the certificate is not trusted"):
                await read_list(session, Files(), settings)
