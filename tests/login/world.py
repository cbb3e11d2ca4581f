"""A login, its provider and a browser, wired as a gateway wires them."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationList, RevocationRule
from gateway.login.client import LoginClient
from gateway.login.kept import LoginsKept
from gateway.login.live_logins import LiveLogins
from gateway.login.requests import Endpoint, LoginRequest, LoginResponse, StepUpWanted
from gateway.login.session import SessionView
from gateway.login.store import SessionStore
from gateway.login.stores.memory import MemoryStore
from gateway.oauth.endpoints import LiveEndpoints
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import IssuerSettings, SourceKind
from gateway.settings.values.login import (
    LoginSettings,
    Origin,
    SessionSettings,
    SessionStoreKind,
)
from tests.decision.policies import NOW, policy
from tests.keyring.peers import MovableClock, issuer_settings
from tests.login.provider import CLIENT_ID, SECRET, Answer, Provider, serve_provider
from tests.login.signing import Keyring

ORIGIN = Origin("https://app.example.com", "app.example.com")
HTML = "text/html,application/xhtml+xml;q=0.9"


def session_settings(**changes: Any) -> SessionSettings:
    return replace(SessionSettings(SessionStoreKind.MEMORY, 1800.0, 28_800.0), **changes)


def login_settings(**changes: Any) -> LoginSettings:
    good = LoginSettings(
        name="web",
        issuer="main",
        origins=(ORIGIN,),
        client=OAuthClient(CLIENT_ID, ClientAuthentication.BASIC, SECRET),
        scopes=("openid", "orders:read"),
        resource=None,
        extra_params={},
        after_logout="/bye",
        prefix="/oauth",
        claims=("sub", "name", "email"),
        session=session_settings(),
        place="gateway.yaml:1",
    )
    return replace(good, **changes)


class WallClock:
    """The time that tests move."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


@dataclass
class Browser:
    """A browser: its cookies, and what it does with a response."""

    logins: LiveLogins
    authority: str = ORIGIN.authority
    names: tuple[str, ...] = ("web",)
    cookies: dict[str, str] = field(default_factory=dict)

    async def send(self, endpoint: Endpoint, method: str = "GET", **changes: Any) -> LoginResponse:
        """Send a request and keep the cookies of the response."""
        request = LoginRequest(
            endpoint=endpoint,
            is_navigation=False,
            logins=self.names,
            method=method,
            authority=self.authority,
            target=f"/oauth/{endpoint.value}",
            cookies=dict(self.cookies),
            accept=HTML,
        )
        response = await self.logins.serve(replace(request, **changes))
        self.keep(value for name, value in response.fields if name == "Set-Cookie")
        return response

    def keep(self, fields: Any) -> None:
        for one in fields:
            name, _, rest = one.partition("=")
            value, _, attributes = rest.partition(";")
            self.cookies[name] = value
            if "Max-Age=0" in attributes:
                del self.cookies[name]

    async def navigate(
        self, target: str = "/app/x", step_up: StepUpWanted | None = None
    ) -> LoginResponse:
        """Go to a page that needs a login."""
        return await self.send(Endpoint.LOGIN, is_navigation=True, target=target, step_up=step_up)

    async def come_back(self, url: str) -> LoginResponse:
        """Follow the provider's redirect to the callback."""
        parts = urlsplit(url)
        assert (f"{parts.scheme}://{parts.netloc}", parts.path) == (ORIGIN.text, "/oauth/callback")
        return await self.send(Endpoint.CALLBACK, target=f"{parts.path}?{parts.query}")

    async def log_out(self, **changes: Any) -> LoginResponse:
        fields = {"origin": ORIGIN.text, "site": "same-origin", "csrf": "1", "accept": "*/*"}
        return await self.send(Endpoint.LOGOUT, "POST", **{**fields, **changes})

    async def find(self) -> SessionView | Reason:
        found = await self.logins.find(self.cookies)
        if isinstance(found, SessionView):
            self.keep(one.decode() for one in found.cookies)
        return found

    async def view(self) -> SessionView:
        found = await self.find()
        assert isinstance(found, SessionView), found
        return found


@dataclass
class World:
    """All of it; *clock* is the wall, *store* that of every login."""

    provider: Provider
    clock: WallClock
    store: SessionStore
    timeout_seconds: float = 9.0
    revocations: dict[str, RevocationList] = field(
        default_factory=lambda: {"blocked": RevocationList(())}
    )
    fetch_clock: MovableClock = field(default_factory=MovableClock)
    kept: LoginsKept = field(default_factory=LoginsKept)
    keys: Keyring = field(default_factory=Keyring)
    logins: LiveLogins = field(init=False)
    endpoints: LiveEndpoints = field(init=False)
    ended: list[bytes] = field(default_factory=list)

    def browser(self, **changes: Any) -> Browser:
        return Browser(self.logins, **changes)

    async def log_in(self, browser: Browser | None = None, **where: Any) -> Browser:
        """Return a browser that has logged in."""
        browser = browser or self.browser()
        begun = await browser.navigate(**where)
        assert begun.status == 302, begun
        done = await browser.come_back(self.provider.consent(location(begun)))
        assert done.status == 303, done
        return browser

    @asynccontextmanager
    async def another_gateway(
        self, settings: LoginSettings, store: SessionStore
    ) -> AsyncIterator[LiveLogins]:
        """Yield the logins of a gateway that shares nothing but *store* with this one."""
        logins = make_logins(self, (settings,), store, LoginsKept())
        await logins.start()
        try:
            yield logins
        finally:
            await logins.close()

    @asynccontextmanager
    async def reloaded(
        self, *settings: LoginSettings, store: SessionStore | None = None
    ) -> AsyncIterator[None]:
        """Let the logins of another configuration take over from these, for a while."""
        former = self.logins
        self.logins = make_logins(self, settings or (login_settings(),), store or self.store)
        self.logins.take_over(former)
        await self.logins.start()
        try:
            yield
        finally:
            await self.logins.close()
            self.logins = former


def make_client(
    world: World, settings: LoginSettings, endpoints: LiveEndpoints | None = None
) -> LoginClient:
    """Return a client of the world's provider."""
    issuer = provider_settings(world)
    known = endpoints or LiveEndpoints([issuer], world.fetch_clock)
    known.take_over(world.endpoints)
    rule = RevocationRule("blocked", frozenset({"main"}), refuses_without=True)
    trusted = policy(issuers=[issuer.issuer], revocations=[rule])
    return LoginClient(
        settings,
        issuer,
        trusted,
        world.keys,
        known,
        revocations=world.revocations,
        clock=world.clock,
    )


def provider_settings(world: World) -> IssuerSettings:
    url, seconds = world.provider.url, world.timeout_seconds
    return issuer_settings(SourceKind.DISCOVERY, url, issuer=url, fetch_timeout_seconds=seconds)


def make_logins(
    world: World,
    settings: tuple[LoginSettings, ...],
    store: SessionStore,
    kept: LoginsKept | None = None,
) -> LiveLogins:
    endpoints = LiveEndpoints([provider_settings(world)], world.fetch_clock)
    clients = {one.name: make_client(world, one, endpoints) for one in settings}
    stores = dict.fromkeys(clients, store)
    world.endpoints = endpoints
    return LiveLogins(clients, stores, endpoints, kept or world.kept, clock=world.clock)


@asynccontextmanager
async def open_world(
    *settings: LoginSettings,
    metadata: Mapping[str, Any] | None = None,
    answers: Mapping[str, Answer] | None = None,
    make_store: Callable[[Callable[[], float]], SessionStore] = MemoryStore,
    timeout_seconds: float = 9.0,
) -> AsyncIterator[World]:
    """Yield a world with these logins, by default one; *metadata* changes the provider's."""
    clock = WallClock()
    async with serve_provider(clock) as provider:
        provider.metadata = dict(metadata or {})
        provider.answers = dict(answers or {})
        world = World(provider, clock, make_store(clock), timeout_seconds)
        world.endpoints = LiveEndpoints([], world.fetch_clock)
        world.logins = make_logins(world, settings or (login_settings(),), world.store)
        world.logins.subscribe(world.ended.extend)
        await world.logins.start()
        try:
            yield world
        finally:
            await world.logins.close()


def fields_of(response: LoginResponse, name: str) -> list[str]:
    return [value for given, value in response.fields if given == name]


def location(response: LoginResponse) -> str:
    (where,) = fields_of(response, "Location")
    return where


def members(response: LoginResponse) -> Any:
    return json.loads(response.body)
