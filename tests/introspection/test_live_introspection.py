"""All issuers that introspect: found by their metadata, and remembered over reloads."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.introspection.live_introspection import IntrospectionStatus, LiveIntrospection
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import (
    IntrospectionSettings,
    IssuerSettings,
    SourceKind,
)
from gateway.telemetry.metrics.introspection import IntrospectionMetrics
from tests.introspection.introspector import (
    CLIENT_ID,
    SECRET,
    Introspector,
    running_introspector,
)
from tests.introspection.test_asking import Keys
from tests.keyring.peers import issuer_settings

CLIENT = OAuthClient(CLIENT_ID, ClientAuthentication.BASIC, SECRET)
TOKEN = b"opaque-token"


@pytest.fixture
async def server() -> AsyncIterator[Introspector]:
    async with running_introspector() as started:
        started.tokens[TOKEN.decode()] = {"sub": "alice"}
        yield started


def settings(server: Introspector, **changes: Any) -> IssuerSettings:
    asked = IntrospectionSettings(CLIENT, None, False, 60.0, 10.0)
    one = issuer_settings(
        SourceKind.INTROSPECTION, server.url, issuer=server.url, fetch_timeout_seconds=10.0
    )
    return replace(one, introspection=replace(asked, **changes))


def live(*issuers: IssuerSettings) -> LiveIntrospection:
    return LiveIntrospection(issuers, Keys(None), IntrospectionMetrics())


async def test_the_metadata_say_where_to_ask(server: Introspector) -> None:
    asking = live(settings(server), issuer_settings(SourceKind.JWKS_URL, "x", name="other"))
    await asking.start()

    answer = await asking.ask("main", TOKEN)

    assert answer is not None
    assert answer.members == {"active": True, "sub": "alice"}
    assert server.peer.paths == ["/.well-known/openid-configuration", "/introspect"]
    assert asking.status() == [IntrospectionStatus("main", 1, None)]
    assert await asking.ask("other", TOKEN) is None
    await asking.close()


async def test_a_url_needs_no_metadata(server: Introspector) -> None:
    asking = live(settings(server, url=server.endpoint))
    await asking.start()

    assert await asking.ask("main", TOKEN) is not None
    assert server.peer.paths == ["/introspect"]
    await asking.close()


async def test_without_metadata_there_is_no_answer(server: Introspector) -> None:
    lost = replace(
        settings(server), issuer=replace(settings(server).issuer, issuer=server.url + "/x")
    )
    asking = live(lost)
    await asking.start(5.0)

    assert await asking.ask("main", TOKEN) is None
    assert server.asked == []
    (status,) = asking.status()
    assert status.last_error is not None
    assert "names another issuer" in status.last_error
    await asking.close()


async def test_nothing_is_asked_before_the_start_and_after_the_end(server: Introspector) -> None:
    asking = live(settings(server))
    assert await asking.ask("main", TOKEN) is None
    await asking.start()
    await asking.retire()

    assert await asking.ask("main", TOKEN) is None
    assert server.asked == []


@pytest.mark.parametrize(
    ("changes", "is_known"),
    [({}, True), ({"cache_seconds": 5.0}, False), ({"client": replace(CLIENT, secret="b")}, False)],
)
async def test_a_reload_keeps_answers_that_would_be_the_same(
    changes: dict[str, Any], is_known: bool, server: Introspector
) -> None:
    former, latter = live(settings(server)), live(settings(server, **changes))
    await former.start()
    await former.ask("main", TOKEN)
    latter.take_over(former)
    await latter.start()
    await former.retire()

    await latter.ask("main", TOKEN)

    assert server.asked == [TOKEN.decode()] * (1 if is_known else 2)
    counts = latter.metrics.questions
    assert (counts["main", "active"], counts["main", "cached"]) == (2 - is_known, int(is_known))
    await latter.close()
