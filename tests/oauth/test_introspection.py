"""Only a well-formed answer of the issuer, to this very question, says that a token is active."""

import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.introspection import (
    JSON_TYPE,
    JWT_TYPE,
    BadAnswer,
    Signer,
    TokenState,
    read_answer,
    read_signed_answer,
)
from gateway.oauth.metadata import Endpoints
from gateway.oauth.server import MAX_ANSWER_BYTES, AuthorizationServer
from gateway.settings.values.clients import ClientAuthentication
from tests.keyring.peers import IssuerPeer, body
from tests.oauth.clients import NOW, client, last_form
from tests.tokens import make_key, mint

TOKEN = "mF_9.B5f-4.1JqM"
ISSUER = "https://login.example.com/"
SIGNER = Signer(ISSUER, "shop", frozenset({"ES256"}), 30.0)
PRIVATE, KEYS = make_key("ES256")
ACTIVE: dict[str, Any] = {"active": True, "sub": "alice", "scope": "orders:read"}


def answered(members: dict[str, Any]) -> TokenState | BadAnswer:
    return read_answer(json.dumps(members).encode())


def signed(state: object = ACTIVE, headers: dict[str, Any] | None = None, **changes: Any) -> bytes:
    payload = {"iss": ISSUER, "aud": "shop", "iat": NOW, "token_introspection": state, **changes}
    kept = {name: value for name, value in payload.items() if value is not ...}
    return mint(
        PRIVATE, "ES256", kept, headers={"typ": "token-introspection+jwt"} | (headers or {})
    )


def read(answer: bytes, signer: Signer = SIGNER) -> TokenState | BadAnswer:
    return read_signed_answer(answer, signer, KEYS, NOW)


def server_at(
    peer: IssuerPeer,
    session: ClientSession,
    method: ClientAuthentication = ClientAuthentication.BASIC,
    *,
    has_endpoint: bool = True,
) -> AuthorizationServer:
    endpoint = peer.url + "/introspect" if has_endpoint else None
    return AuthorizationServer(
        Endpoints(peer.url, introspection=endpoint),
        client(method),
        session,
        now=lambda: NOW,
        make_id=lambda: "an-id",
        timeout_seconds=10.0,
    )


# --- plain answers


def test_an_active_token_has_the_members_of_the_answer() -> None:
    """7662.2."""
    assert answered(ACTIVE) == TokenState(True, ACTIVE)


def test_an_inactive_token_has_none() -> None:
    """7662.2."""
    assert answered({"active": False, "sub": "alice"}) == TokenState(False)


@pytest.mark.parametrize("active", ["true", "false", 1, 0, None, [True], {"active": True}, "", ...])
def test_active_is_a_boolean_and_nothing_like_one(active: object) -> None:
    """7662.2."""
    found = answered({"sub": "alice"} if active is ... else {"sub": "alice", "active": active})

    assert isinstance(found, BadAnswer)


@pytest.mark.parametrize(
    "octets",
    [b"", b"true", b"[]", b'{"active": true', b'{"active": true, "active": false}', b"\xff{}"],
)
def test_what_is_no_json_object_says_nothing(octets: bytes) -> None:
    assert isinstance(read_answer(octets), BadAnswer)


@given(st.binary(max_size=200))
def test_no_bytes_without_the_word_active_make_a_token_active(octets: bytes) -> None:
    found = read_answer(octets)

    assert isinstance(found, BadAnswer) or b"active" in octets


# --- signed answers


def test_a_signed_answer_is_about_the_token_inside_of_it() -> None:
    """9701.1."""
    assert read(signed()) == TokenState(True, ACTIVE)
    assert read(signed({"active": False})) == TokenState(False)
    assert read(signed(aud=["other", "shop"])) == TokenState(True, ACTIVE)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(signed(headers={"typ": "JWT"}), id="9701.1: the type of any JWT"),
        pytest.param(signed(headers={"typ": "at+jwt"}), id="9701.1: an access token"),
        pytest.param(signed(headers={"typ": None}), id="9701.1: no type"),
        pytest.param(signed(iss="https://evil.example/"), id="9701.2: another issuer"),
        pytest.param(signed(iss=...), id="9701.2: no issuer"),
        pytest.param(signed(aud="other"), id="9701.2: for another client"),
        pytest.param(signed(aud=["other"]), id="9701.2: for other clients"),
        pytest.param(signed(aud=...), id="9701.2: for nobody"),
        pytest.param(signed(iat=NOW - 91), id="9701.2: an old answer"),
        pytest.param(signed(iat=NOW + 31), id="9701.2: of the future"),
        pytest.param(signed(iat=True), id="9701.2: a time that is none"),
        pytest.param(signed(iat=...), id="9701.2: no time"),
        pytest.param(signed(...), id="9701.1: about no token"),
        pytest.param(signed([ACTIVE]), id="9701.1: about a list"),
        pytest.param(signed("active"), id="9701.1: about a text"),
        pytest.param(signed({"active": "true"}), id="7662.2: active is a string"),
        pytest.param(signed(..., None, **ACTIVE), id="9701.1: the state beside its member"),
        pytest.param(json.dumps(ACTIVE).encode(), id="9701.3: no JWT at all"),
        pytest.param(b"", id="9701.3: nothing"),
        pytest.param(signed()[:-8] + b"AAAAAAAA", id="9701.3: another signature"),
    ],
)
def test_any_other_answer_is_a_fault(answer: bytes) -> None:
    found = read(answer)

    assert isinstance(found, BadAnswer)
    assert not found.needs_key


def test_an_answer_is_signed_with_an_allowed_algorithm() -> None:
    """9701.3."""
    none = read(signed(headers={"alg": "none"}))
    other = read(signed(), replace(SIGNER, algorithms=frozenset({"RS256"})))

    assert isinstance(none, BadAnswer)
    assert isinstance(other, BadAnswer)


def test_an_unknown_key_may_be_a_new_one() -> None:
    unknown = read(signed(headers={"kid": "k2"}))
    unloaded = read_signed_answer(signed(), SIGNER, None, NOW)

    assert isinstance(unknown, BadAnswer)
    assert isinstance(unloaded, BadAnswer)
    assert (unknown.needs_key, unknown.kid) == (True, "k2")
    assert (unloaded.needs_key, unloaded.kid) == (True, None)


# --- the request


async def test_the_token_is_posted_with_our_credentials(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """7662.1."""
    peer.answer = body(b'{"active": false}', Content_Type="application/json;charset=UTF-8")

    found = await server_at(peer, session).introspect(TOKEN, JSON_TYPE)

    assert found == b'{"active": false}'
    assert peer.paths == ["/introspect"]
    assert last_form(peer) == {"token": TOKEN, "token_type_hint": "access_token"}
    assert peer.headers[0]["Authorization"].startswith("Basic ")
    assert peer.headers[0]["Accept"] == JSON_TYPE


async def test_a_signed_answer_is_asked_for_by_its_type(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """9701.3: an answer that is not signed is not taken for one."""
    peer.answer = body(b'{"active": true}', Content_Type=JSON_TYPE)

    found = await server_at(peer, session).introspect(TOKEN, JWT_TYPE)

    assert isinstance(found, OAuthFault)
    assert found.kind is FaultKind.INVALID_RESPONSE
    assert peer.headers[0]["Accept"] == JWT_TYPE


async def test_a_client_may_sign_an_assertion(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(b"{}", Content_Type=JSON_TYPE)

    await server_at(peer, session, ClientAuthentication.PRIVATE_KEY_JWT).introspect(
        TOKEN, JSON_TYPE
    )

    assert "Authorization" not in peer.headers[0]
    assert last_form(peer)["client_assertion_type"].endswith(":jwt-bearer")


@pytest.mark.parametrize("status", [201, 204, 302, 401, 403, 404, 429, 500, 503])
async def test_any_other_status_says_nothing_about_the_token(
    status: int, peer: IssuerPeer, session: ClientSession
) -> None:
    """7662.3: a refused client is not an inactive token."""
    text = json.dumps({"active": True, "error": "invalid_client", "error_description": TOKEN})
    peer.answer = body(text.encode(), status, Content_Type=JSON_TYPE, Location="/elsewhere")

    found = await server_at(peer, session).introspect(TOKEN, JSON_TYPE)

    assert isinstance(found, OAuthFault)
    assert TOKEN not in str(found)
    assert peer.paths == ["/introspect"]


async def test_an_answer_that_is_too_long_is_not_read_to_its_end(
    peer: IssuerPeer, session: ClientSession
) -> None:
    peer.answer = body(b" " * (MAX_ANSWER_BYTES + 1), Content_Type=JSON_TYPE)

    found = await server_at(peer, session).introspect(TOKEN, JSON_TYPE)

    assert isinstance(found, OAuthFault)
    assert f"larger than {MAX_ANSWER_BYTES} bytes" in found.detail


async def test_a_server_without_the_endpoint_gets_no_token(
    peer: IssuerPeer, session: ClientSession
) -> None:
    found = await server_at(peer, session, has_endpoint=False).introspect(TOKEN, JSON_TYPE)

    assert isinstance(found, OAuthFault)
    assert "has no introspection_endpoint" in found.detail
    assert peer.paths == []
