"""The profile `rfc9068`, on the wire and with an issuer whose keys are found by discovery."""

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from jwt.algorithms import RSAAlgorithm

from tests.keyring.peers import IssuerPeer, issuer_peer
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import AUDIENCE, RunningGateway, bearer
from tests.proxy.hostile import reason
from tests.proxy.messages import Message, make_request
from tests.proxy.service import Service
from tests.proxy.standard_tokens import encrypted
from tests.tokens import b64, make_private, mint

PRIVATE = make_private("RSA")


@pytest.fixture
async def issuer() -> AsyncIterator[IssuerPeer]:
    async with issuer_peer() as started:
        jwk = {**RSAAlgorithm.to_jwk(PRIVATE.public_key(), as_dict=True), "kid": "k1"}

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.path == "/jwks":
                return web.json_response({"keys": [jwk]})
            return web.json_response({"issuer": started.url, "jwks_uri": started.url + "/jwks"})

        started.answer = answer
        yield started


class Asking:
    """A client that asks with tokens of this issuer."""

    def __init__(self, gateway: RunningGateway, issuer: str) -> None:
        self.gateway = gateway
        self._issuer = issuer

    def token(
        self, token_type: str | None = "at+jwt", algorithm: str = "RS256", **changes: Any
    ) -> bytes:
        """Return a good access token, but for what is said; a claim of ``...`` is left out."""
        now = int(time.time())
        claims = {
            "iss": self._issuer, "aud": AUDIENCE, "sub": "alice", "client_id": "shop",
            "scope": "api:read", "iat": now, "exp": now + 600, "jti": "1", **changes,
        }  # fmt: skip
        held = {name: value for name, value in claims.items() if value is not ...}
        return mint(PRIVATE, algorithm, held, headers={"typ": token_type})

    async def send(self, token: bytes, target: str = "/api/x") -> Message:
        return await self.gateway.ask(make_request(target, bearer(token)))

    async def bare(self) -> Message:
        return await self.gateway.ask(make_request("/api/x"))


@pytest.fixture
async def asking(issuer: IssuerPeer, start_gateway: StartGateway) -> Asking:
    settings = {"issuer": issuer.url, "discovery": True, "profile": "rfc9068"}
    more = {"audiences": [AUDIENCE], "algorithms": ["RS256"]}
    return Asking(await start_gateway(issuers={"main": settings | more}), issuer.url)


@pytest.mark.parametrize(
    "token_type", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"]
)
async def test_the_type_of_an_access_token_may_be_written_in_any_case(
    token_type: str, asking: Asking
) -> None:
    """9068.1, 8725.10."""
    assert (await asking.send(asking.token(token_type))).status == 200


@pytest.mark.parametrize(
    "token_type",
    [
        None, "JWT", "", "at+jwt ", "at", "jwt+at", "application/", "x/at+jwt", "at+jwt;q=1",
        "application/application/at+jwt", "text/at+jwt", "logout+jwt", "dpop+jwt",
    ],
)  # fmt: skip
async def test_no_other_type_is_an_access_token(
    token_type: str | None, asking: Asking, service: Service
) -> None:
    """9068.1, 8725.10, 8725.11."""
    answer = await asking.send(asking.token(token_type))

    assert (answer.status, reason(answer)) == (401, "token_type_mismatch")
    assert service.received == b""


async def test_rs256_is_understood_and_none_is_not(asking: Asking, service: Service) -> None:
    """9068.2."""
    _, payload, _ = asking.token().split(b".")
    head = b64(json.dumps({"alg": "none", "typ": "at+jwt"}).encode())

    answers = [
        await asking.send(token)
        for token in (
            asking.token(),
            head + b"." + payload + b".",
            head + b"." + asking.token().partition(b".")[2],
        )
    ]

    assert [reason(answer) for answer in answers] == [None, *["algorithm_not_allowed"] * 2]
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url + "/",
        lambda url: url + "?",
        lambda url: url + "x",
        lambda url: url[:-1],
        str.upper,
        lambda url: "",
    ],
)
async def test_the_issuer_is_the_one_of_the_metadata_to_the_letter(
    change: Callable[[str], str], asking: Asking, issuer: IssuerPeer, service: Service
) -> None:
    """9068.3."""
    assert (await asking.send(asking.token(iss=issuer.url))).status == 200
    assert reason(await asking.send(asking.token(iss=change(issuer.url)))) == "issuer_unknown"
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("audience", "wanted"),
    [
        (AUDIENCE, None),
        ([AUDIENCE], None),
        (["billing-api", AUDIENCE], None),
        ("billing-api", "audience_mismatch"),
        (AUDIENCE.upper(), "audience_mismatch"),
        (AUDIENCE + "/", "audience_mismatch"),
        (["billing-api"], "audience_mismatch"),
        ([], "audience_mismatch"),
        ("", "audience_mismatch"),
    ],
)
async def test_the_audience_is_this_api(
    audience: object, wanted: str | None, asking: Asking
) -> None:
    """9068.4, 7519.4."""
    assert reason(await asking.send(asking.token(aud=audience))) == wanted


async def test_an_expired_token_is_refused(asking: Asking, service: Service) -> None:
    """9068.5: also one that was good before."""
    token = asking.token()
    assert (await asking.send(token)).status == 200

    asking.gateway.pass_time(600 + 30)

    assert reason(await asking.send(token)) == "token_expired"
    assert reason(await asking.send(asking.token(exp=int(time.time()) - 31))) == "token_expired"
    assert len(service.requests) == 1


@pytest.mark.parametrize("name", ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])
async def test_every_required_claim_is_missed(name: str, asking: Asking, service: Service) -> None:
    """9068.6."""
    changes: dict[str, Any] = {name: ...}

    answer = await asking.send(asking.token(**changes))

    assert (answer.status, reason(answer)) == (401, "claim_missing")
    assert service.received == b""


async def test_refusals_are_in_the_words_of_rfc_6750(asking: Asking) -> None:
    """9068.7."""
    bare = await asking.bare()
    wrong = await asking.send(asking.token("JWT"))
    short = await asking.send(asking.token(), "/admin/x")

    statuses = [answer.status for answer in (bare, wrong, short)]
    challenges = [answer.one(b"www-authenticate") for answer in (bare, wrong, short)]
    assert statuses == [401, 401, 403]
    assert b"error" not in challenges[0]
    assert b'error="invalid_token"' in challenges[1]
    assert b'error="insufficient_scope"' in challenges[2]
    assert b'scope="admin"' in challenges[2]


async def test_an_encrypted_token_is_refused_whatever_is_in_it(
    asking: Asking, service: Service
) -> None:
    """9068.8, 8725.12."""
    answer = await asking.send(encrypted(asking.token(), typ="at+jwt", cty="at+jwt"))

    assert (answer.status, reason(answer)) == (401, "token_malformed")
    assert service.received == b""
