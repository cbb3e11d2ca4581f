import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.fetching.session import make_session
from gateway.keyring.source import read_keys
from gateway.settings.values.configuration import SourceKind
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks
from tests.keyring.peers import IssuerPeer, issuer_settings

PEM = P256_KEYS[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("kind", "body"), [(SourceKind.JWKS_FILE, jwks(ec_jwk())), (SourceKind.PEM_FILE, PEM)]
)
async def test_keys_are_read_from_files(kind: SourceKind, body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(body)

    async with make_session() as session:
        parsed = await read_keys(session, Files(), issuer_settings(kind, str(file)))

    assert [key.material for key in parsed.keys] == [P256_KEYS[0].public_key()]


@pytest.mark.parametrize("kind", [SourceKind.JWKS_FILE, SourceKind.PEM_FILE])
@pytest.mark.parametrize(
    ("body", "reason"),
    [(None, "No such file"), (b" " * 262_145, "larger than 262144 bytes"), (b"?", "")],
)
async def test_a_file_that_cannot_serve_fails_and_is_named(
    kind: SourceKind, body: bytes | None, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    if body is not None:
        file.write_bytes(body)

    async with make_session() as session:
        with pytest.raises(FetchFailed) as failure:
            await read_keys(session, Files(), issuer_settings(kind, str(file)))

    assert str(failure.value).startswith(f"{file}: ")
    assert reason in str(failure.value)


async def test_discovery_and_keys_together_take_no_longer_than_the_timeout(
    peer: IssuerPeer,
) -> None:
    """Each answer alone would be in time."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.Response(status=404)

    peer.answer = answer
    settings = issuer_settings(
        SourceKind.DISCOVERY, peer.url, issuer=peer.url, fetch_timeout_seconds=0.5
    )

    async with make_session() as session:
        with pytest.raises(FetchFailed, match=r"no complete response in 0\.5 s"):
            await read_keys(session, Files(), settings)
