"""A trust domain as issuer: its bundle is fetched, and tokens of its workloads pass.

The bundle has real keys, as the bundle endpoint of a SPIRE server publishes them.
"""

import json
import logging
from typing import Any

import pytest

from tests.issuers.conftest import StartWorld
from tests.issuers.world import World, key, token
from tests.keyring.keys import Jwk, ec_jwk
from tests.keyring.peers import IssuerPeer, body
from tests.proxy.gateways import AUDIENCE, bearer
from tests.proxy.messages import make_request
from tests.tokens import make_private

DOMAIN = "spiffe://example.org"
WORKLOAD = f"{DOMAIN}/ns/shop/sa/web"
X509 = ec_jwk(make_private("ES256", 9), use="x509-svid", x5c=["MIIB"])


def svid_key(which: int, **members: Any) -> Jwk:
    return key(which, use="jwt-svid", **members)


def bundle(*members: Jwk, **others: object) -> bytes:
    return json.dumps({"keys": members, **others}).encode()


def svid(which: int = 0, **changes: Any) -> bytes:
    """Return a new JWT-SVID by that key; without `iss`, as SPIRE makes them by default."""
    return token(which, **{"iss": None, "sub": WORKLOAD, **changes})


@pytest.fixture
async def world(start: StartWorld, issuer: IssuerPeer) -> World:
    issuer.answer = body(bundle(X509, svid_key(0), spiffe_sequence=1, spiffe_refresh_hint=60))
    mesh = {"issuer": DOMAIN, "jwks_url": issuer.url + "/bundle", "audiences": [AUDIENCE]}
    return await start(issuers={"mesh": mesh})


async def test_a_workload_passes_and_the_service_learns_its_id(world: World) -> None:
    """SVID.1, SVID.6."""
    answer = await world.gateway.ask(make_request("/api/x", bearer(svid())))

    received = await world.service.request()
    assert answer.status == 200
    assert received.one(b"x-gateway-subject") == WORKLOAD.encode()
    assert received.one(b"x-gateway-issuer") == DOMAIN.encode()


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"sub": "spiffe://other.org/web"}, "401 issuer_unknown"),
        ({"sub": "spiffe://Example.org/web"}, "401 claim_missing"),
        ({"sub": DOMAIN}, "401 claim_missing"),
        ({"sub": f"{DOMAIN}/%77eb"}, "401 claim_missing"),
        ({"sub": "spiffe://other.org/web", "iss": DOMAIN}, "401 claim_malformed"),
        ({"aud": None}, "401 claim_missing"),
        ({"exp": None}, "401 claim_missing"),
    ],
)
async def test_any_other_subject_is_refused(
    changes: dict[str, Any], outcome: str, world: World
) -> None:
    """SVID.1, SVID.2, SVID.3."""
    assert await world.ask(svid(**changes)) == outcome


async def test_only_keys_for_jwt_svids_are_used_and_those_for_x509_are_no_fault(
    world: World, issuer: IssuerPeer, caplog: pytest.LogCaptureFixture
) -> None:
    """SVID.6."""
    status = await world.issuer_status()

    assert (status["kids"], status["unusable_keys"]) == (["k0"], [])
    issuer.answer = body(
        bundle(X509, svid_key(0), key(1), key(2, use="sig"), ec_jwk(use="jwt-svid"))
    )
    with caplog.at_level(logging.WARNING):
        await world.pass_time(300)
    assert "3 unusable keys: key 1: use is not jwt-svid; key 2: use is not" in caplog.text
    assert await world.ask(svid()) == "200"
    assert await world.ask(svid(1)) == "401 key_unknown"


async def test_a_bundle_is_read_again_as_soon_as_it_asks_for(
    world: World, issuer: IssuerPeer
) -> None:
    """SVID.7: long before `keys.fresh`."""
    assert len(issuer.paths) == 1
    await world.pass_time(61)
    assert len(issuer.paths) == 2

    issuer.answer = body(bundle(svid_key(0), spiffe_refresh_hint=10**6))
    await world.pass_time(61)
    asked = len(issuer.paths)
    await world.pass_time(301)
    assert len(issuer.paths) > asked  # `keys.fresh` is the longest


async def test_an_empty_bundle_revokes_every_key(
    world: World, issuer: IssuerPeer, caplog: pytest.LogCaptureFixture
) -> None:
    """SVID.8: unlike an empty key set of any other issuer."""
    assert await world.ask(svid()) == "200"
    issuer.answer = body(bundle(X509))

    with caplog.at_level(logging.WARNING):
        await world.pass_time(61)

    assert await world.ask(svid()) == "401 key_unknown"
    assert "no usable key in the set" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        await world.pass_time(1000)
    assert "no usable key" not in caplog.text  # told once
    issuer.answer = body(bundle(X509, svid_key(0)))
    await world.pass_time(301)
    assert await world.ask(svid()) == "200"


@pytest.mark.parametrize("answer", [body(b"{}"), body(b"", status=503), body(b"<html>")])
async def test_what_is_no_bundle_revokes_nothing(
    answer: Any, world: World, issuer: IssuerPeer
) -> None:
    issuer.answer = answer

    await world.pass_time(61)

    assert await world.ask(svid()) == "200"


async def test_an_outdated_copy_is_told(
    world: World, issuer: IssuerPeer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.answer = body(bundle(svid_key(0), spiffe_sequence=7, spiffe_refresh_hint=60))
    await world.pass_time(61)
    issuer.answer = body(bundle(svid_key(0), spiffe_sequence=3, spiffe_refresh_hint=60))

    with caplog.at_level(logging.WARNING):
        await world.pass_time(61)

    assert "issuer mesh: its bundle went back from sequence 7 to 3" in caplog.text
