"""Sources of tokens at a token server of a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from gateway.fetching.clock import Clock
from gateway.oauth.endpoints import LiveEndpoints
from gateway.service_tokens.source import TokenSource
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import (
    IssuerSettings,
    ServiceCredentials,
    ServiceGrant,
    SourceKind,
)
from gateway.telemetry.metrics.service_tokens import ServiceTokenMetrics
from tests.keyring.peers import issuer_settings
from tests.service_tokens.token_server import CLIENT_ID, SECRET, TYPES, TokenServer

NOW = 1_900_000_000.0
CLIENT = OAuthClient(CLIENT_ID, ClientAuthentication.BASIC, SECRET)


def own_at(server: TokenServer) -> ServiceCredentials:
    """Return credentials for the gateway's own token."""
    grant = ServiceGrant.CLIENT_CREDENTIALS
    return ServiceCredentials(grant, CLIENT, None, f"{server.url}/token")


def exchange_at(server: TokenServer) -> ServiceCredentials:
    """Return credentials for an exchange."""
    kind = f"{TYPES}access_token"
    return replace(own_at(server), grant=ServiceGrant.TOKEN_EXCHANGE, token_type=kind)


def issuer_of(server: TokenServer) -> IssuerSettings:
    """Return the issuer *server*, called ``main``."""
    return issuer_settings(SourceKind.DISCOVERY, server.url, issuer=server.url)


@asynccontextmanager
async def source_of(
    credentials: ServiceCredentials,
    clock: Clock,
    issuer: IssuerSettings | None = None,
    counts: ServiceTokenMetrics | None = None,
) -> AsyncIterator[TokenSource]:
    """Yield the source of the tokens of ``orders``."""
    endpoints = LiveEndpoints([] if issuer is None else [issuer], clock)
    await endpoints.start()
    try:
        yield TokenSource(
            "orders",
            credentials,
            issuer,
            endpoints=endpoints,
            counts=counts or ServiceTokenMetrics(),
            clock=clock,
            wall=lambda: NOW,
        )
    finally:
        await endpoints.close()
