"""One upstream's tokens, asked for at a real token endpoint."""

from dataclasses import replace

import jwt
import pytest

from gateway.fetching.clock import SystemClock
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.service_tokens.requests import ServiceToken
from gateway.service_tokens.source import UNSAID_LIFE_SECONDS
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.telemetry.metrics.service_tokens import ServiceTokenMetrics
from tests.assertion.callers import signing_key
from tests.keyring.peers import MovableClock
from tests.proxy.gateways import make_token
from tests.service_tokens.sources import NOW, exchange_at, issuer_of, own_at, source_of
from tests.service_tokens.token_server import CLIENT_ID, respond, token_server


async def test_6749_5_1_the_life_of_a_token_is_what_the_server_says_less_a_margin() -> None:
    """6749.13."""
    for says, usable in ((600, 595.0), (20, 18.0), (None, UNSAID_LIFE_SECONDS - 5)):
        async with token_server() as server, source_of(own_at(server), MovableClock()) as source:
            server.members = {"expires_in": says}

            token = await source.own()

            assert token == ServiceToken(
                b"Authorization: Bearer own-1\r\n", 1000.0, 1000.0 + usable
            )


async def test_a_token_that_expired_on_its_way_is_not_used() -> None:
    clock = MovableClock()
    async with token_server() as server, source_of(own_at(server), clock) as source:
        server.members = {"expires_in": 10}

        async def late(request: object) -> object:
            clock.advance(9.0)
            return await respond({"access_token": "x", "token_type": "Bearer", "expires_in": 10})(
                request  # type: ignore[arg-type]
            )

        server.answer = late  # type: ignore[assignment]

        found = await source.own()

        assert isinstance(found, OAuthFault)
        assert "had expired on arrival" in found.detail


async def test_7523_2_2_a_key_signs_for_the_token_url_or_for_the_issuer() -> None:
    key = signing_key("ES256")
    client = OAuthClient(CLIENT_ID, ClientAuthentication.PRIVATE_KEY_JWT, key=key)
    async with token_server() as server:
        by_url = replace(own_at(server), client=client)
        by_issuer = replace(by_url, issuer="main", token_url=None)
        for asked, issuer, audience in (
            (by_url, None, f"{server.url}/token"),
            (by_issuer, issuer_of(server), server.url),
        ):
            async with source_of(asked, SystemClock(), issuer) as source:
                assert isinstance(await source.own(), ServiceToken)
            claims = jwt.decode(
                server.forms[-1]["client_assertion"],
                key.private_key.public_key(),
                algorithms=["ES256"],
                audience=audience,
                options={"verify_exp": False, "verify_iat": False},
            )
            assert (claims["iss"], claims["iat"]) == (CLIENT_ID, int(NOW))


async def test_a_server_whose_metadata_are_unknown_is_unavailable() -> None:
    async with token_server() as server:
        asked = replace(own_at(server), issuer="main", token_url=None)
        issuer = issuer_of(server)
        server.url += "/another"  # its metadata are of another issuer
        async with source_of(asked, SystemClock(), issuer) as source:
            found = await source.own()

    assert isinstance(found, OAuthFault)
    assert found.kind is FaultKind.UNAVAILABLE
    assert server.forms == []


async def test_after_the_end_nothing_is_asked() -> None:
    async with token_server() as server:
        async with source_of(own_at(server), SystemClock()) as source:
            pass

        found = await source.own()

        assert isinstance(found, OAuthFault)
        assert found.kind is FaultKind.UNAVAILABLE
        assert server.forms == []


async def test_every_request_is_counted_by_its_outcome() -> None:
    counts = ServiceTokenMetrics()
    async with (
        token_server() as server,
        source_of(exchange_at(server), SystemClock(), counts=counts) as source,
    ):
        assert set(counts.requests.values()) == {0}
        subject = make_token()
        await source.exchanged(subject)
        server.answer = respond({"error": "invalid_target"}, 400)
        await source.exchanged(subject)
        server.answer = respond(b"", 500)
        await source.exchanged(subject)

    assert counts.requests == {
        ("orders", "issued"): 1, ("orders", "refused"): 1, ("orders", "failed"): 1,
    }  # fmt: skip


async def test_a_source_is_the_same_only_if_it_asks_the_same_server_for_the_same() -> None:
    async with token_server() as server:
        asked = own_at(server)
        key = OAuthClient(CLIENT_ID, ClientAuthentication.PRIVATE_KEY_JWT, key=signing_key("ES256"))
        read_again = replace(key, key=replace(signing_key("ES256")))
        other_key = replace(key, key=signing_key("EdDSA"))
        issuer = issuer_of(server)
        others = [
            replace(asked, scopes=("a",)),
            replace(asked, audience="a"),
            replace(asked, resource="urn:a"),
            replace(asked, client=replace(asked.client, secret="another")),
            replace(asked, client=replace(asked.client, client_id="another")),
            replace(asked, token_url=f"{server.url}/other"),
            replace(asked, client=key),
        ]
        async with source_of(asked, SystemClock()) as source:
            for other in others:
                async with source_of(other, SystemClock()) as another:
                    assert not source.is_same(another)
            async with source_of(asked, SystemClock()) as another:
                assert source.is_same(another)
        assert await _same(replace(asked, client=key), replace(asked, client=read_again))
        assert not await _same(replace(asked, client=key), replace(asked, client=other_key))
        by_issuer = replace(asked, issuer="main", token_url=None)
        moved = replace(issuer, issuer=replace(issuer.issuer, issuer="https://other.test/"))
        async with (
            source_of(by_issuer, SystemClock(), issuer) as source,
            source_of(by_issuer, SystemClock(), moved) as another,
        ):
            assert not source.is_same(another)


async def _same(one: object, other: object) -> bool:
    async with (
        source_of(one, SystemClock()) as first,  # type: ignore[arg-type]
        source_of(other, SystemClock()) as second,  # type: ignore[arg-type]
    ):
        return first.is_same(second)


@pytest.mark.parametrize("is_exchange", [True, False])
async def test_what_the_server_quotes_is_not_shown(is_exchange: bool) -> None:
    subject = make_token()
    async with token_server() as server:
        asked = exchange_at(server) if is_exchange else own_at(server)
        secret = subject.decode() if is_exchange else str(asked.client.secret)
        error = {"error": "invalid_grant", "error_description": f"bad: {secret}"}
        server.answer = respond(error, 400)
        async with source_of(asked, SystemClock()) as source:
            found = await (source.exchanged(subject) if is_exchange else source.own())

    assert isinstance(found, OAuthFault)
    assert secret not in found.detail
    assert secret[-12:] not in found.detail
