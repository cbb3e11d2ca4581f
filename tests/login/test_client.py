"""A client of an issuer: what its sessions are, and where a logout leads."""

from dataclasses import replace

import pytest

from gateway.login.client import REFRESH_AHEAD_SECONDS
from gateway.login.session import Session, Tokens
from gateway.settings.values.login import Origin
from tests.decision.policies import NOW
from tests.login.signing import sign
from tests.login.world import ORIGIN, World, login_settings, make_client, open_world


def session(world: World, id_token: str) -> Session:
    tokens = Tokens(b"a", NOW + 9, NOW, None, id_token)
    return Session(
        b"1" * 32, "web", world.provider.url, "alice", None, tokens, {}, NOW, NOW, 9, NOW + 9
    )


async def test_a_client_owns_the_sessions_of_its_login_issuer_and_client_id() -> None:
    async with open_world() as world:
        client = make_client(world, login_settings())
        good = session(world, sign({"aud": "web"}))

        assert client.owns(good)
        assert client.owns(session(world, sign({"aud": ["api", "web"]})))
        assert client.owns(session(world, ""))  # a store may have had no room for it
        assert not client.owns(session(world, sign({"aud": "other"})))
        assert not client.owns(session(world, "not.a.token"))
        assert not client.owns(session(world, "a.!.b"))
        assert not client.owns(replace(good, login="staff"))
        assert not client.owns(replace(good, issuer="https://other.example"))


@pytest.mark.parametrize(
    ("configured", "page"),
    [
        ("/", "https://app.example.com/"),
        ("/bye?x=1", "https://app.example.com/bye?x=1"),
        ("https://b.example.com/bye", "https://b.example.com/bye"),
    ],
)
async def test_the_page_after_a_logout_is_a_whole_url(configured: str, page: str) -> None:
    async with open_world() as world:
        client = make_client(world, login_settings(after_logout=configured))

        assert client.after_logout(ORIGIN) == page


async def test_a_logout_without_an_id_token_names_the_client_alone() -> None:
    async with open_world() as world:
        client = make_client(world, login_settings())

        assert client.logout_url(session(world, ""), ORIGIN) == (
            f"{world.provider.url}/logout?client_id=web"
            "&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fbye"
        )


async def test_a_session_remembers_the_earlier_of_two_clocks() -> None:
    """Back-channel logout compares it with the issuer's time."""
    async with open_world() as world:
        world.provider.id_claims = {"iat": int(NOW) - 20}
        await world.log_in()
        (one,) = await world.logins.listed(None)

        assert (one.begun_at, one.used_at, one.ends_at) == (NOW - 20, NOW, NOW + 28_800)
        assert one.sid == "provider-session"
        assert one.tokens.refresh_at == NOW + 300 - REFRESH_AHEAD_SECONDS


async def test_the_server_may_say_a_shorter_life_than_the_token() -> None:
    async with open_world() as world:
        world.provider.members = {"expires_in": 40}
        await world.log_in()
        (one,) = await world.logins.listed(None)

        assert (one.tokens.access_expires_at, one.tokens.refresh_at) == (NOW + 40, NOW + 30)


async def test_a_token_of_less_than_a_second_is_refreshed_at_its_end() -> None:
    """The session ended, for the token had expired before it was to be refreshed."""
    async with open_world() as world:
        world.provider.members = {"expires_in": 0.5}
        browser = await world.log_in()
        (one,) = await world.logins.listed(None)
        world.clock.at += 0.6
        world.provider.members = {}

        view = await browser.view()

        assert one.tokens.refresh_at == one.tokens.access_expires_at == NOW + 0.5
        assert view.token != one.tokens.access


async def test_an_authority_is_compared_as_a_whole() -> None:
    async with open_world() as world:
        client = make_client(
            world, login_settings(origins=(ORIGIN, Origin("https://b:8443", "b:8443")))
        )

        assert client.origin_of("b:8443") == Origin("https://b:8443", "b:8443")
        assert client.origin_of("b") is None
        assert client.origin_of("app.example.com:443") is None
