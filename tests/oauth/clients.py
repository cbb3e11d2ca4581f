"""Clients as they are registered, and the server that they ask."""

import json
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import ClientSession

from gateway.oauth.metadata import Endpoints
from gateway.oauth.server import AuthorizationServer
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from tests.assertion.callers import signing_key
from tests.keyring.peers import Answer, IssuerPeer, body

NOW = 1_900_000_000.0
SECRET = "kX7+a/b c:d%é=~"
ID = "the-id-of-this-assertion"


def client(
    method: ClientAuthentication = ClientAuthentication.BASIC,
    client_id: str = "shop",
    algorithm: str = "ES256",
) -> OAuthClient:
    has_secret = method in {ClientAuthentication.BASIC, ClientAuthentication.POST}
    has_key = method is ClientAuthentication.PRIVATE_KEY_JWT
    return OAuthClient(
        client_id,
        method,
        secret=SECRET if has_secret else None,
        key=signing_key(algorithm) if has_key else None,
    )


def server_at(
    peer: IssuerPeer,
    session: ClientSession,
    as_client: OAuthClient | None = None,
    timeout_seconds: float = 10.0,
    *,
    pushes: bool = True,
    requires_push: bool = False,
) -> AuthorizationServer:
    """Return the server *peer*, which has every endpoint."""
    endpoints = Endpoints(
        issuer=peer.url,
        authorization=peer.url + "/authorize?tenant=a%20b",
        token=peer.url + "/token",
        device_authorization=peer.url + "/device",
        revocation=peer.url + "/revoke",
        pushed_authorization_request=peer.url + "/par" if pushes else None,
        requires_push=requires_push,
    )
    return AuthorizationServer(
        endpoints,
        as_client or client(),
        session,
        now=lambda: NOW,
        make_id=lambda: ID,
        timeout_seconds=timeout_seconds,
    )


def answer(status: int = 200, **members: Any) -> Answer:
    return body(json.dumps(members).encode(), status, Content_Type="application/json")


def last_form(peer: IssuerPeer) -> dict[str, str]:
    """Return the parameters of the last request; none may occur twice."""
    pairs = parse_qsl(peer.bodies[-1].decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
