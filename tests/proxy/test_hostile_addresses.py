"""No address in a token is followed, and no key in a token is believed."""

import asyncio
import datetime
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm

from tests.keyring.peers import IssuerPeer, body, issuer_peer
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import AUDIENCE, RunningGateway, bearer
from tests.proxy.hostile import reason
from tests.proxy.messages import make_request
from tests.proxy.service import Service, running_service
from tests.tokens import make_private, mint

_ATTACKER = make_private("ES256", 7)
_JWK = {**ECAlgorithm.to_jwk(_ATTACKER.public_key(), as_dict=True), "kid": "k1"}


def certificate() -> str:
    """Return a certificate of the attacker's key, as it stands in `x5c` (RFC 7515 §4.1.6)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "login.example.com")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_ATTACKER.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3650))
        .sign(_ATTACKER, SHA256())
    )
    return b64encode(built.public_bytes(Encoding.DER)).decode()


@pytest.fixture
async def issuer() -> AsyncIterator[IssuerPeer]:
    async with issuer_peer() as started:
        key = ECAlgorithm.to_jwk(make_private("ES256").public_key())
        started.answer = body(b'{"keys": [{"kid": "k1", ' + key.encode()[1:] + b"]}")
        yield started


@pytest.fixture
async def canary() -> AsyncIterator[Service]:
    """Yield a server that nobody has any reason to talk to."""
    async with running_service() as started:
        yield started


@pytest.fixture
async def gateway(issuer: IssuerPeer, start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway(
        issuers={
            "main": {
                "issuer": issuer.url,
                "jwks_url": issuer.url + "/jwks",
                "audiences": [AUDIENCE],
                "algorithms": ["ES256"],
            }
        }
    )


def token(issuer: str, signer: Any = _ATTACKER, **headers: Any) -> bytes:
    claims = {"iss": issuer, "aud": AUDIENCE, "scope": "api:read", "exp": 4_000_000_000}
    return mint(signer, "ES256", claims, headers=headers)


OWN_KEYS: dict[str, dict[str, Any]] = {
    "jwk": {"jwk": _JWK},
    "x5c": {"x5c": [certificate()]},
    "jku": {"jku": "{canary}/jwks"},
    "x5u": {"x5u": "{canary}/certificate"},
    "all of them": {"jwk": _JWK, "x5c": [certificate()], "jku": "{canary}", "x5u": "{canary}"},
    "jku of the issuer": {"jku": "{issuer}/jwks"},
    "jku of another name": {"jku": "{canary}/jwks", "kid": "new"},
    "no name": {"jwk": _JWK, "kid": None},
    "an address for a name": {"kid": "{canary}/jwks"},
}


@pytest.mark.parametrize("name", OWN_KEYS)
async def test_a_token_that_brings_its_own_key_is_401_and_nothing_is_fetched_for_it(
    name: str, issuer: IssuerPeer, canary: Service, service: Service, gateway: RunningGateway
) -> None:
    """7515.6, 8725.9, CVE-2018-0114."""
    places = {"{canary}": canary.url, "{issuer}": issuer.url}
    headers = {
        member: _filled(value, places) if isinstance(value, str) else value
        for member, value in OWN_KEYS[name].items()
    }

    answer = await gateway.ask(make_request("/api/x", bearer(token(issuer.url, **headers))))
    good = await gateway.ask(
        make_request("/api/x", bearer(token(issuer.url, make_private("ES256"))))
    )

    assert (answer.status, good.status) == (401, 200)
    assert reason(answer) in {"signature_invalid", "key_unknown"}
    assert canary.connections == []
    # A name that was never seen may ask the issuer's own address once more, and no other.
    assert issuer.paths in (["/jwks"], ["/jwks", "/jwks"])
    assert len(service.requests) == 1


async def test_a_good_signature_does_not_make_its_addresses_worth_following(
    issuer: IssuerPeer, canary: Service, gateway: RunningGateway
) -> None:
    """7515.6, 8725.9."""
    headers = {"jku": canary.url + "/jwks", "x5u": canary.url, "jwk": _JWK}

    answer = await gateway.ask(
        make_request("/api/x", bearer(token(issuer.url, make_private("ES256"), **headers)))
    )

    assert answer.status == 200
    assert canary.connections == []


async def test_the_issuer_that_a_token_names_is_not_asked(
    issuer: IssuerPeer, canary: Service, service: Service, gateway: RunningGateway
) -> None:
    """8725.9."""
    answers = [
        await gateway.ask(make_request("/api/x", bearer(token(named))))
        for named in (canary.url, canary.url + "/", issuer.url + "@" + canary.url[7:])
    ]

    assert [reason(answer) for answer in answers] == ["issuer_unknown"] * 3
    assert canary.connections == []
    assert issuer.paths == ["/jwks"]
    assert service.received == b""


async def test_the_canary_would_tell(canary: Service) -> None:
    """What is asserted of it above can fail."""
    host, port = canary.address
    _, writer = await asyncio.open_connection(host, port)
    await canary.connection()
    writer.close()

    assert len(canary.connections) == 1


def _filled(text: str, places: dict[str, str]) -> str:
    for mark, place in places.items():
        text = text.replace(mark, place)
    return text
