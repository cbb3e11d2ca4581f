"""The endpoints of issuers: fetched ahead, kept through failures, asked for as allowed."""

from gateway.oauth.endpoints import EndpointsStatus, LiveEndpoints
from gateway.oauth.metadata import Endpoints
from gateway.settings.values.configuration import SourceKind
from tests.decision.policies import NOW
from tests.keyring.peers import MovableClock, issuer_settings, until
from tests.login.provider import Provider, answer, hang_up, serve_provider

PATH = "/.well-known/openid-configuration"


def endpoints_of(provider: Provider, clock: MovableClock) -> LiveEndpoints:
    issuer = issuer_settings(SourceKind.DISCOVERY, provider.url, issuer=provider.url)
    return LiveEndpoints([issuer], clock)


async def test_endpoints_are_refreshed_before_they_are_old() -> None:
    clock = MovableClock()
    async with serve_provider(lambda: NOW) as provider:
        endpoints = endpoints_of(provider, clock)
        await endpoints.start()
        provider.metadata = {"end_session_endpoint": None}
        clock.advance(300)
        await until(lambda: endpoints.live["main"].end_session is None)
        await endpoints.close()


async def test_a_failure_takes_no_endpoint_away() -> None:
    clock = MovableClock()
    async with serve_provider(lambda: NOW) as provider:
        endpoints = endpoints_of(provider, clock)
        await endpoints.start()
        provider.answers[PATH] = answer({}, 500)
        clock.advance(300)
        await until(lambda: endpoints.status()[0].failures_in_a_row == 1)

        found = await endpoints.find("main")
        assert isinstance(found, Endpoints)
        assert found.token == f"{provider.url}/token"
        assert "status 500" in (endpoints.status()[0].last_error or "")
        await endpoints.close()


async def test_an_issuer_that_is_down_is_asked_no_more_often_than_the_pause_allows() -> None:
    clock = MovableClock()
    async with serve_provider(lambda: NOW) as provider:
        provider.answers[PATH] = hang_up
        endpoints = endpoints_of(provider, clock)
        assert await endpoints.find("main") == "the metadata were not fetched yet"
        await endpoints.start()
        first = len(provider.asked)
        why = await endpoints.find("main")
        assert isinstance(why, str)
        assert "the exchange failed" in why
        assert len(provider.asked) == first
        assert endpoints.status() == [EndpointsStatus("main", False, None, 1, why)]
        await endpoints.close()


async def test_another_issuer_is_another_source() -> None:
    clock = MovableClock()
    async with serve_provider(lambda: NOW) as one, serve_provider(lambda: NOW) as other:
        former, latter = endpoints_of(one, clock), endpoints_of(other, clock)
        await former.start()
        latter.take_over(former)
        assert not latter.live
        same = endpoints_of(one, clock)
        same.take_over(former)
        assert same.live == former.live
        await former.close()


async def test_metadata_elsewhere_are_those_of_a_login_as_well() -> None:
    """8414.1: as those of the keys, and still of this issuer alone."""
    clock = MovableClock()
    async with serve_provider(lambda: NOW) as provider:
        provider.answers["/elsewhere"] = answer(
            {"issuer": provider.url, "token_endpoint": f"{provider.url}/other-token"}
        )
        url = f"{provider.url}/elsewhere"
        settings = issuer_settings(SourceKind.DISCOVERY_URL, url, issuer=provider.url)
        endpoints = LiveEndpoints([settings], clock)
        await endpoints.start()

        found = await endpoints.find("main")
        assert isinstance(found, Endpoints)
        assert found.token == f"{provider.url}/other-token"
        assert not provider.paths(PATH)
        await endpoints.close()
