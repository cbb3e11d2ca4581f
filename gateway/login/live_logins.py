"""Log browsers in and out, for one configuration: what its logins respond, and their sessions."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from gateway.decision.reason import Reason
from gateway.login.client import Failure, LoginClient
from gateway.login.kept import Listener, LoginsKept
from gateway.login.pages import answer_json, refuse
from gateway.login.requests import Endpoint, LoginRequest, LoginResponse
from gateway.login.session import Session, SessionView
from gateway.login.sessions import Sessions
from gateway.login.signing_in import SigningIn
from gateway.login.signing_out import SigningOut
from gateway.login.site import Site, find_site, misdirected
from gateway.login.store import SessionStore, StoreUnavailable
from gateway.oauth.endpoints import EndpointsStatus, LiveEndpoints
from gateway.telemetry.metrics.logins import LoginMetrics

# How long what is in flight may take, at the end of a configuration and of a gateway.
_RETIRE_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 5.0

# RFC 6750 §3: as of a request without a token.
_CHALLENGE: Final = ("WWW-Authenticate", 'Bearer realm="gateway"')


class LiveLogins:
    """The logins of one configuration, from ``start`` to ``close``.

    *clients* and *stores* are by the name of the login, the latter opened by *kept*, which outlives
    the configuration. *clock* returns seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        clients: Mapping[str, LoginClient],
        stores: Mapping[str, SessionStore],
        endpoints: LiveEndpoints,
        kept: LoginsKept,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clients = clients
        self._stores = tuple(stores.values())
        self._endpoints = endpoints
        self._kept = kept
        self.sessions = Sessions(clients, stores, kept, clock, sleep)
        self._in = SigningIn(self.sessions, kept)
        self._out = SigningOut(self.sessions, kept)
        self._listeners: list[Listener] = []
        self._answering = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    # --- from one configuration to the next

    def take_over(self, former: "LiveLogins") -> None:
        """Take over the endpoints of *former*; it shares everything else already."""
        self._endpoints.take_over(former._endpoints)

    async def start(self, limit_seconds: float | None = None) -> None:
        """Fetch the endpoints of all issuers; one that fails or is late is no error."""
        await self._endpoints.start(limit_seconds)

    async def retire(self) -> None:
        """Close after the requests in flight, which browsers may wait for."""
        self._forget_listeners()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_idle.wait(), _RETIRE_SECONDS)
        await self.sessions.finish(_RETIRE_SECONDS)
        await self._out.close()
        await self._endpoints.retire()
        await self._release_stores()

    async def close(self) -> None:
        """Stop all requests to issuers; refreshes and revocations have a moment to finish."""
        self._forget_listeners()
        await self.sessions.finish(_CLOSE_SECONDS)
        await self._out.close()
        await self._endpoints.close()
        await self._release_stores()

    def _forget_listeners(self) -> None:
        for one in self._listeners:
            self._kept.listeners.remove(one)
        self._listeners = []

    async def _release_stores(self) -> None:
        stores, self._stores = self._stores, ()
        for store in stores:
            await self._kept.stores.release(store)

    # --- what a data port asks

    async def serve(self, request: LoginRequest) -> LoginResponse:
        """Respond to *request*; every fault outside is a response."""
        with self._answer():
            return await self._respond(request)

    @contextmanager
    def _answer(self) -> Iterator[None]:
        self._answering += 1
        self._is_idle.clear()
        try:
            yield
        finally:
            self._answering -= 1
            if self._answering == 0:
                self._is_idle.set()

    async def _respond(self, request: LoginRequest) -> LoginResponse:
        named = [self._clients[name] for name in request.logins if name in self._clients]
        site = find_site(request, named)
        if site is None:
            return misdirected(request)
        match request.endpoint:
            case Endpoint.LOGIN:
                return await self._in.begin(request, site)
            case Endpoint.CALLBACK:
                return await self._in.finish(request, site)
            case Endpoint.LOGOUT:
                return await self._out.log_out(request, site)
            case Endpoint.BACKCHANNEL_LOGOUT:
                return await self._out.obey(request, site)
            case Endpoint.USERINFO:
                return await self._tell_claims(request, site)

    async def _tell_claims(self, request: LoginRequest, site: Site) -> LoginResponse:
        """Return the claims that a page may read; the session is not used by it, and not refreshed.

        A page may ask every few seconds whether somebody is logged in, without keeping them so.
        """
        try:
            held = await self.sessions.read(request.cookies)
        except StoreUnavailable as error:
            return site.refuse(request, Failure(Reason.SESSIONS_UNAVAILABLE, str(error)))
        if held is not None:
            return answer_json(held.session.claims)
        return refuse(
            Reason.LOGIN_REQUIRED,
            "no session",
            fields=[_CHALLENGE],
            members={"login": site.origin.text + site.login_path("/")},
        )

    async def find(self, cookies: Mapping[str, str]) -> SessionView | Reason:
        """Return the session that *cookies* stand for, refreshed if it is time, or why not."""
        with self._answer():
            return await self.sessions.find(cookies)

    def subscribe(self, ended: Listener) -> None:
        """Call *ended* with the ids of sessions that ended; until ``close``."""
        self._listeners.append(ended)
        self._kept.listeners.append(ended)

    # --- what operators ask

    async def listed(self, subject: str | None) -> Sequence[Session]:
        """Return the sessions of *subject*, or all, newest first. Raises StoreUnavailable."""
        return await self.sessions.listed(subject)

    async def end_by_id(self, session_id: bytes) -> bool:
        """End the session with this id; return whether there was one. Raises StoreUnavailable."""
        return await self.sessions.end_by_id(session_id)

    async def end_subject(self, subject: str) -> int:
        """End all sessions of *subject*; return how many are known. Raises StoreUnavailable."""
        return await self.sessions.end_subject(subject)

    def status(self) -> list[EndpointsStatus]:
        """Return the state of the issuers' endpoints."""
        return self._endpoints.status()

    @property
    def counts(self) -> LoginMetrics:
        """Return the counts of all configurations so far."""
        return self._kept.counts
