"""Ask the authorization server of one upstream for tokens, as the gateway's client of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from secrets import token_urlsafe
from typing import Final

from gateway.fetching.clock import Clock
from gateway.fetching.reach import Reach, make_reach
from gateway.oauth.endpoints import LiveEndpoints
from gateway.oauth.fault import FaultKind, OAuthFault, invalid_response, unavailable
from gateway.oauth.form import Form
from gateway.oauth.metadata import Endpoints
from gateway.oauth.server import AuthorizationServer
from gateway.service_tokens.requests import ServiceToken
from gateway.settings.values.configuration import IssuerSettings, ServiceCredentials, ServiceGrant
from gateway.telemetry.metrics.service_tokens import ServiceTokenMetrics
from gateway.tls.client_context import make_trusting_context

# RFC 8693 §2.1, §3.
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type

# Of a token whose server does not say how long it lives, against RFC 6749 §5.1.
UNSAID_LIFE_SECONDS: Final = 60.0

# The end of its life, in which it is not used: a request takes a moment, and clocks differ.
_MARGIN_SECONDS: Final = 5.0
_MARGIN_SHARE: Final = 0.1


class TokenSource:
    """The tokens of the upstream *name*, from its *issuer* or the URL in its *credentials*.

    *endpoints* know those of the issuer, and have the session that requests go over. *wall* returns
    seconds since the epoch, for client assertions.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        name: str,
        credentials: ServiceCredentials,
        issuer: IssuerSettings | None,
        *,
        endpoints: LiveEndpoints,
        counts: ServiceTokenMetrics,
        clock: Clock,
        wall: Callable[[], float],
    ) -> None:
        self.name = name
        self.credentials = credentials
        self._issuer = issuer
        self._endpoints = endpoints
        self.counts = counts
        self._clock = clock
        self._wall = wall
        counts.expect(name)

    def is_same(self, other: "TokenSource") -> bool:
        """Return whether *other* asks the same server for the same, as the same client."""
        return self._meaning() == other._meaning()

    def _meaning(self) -> tuple[object, ...]:
        # A key that is read again is another object, but the same key.
        client, issuer = self.credentials.client, self._issuer
        bare = replace(self.credentials, client=replace(client, key=None))
        kid = None if client.key is None else client.key.kid
        where = None if issuer is None else (issuer.issuer.issuer, issuer.source)
        return (bare, kid, where)

    async def own(self) -> ServiceToken | OAuthFault:
        """Return a token of the gateway's own (RFC 6749 §4.4)."""
        return await self._ask((("grant_type", ServiceGrant.CLIENT_CREDENTIALS.value),))

    async def exchanged(self, subject: bytes) -> ServiceToken | OAuthFault:
        """Return a token for the caller whose access token is *subject* (RFC 8693 §2.1)."""
        form = (
            ("grant_type", EXCHANGE),
            ("subject_token", subject.decode("ascii")),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", self.credentials.token_type),
        )
        return await self._ask(form)

    async def _ask(self, form: Form) -> ServiceToken | OAuthFault:
        seconds = self.credentials.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                found = await self._request((*form, *_asked(self.credentials)))
        except TimeoutError:
            found = unavailable(f"{self.credentials.server}: no token in {seconds:g} s")
        self.counts.count(self.name, _outcome(found))
        return found

    async def _request(self, form: Form) -> ServiceToken | OAuthFault:
        server = await self._server()
        if isinstance(server, OAuthFault):
            return server
        began_at = self._clock.now()
        response = await server.tokens(form)
        if isinstance(response, OAuthFault):
            return response
        wanted, issued = self.credentials.token_type, response.members.get("issued_token_type")
        if wanted and issued != wanted:
            # RFC 8693 §2.2.1: required, and a token of another type means something else.
            return invalid_response(f"{self.credentials.server}: issued_token_type is not {wanted}")
        life_seconds = response.expires_in_seconds or UNSAID_LIFE_SECONDS
        usable = life_seconds - min(_MARGIN_SECONDS, life_seconds * _MARGIN_SHARE)
        if began_at + usable <= self._clock.now():
            return invalid_response(f"{self.credentials.server}: the token had expired on arrival")
        line = f"Authorization: Bearer {response.access_token}\r\n".encode("ascii")
        return ServiceToken(line, began_at, began_at + usable)

    async def _server(self) -> AuthorizationServer | OAuthFault:
        url, issuer = self.credentials.token_url, self._issuer
        if not self._endpoints.is_started:
            return unavailable("the configuration was replaced meanwhile")
        if issuer is not None:
            found = await self._endpoints.find(issuer.issuer.name)
            if isinstance(found, str):
                return unavailable(found)
            reach = make_reach(issuer.source)
        else:
            found = Endpoints(issuer=str(url), token=url)
            reach = Reach(make_trusting_context(self.credentials.ca), self.credentials.proxy)
        return AuthorizationServer(
            found,
            self.credentials.client,
            self._endpoints.session,
            now=self._wall,
            make_id=lambda: token_urlsafe(16),
            timeout_seconds=self.credentials.timeout_seconds,
            reach=reach,
        )


def _asked(credentials: ServiceCredentials) -> Form:
    pairs = (
        ("scope", " ".join(credentials.scopes)),
        ("audience", credentials.audience),
        ("resource", credentials.resource),
    )
    return [(name, value) for name, value in pairs if value]


def _outcome(found: ServiceToken | OAuthFault) -> str:
    if isinstance(found, ServiceToken):
        return "issued"
    return "refused" if found.kind is FaultKind.ERROR else "failed"
