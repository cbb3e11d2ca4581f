"""The development issuer on a real socket, a clock to turn, and a browser without scripts."""

import itertools
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.issuer.endpoints import Endpoints, IssuerTerms
from gateway.issuer.listening import bind_loopback, origin_of, serving
from gateway.issuer.signing_keys import SigningAlgorithm
from gateway.issuer.state.codes import challenge_of

START_SECONDS = 1_800_000_000.0
VERIFIER = "the-verifier-of-these-tests-is-long-enough-0123"
CALLBACK = "http://localhost:8080/oauth/callback"
WEB = {"client_id": "web", "client_secret": "web-secret"}


@dataclass
class HandClock:
    now: float = START_SECONDS

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Answer:
    """A response, read whole."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    @property
    def sent_back(self) -> dict[str, str]:
        """Return the parameters of the redirect."""
        return {name: value[0] for name, value in parse_qs(urlsplit(self.location).query).items()}


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = attributes["action"]
        chosen = attributes.get("type") == "hidden" or "checked" in attributes
        if tag == "input" and chosen:
            self.fields[attributes["name"]] = attributes["value"]


def read_form(page: str) -> tuple[str, dict[str, str]]:
    """Return the action of the form on *page*, and what it sends if nothing is touched."""
    parser = _Form()
    parser.feed(page)
    return parser.action, parser.fields


@dataclass(frozen=True)
class Browser:
    """A browser with cookies of its own, which follows no redirect."""

    origin: str
    http: aiohttp.ClientSession

    async def get(self, target: str) -> Answer:
        url = target if target.startswith("http") else self.origin + target
        async with self.http.get(url, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def post(self, target: str, form: Mapping[str, str]) -> Answer:
        async with self.http.post(self.origin + target, data=form, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def submit(self, page: Answer, **changed: str) -> Answer:
        """Send the form of *page*, with these fields *changed*."""
        action, fields = read_form(page.text)
        return await self.post(action, fields | changed)

    async def log_in(self, persona: str = "alice", **wanted: str) -> Answer:
        """Allow an authorization request; return the redirect to the client."""
        page = await self.get(authorize_target(**wanted))
        if page.status == 303:
            return page
        return await self.submit(page, persona=persona, answer="allow")


def authorize_target(**wanted: str) -> str:
    """Return the target of a valid authorization request of `web`, with parameters *wanted*."""
    parameters = {
        "client_id": "web",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile orders:read",
        "state": "the state",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    } | wanted
    return "/authorize?" + urlencode({name: value for name, value in parameters.items() if value})


@dataclass(frozen=True)
class RunningIssuer:
    origin: str
    clock: HandClock
    client: aiohttp.ClientSession
    browsers: list[aiohttp.ClientSession] = field(default_factory=list)

    def new_browser(self) -> Browser:
        http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.browsers.append(http)
        return Browser(self.origin, http)

    async def post(
        self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        async with self.client.post(self.origin + path, data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    async def token(
        self, parameters: Mapping[str, str], headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        return await self.post("/token", parameters, headers)

    async def exchange(self, code: str, **changed: str) -> tuple[int, dict[str, Any]]:
        """Exchange a code of `web`."""
        form = WEB | {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return await self.token(form | changed)

    async def json(self, path: str) -> dict[str, Any]:
        async with self.client.get(self.origin + path) as answer:
            assert answer.status == 200
            body: dict[str, Any] = await answer.json(content_type=None)
            return body

    async def decode(self, token: str) -> jwt.Token:
        jwks = KeySet.import_key_set({"keys": (await self.json("/jwks"))["keys"]})
        return jwt.decode(token, jwks, algorithms=["ES256", "RS256"])


@asynccontextmanager
async def running_issuer(
    algorithm: SigningAlgorithm = SigningAlgorithm.ES256,
) -> AsyncIterator[RunningIssuer]:
    """Run an issuer for as long as the block lasts."""
    clock = HandClock()
    numbers = itertools.count(1)
    terms = IssuerTerms(
        algorithm,
        "demo-api",
        clock,
        lambda: f"token-{next(numbers)}",
        new_secret=lambda: secrets.token_urlsafe(32),
    )
    bound = bind_loopback("127.0.0.1", 0)
    origin = origin_of(bound)
    async with (
        serving(Endpoints(origin, terms).application(), bound),
        aiohttp.ClientSession() as client,
    ):
        issuer = RunningIssuer(origin, clock, client)
        try:
            yield issuer
        finally:
            for browser in issuer.browsers:
                await browser.close()
