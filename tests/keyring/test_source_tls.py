"""Keys and metadata of an issuer with an authority of its own."""

import json
from dataclasses import replace

import pytest
import trustme
from aiohttp import web

from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.fetching.session import make_session
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.source import read_keys
from gateway.settings.values.configuration import IssuerSettings, SourceKind
from gateway.tls.certificate import Authorities
from tests.certificates import AUTHORITY, serving, trusting
from tests.keyring.keys import ec_jwk, jwks
from tests.keyring.peers import issuer_peer, issuer_settings

THEIRS = trustme.CA()
CA = Authorities("ca.pem", THEIRS.cert_pem.bytes(), 0.0)


async def read(settings: IssuerSettings, ca: Authorities | None = CA) -> ParsedSet:
    trusting_them = replace(settings, source=replace(settings.source, ca=ca))
    async with make_session(trusting()) as session:
        return await read_keys(session, Files(), trusting_them)


@pytest.mark.parametrize("kind", [SourceKind.JWKS_URL, SourceKind.DISCOVERY])
async def test_all_that_is_fetched_of_it_comes_from_whom_its_authority_vouches_for(
    kind: SourceKind,
) -> None:
    """8414.3."""
    async with issuer_peer(serving(THEIRS.issue_cert("127.0.0.1"))) as peer:

        async def answer(request: web.Request) -> web.Response:
            if "well-known" in request.path:
                return web.Response(
                    text=json.dumps({"issuer": peer.url, "jwks_uri": f"{peer.url}/keys"})
                )
            return web.Response(body=jwks(ec_jwk(kid="e")))

        peer.answer = answer
        settings = issuer_settings(kind, peer.url, issuer=peer.url)

        assert len((await read(settings)).keys) == 1
        with pytest.raises(FetchFailed, match="unable to get local issuer certificate"):
            await read(settings, ca=None)


async def test_whom_the_machine_trusts_does_not_count_then() -> None:
    """8414.3."""
    async with issuer_peer(serving(AUTHORITY.issue_cert("127.0.0.1"))) as peer:
        with pytest.raises(FetchFailed, match="unable to get local issuer certificate"):
            await read(issuer_settings(SourceKind.JWKS_URL, peer.url))

        assert peer.paths == []
