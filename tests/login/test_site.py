"""Which logins respond to a request: those whose origin it was sent to."""

import pytest

from gateway.decision.reason import Reason
from gateway.login.client import Failure
from gateway.login.requests import Endpoint, LoginRequest, StepUpWanted
from gateway.login.site import Site, find_site, misdirected
from gateway.settings.values.login import Origin
from tests.login.world import ORIGIN, World, login_settings, make_client, open_world

OTHER = Origin("https://b.example.com:8443", "b.example.com:8443")


def request(authority: str = ORIGIN.authority, accept: str = "text/html") -> LoginRequest:
    return LoginRequest(
        Endpoint.LOGIN, False, ("web",), "GET", authority, "/oauth/login", {}, accept=accept
    )


def site_at(world: World, authority: str) -> Site | None:
    clients = [
        make_client(world, login_settings()),
        make_client(world, login_settings(name="both", origins=(OTHER, ORIGIN))),
    ]
    return find_site(request(authority), clients)


async def test_a_site_has_the_logins_of_its_origin() -> None:
    async with open_world() as world:
        here, there = site_at(world, ORIGIN.authority), site_at(world, OTHER.authority)
        assert here is not None
        assert there is not None
        assert [one.login.name for one in here.clients] == ["web", "both"]
        assert (here.origin, there.origin) == (ORIGIN, OTHER)
        assert [one.login.name for one in there.clients] == ["both"]
        assert here.origins == {ORIGIN.text.encode(), OTHER.text.encode()}
        assert there.find("web") is None
        assert site_at(world, "b.example.com") is None


async def test_the_path_of_a_login_says_where_to_return_and_what_is_wanted() -> None:
    async with open_world() as world:
        site = Site(ORIGIN, (make_client(world, login_settings()),))

        assert site.login_path("/a?b=c&d") == "/oauth/login?to=/a%3Fb%3Dc%26d"
        wanted = StepUpWanted(("mfa", "x y"), 0)
        assert site.login_path("/", "a b", wanted) == (
            "/oauth/login?to=/&login=a+b&acr_values=mfa+x+y&max_age=0"
        )


async def test_a_refusal_links_to_the_next_try_and_sets_cookies() -> None:
    async with open_world() as world:
        site = Site(ORIGIN, (make_client(world, login_settings()),))
        failure = Failure(Reason.LOGIN_FAILED, "why")
        response = site.refuse(request(), failure, "/app/x", "a=b")

        assert b'href="/oauth/login?to=/app/x"' in response.body
        assert ("Set-Cookie", "a=b") in response.fields
        assert response.detail == "why"


@pytest.mark.parametrize("accept", ["text/html", ""])
def test_a_host_without_logins_is_misdirected(accept: str) -> None:
    response = misdirected(request(accept=accept))

    assert (response.status, response.reason) == (421, Reason.LOGIN_MISDIRECTED)
    assert b"href" not in response.body
