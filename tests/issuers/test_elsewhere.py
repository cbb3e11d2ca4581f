"""Issuers behind a proxy, with metadata elsewhere and an authority of their own."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.certificates import AUTHORITY, serving
from tests.fetching.forward_proxy import ForwardProxy, forward_proxy
from tests.issuers.conftest import StartWorld
from tests.issuers.world import key, token
from tests.keyring.keys import jwks
from tests.keyring.peers import IssuerPeer, issuer_peer
from tests.proxy.gateways import AUDIENCE

ISSUER = "https://login.example/common/v2.0"
METADATA = {"issuer": ISSUER, "jwks_uri": "https://keys.example/jwks"}
REFUSAL = b"HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n"


async def publish(request: web.Request) -> web.StreamResponse:
    """Publish metadata at one name, and keys at another."""
    if request.host == "login.example" and request.path == "/metadata":
        return web.Response(body=json.dumps(METADATA).encode())
    if request.host == "keys.example" and request.path == "/jwks":
        return web.Response(body=jwks(key(0)))
    return web.Response(status=404)


def behind(proxy: ForwardProxy, directory: Path, **changes: Any) -> dict[str, Any]:
    """Return an issuer that is reached through *proxy* alone."""
    (directory / "ca.pem").write_bytes(AUTHORITY.cert_pem.bytes())
    return {
        "issuer": ISSUER,
        "discovery_url": "https://login.example/metadata",
        "audiences": [AUDIENCE],
        "tls": {"ca": str(directory / "ca.pem")},
        "proxy": proxy.url,
        **changes,
    }


def hosts(proxy: ForwardProxy) -> list[bytes]:
    return [head.split(b" ")[1] for head in proxy.heads]


def served() -> Any:
    return issuer_peer(serving(AUTHORITY.issue_cert("login.example", "keys.example")))


async def test_metadata_and_keys_come_through_the_proxy_from_where_they_are(
    start: StartWorld, tmp_path: Path
) -> None:
    """8414.1: no name is looked up here, and the proxy reads nothing."""
    async with served() as peer, forward_proxy(peer.url) as proxy:
        peer.answer = publish
        world = await start(issuers={"main": behind(proxy, tmp_path)})

        assert await world.ask(token(issuer=ISSUER)) == "200"
        status = await world.issuer_status()

    assert hosts(proxy) == [b"login.example:443", b"keys.example:443"]
    assert status["source"] == "discovery_url"
    assert status["location"] == "https://login.example/metadata"
    assert (status["proxy"], status["insecure"]) == (proxy.url, False)


async def test_a_proxy_that_refuses_is_an_outage_with_a_reason_until_it_no_longer_does(
    start: StartWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as peer, forward_proxy(peer.url) as proxy:
        peer.answer = publish
        good, proxy.answer = proxy.answer, REFUSAL
        with caplog.at_level(logging.WARNING):
            world = await start(issuers={"main": behind(proxy, tmp_path)})

        assert await world.ask(token(issuer=ISSUER)) == "503 keys_unavailable"
        assert "the proxy refuses (status 407)" in (await world.issuer_status())["last_error"]
        assert "the proxy refuses (status 407)" in caplog.text
        proxy.answer = good
        await world.pass_time(5)
        assert await world.ask(token(issuer=ISSUER)) == "200"


async def test_a_list_and_an_issuer_without_a_proxy_of_its_own_use_that_of_all(
    start: StartWorld, issuer: IssuerPeer, tmp_path: Path
) -> None:
    """This machine is never reached through it."""
    async with served() as peer, forward_proxy(peer.url) as proxy:
        peer.answer = publish
        issuer.answer = publish
        remote = behind(proxy, tmp_path)
        del remote["proxy"]
        here = {"issuer": "here", "jwks_url": issuer.url + "/jwks", "audiences": [AUDIENCE]}
        world = await start(
            issuers={"main": remote, "here": here},
            fetching={"proxy": proxy.url, "except": ["*.cluster.local"]},
            revocations={
                "out": {
                    "url": "https://keys.example/list",
                    "tls": {"ca": str(tmp_path / "ca.pem")},
                    "issuers": ["here"],
                    "on_failure": "allow",
                }
            },
        )

        assert await world.ask(token(issuer=ISSUER)) == "200"

    assert sorted(hosts(proxy)) == [
        b"keys.example:443", b"keys.example:443", b"login.example:443",
    ]  # fmt: skip
    assert issuer.paths == ["/jwks"]
