"""The keys of every issuer are fetched once, concurrently, in the order of the file."""

import asyncio

from gateway.cli.fetched_keys import find_keys
from gateway.settings.values.configuration import SourceKind
from tests.cli.peers import closed_port, http_peer
from tests.keyring.keys import ec_jwk, jwks
from tests.keyring.peers import issuer_settings


async def test_what_was_found_is_in_the_order_of_the_issuers() -> None:
    with http_peer(jwks(ec_jwk(kid="e"))) as url:
        found = await find_keys(
            [
                issuer_settings(SourceKind.JWKS_URL, f"http://127.0.0.1:{closed_port()}/"),
                issuer_settings(SourceKind.JWKS_URL, f"{url}/jwks?code=hidden"),
                issuer_settings(SourceKind.JWKS_FILE, "/nowhere/keys.json"),
            ]
        )

    assert [[key.kid for key in one.parsed.keys] for one in found] == [[], ["e"], []]
    assert [one.error is None for one in found] == [False, True, False]
    assert found[1].source == f"jwks_url {url}/jwks"
    assert found[2].source == "jwks_file /nowhere/keys.json"


async def test_more_issuers_than_files_may_be_open_have_their_turn() -> None:
    with http_peer(jwks(ec_jwk(kid="e"))) as url:
        one = issuer_settings(SourceKind.JWKS_URL, url)
        async with asyncio.timeout(60):
            found = await find_keys([one] * 300)

    assert sum(bool(finding.parsed.keys) for finding in found) == 300
