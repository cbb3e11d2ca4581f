"""One question to a real server: its answer, or why it does not count."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from gateway.decision.keys import KeySet
from gateway.decision.tokens.authenticate import KeySets
from gateway.decision.verdict import WantedKey
from gateway.fetching.session import make_session
from gateway.introspection.asking import Asker, NoAnswer
from gateway.oauth.introspection import JSON_TYPE, TokenState
from gateway.oauth.metadata import Endpoints
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import IntrospectionSettings, SourceKind
from tests.introspection.introspector import (
    CLIENT_ID,
    SECRET,
    Introspector,
    running_introspector,
)
from tests.keyring.peers import issuer_settings
from tests.tokens import make_key

NOW = 1_900_000_000.0
CLIENT = OAuthClient(CLIENT_ID, ClientAuthentication.BASIC, SECRET)
TOKEN = b"opaque-token"
_, KEYS = make_key("ES256")


class Keys:
    """Keys that arrive when they are asked for, if *later* are any."""

    def __init__(self, later: KeySet | None) -> None:
        self.keys: KeySets = {}
        self.later = later
        self.wanted: list[str | None] = []

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        self.wanted.append(kid)
        if self.later is not None:
            self.keys = {issuer_name: self.later}

    def explain(self, wanted: WantedKey) -> str:
        return str(wanted.kid)


@pytest.fixture
async def server() -> AsyncIterator[Introspector]:
    async with running_introspector() as started:
        started.now = NOW
        started.tokens[TOKEN.decode()] = {"sub": "alice"}
        yield started


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


async def ask(
    server: Introspector, session: ClientSession, keys: Keys, *, signed: bool = False
) -> TokenState | NoAnswer:
    asked = IntrospectionSettings(CLIENT, server.endpoint, signed, 60.0, 10.0)
    settings = issuer_settings(SourceKind.INTROSPECTION, server.url, issuer=server.url)
    endpoints = Endpoints(server.url, introspection=server.endpoint)
    return await Asker(settings, asked, keys, lambda: NOW).ask(session, endpoints, TOKEN)


async def test_a_token_is_active_if_the_server_says_so(
    server: Introspector, session: ClientSession
) -> None:
    found = await ask(server, session, Keys(None))

    assert found == TokenState(True, {"active": True, "sub": "alice"})
    assert server.asked == [TOKEN.decode()]


async def test_a_signed_answer_waits_for_its_key(
    server: Introspector, session: ClientSession
) -> None:
    """9701.3."""
    server.signs_for = CLIENT_ID
    keys, none = Keys(KEYS), Keys(None)

    assert await ask(server, session, keys, signed=True) == TokenState(
        True, {"active": True, "sub": "alice"}
    )
    assert keys.wanted == [None]
    assert await ask(server, session, none, signed=True) == NoAnswer(
        "the issuer's keys are not loaded"
    )


async def test_a_server_that_signs_nothing_is_not_believed(
    server: Introspector, session: ClientSession
) -> None:
    """9701.3."""
    found = await ask(server, session, Keys(KEYS), signed=True)

    assert isinstance(found, NoAnswer)
    assert not found.is_silent


@pytest.mark.parametrize(
    ("status", "headers", "is_silent", "pause_seconds"),
    [
        (503, {"Retry-After": "7"}, True, 7.0),
        (500, {}, True, 0.0),
        (401, {}, False, 0.0),
        (404, {}, False, 0.0),
    ],
)
async def test_an_error_is_no_answer(
    status: int,
    headers: dict[str, str],
    is_silent: bool,
    pause_seconds: float,
    server: Introspector,
    session: ClientSession,
) -> None:
    """7662.3."""
    server.says = web.Response(status=status, headers=headers, content_type=JSON_TYPE)

    found = await ask(server, session, Keys(None))

    assert isinstance(found, NoAnswer)
    assert (found.is_silent, found.pause_seconds) == (is_silent, pause_seconds)
