"""Keep the gateway's own token for each upstream fresh (RFC 6749 §4.4)."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from gateway.decision.reason import Reason
from gateway.fetching import schedule
from gateway.fetching.clock import Clock
from gateway.fetching.document import FetchFailed
from gateway.fetching.refreshed import Refreshed
from gateway.oauth.fault import OAuthFault
from gateway.service_tokens.requests import Found, NoServiceToken, ServiceToken
from gateway.service_tokens.source import TokenSource
from gateway.settings.values.configuration import FetchTimes

# A 401 of the service does not replace a token that is younger: a service that refuses every token
# would have the gateway ask for one with each request.
LEAST_AGE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class OwnTokenStatus:
    """The token of one upstream, for operators; *last_error* is that of the last fetch."""

    name: str
    loaded: bool
    age_seconds: float | None
    expires_in_seconds: float | None
    failures_in_a_row: int
    last_error: str | None


class OwnToken(Refreshed[ServiceToken]):
    """The token of one upstream: got before it is needed, and again ahead of its end.

    The next one is fetched after four fifths of its life. It stays in use while that fails, with
    the pauses of any fetch, until its life is over.
    """

    owner = "upstream"
    content = "token"

    def __init__(self, source: TokenSource, live: dict[str, ServiceToken], clock: Clock) -> None:
        timeout_seconds = source.credentials.timeout_seconds
        super().__init__(source.name, live, FetchTimes(0.0, 0.0, timeout_seconds), clock)
        self._source = source

    @property
    def is_file(self) -> bool:
        """Return False: tokens come from servers."""
        return False

    def is_same_source(self, other: Self) -> bool:
        """Return whether *other* is the same client of the same server, and asks for the same."""
        return self._source.is_same(other._source)

    async def find(self) -> Found:
        """Return the token; fetch it if there is none, as often as the backoff allows.

        Waits at most the timeout of the source.
        """
        if not self._is_current() and self._may_fetch():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._times.fetch_timeout_seconds):
                    await self.load()
        token = self._live.get(self._name)
        if token is not None and self._is_current():
            return token
        detail = self._last_error or "the token was not fetched yet"
        return NoServiceToken(Reason.SERVICE_TOKEN_UNAVAILABLE, detail)

    def reject(self, token: ServiceToken) -> None:
        """Fetch another token, since the service refused *token*, unless it is too young."""
        age_seconds = self._clock.now() - token.issued_at
        if token == self._live.get(self._name) and age_seconds >= LEAST_AGE_SECONDS:
            self._refetch()

    def status(self) -> OwnTokenStatus:
        """Return the current state."""
        token, now = self._live.get(self._name), self._clock.now()
        return OwnTokenStatus(
            self._name,
            token is not None,
            None if token is None else now - token.issued_at,
            None if token is None else max(0.0, token.until - now),
            self._state.failures,
            self._last_error,
        )

    def _is_current(self) -> bool:
        token = self._live.get(self._name)
        return token is not None and self._clock.now() < token.until

    def _may_fetch(self) -> bool:
        return self._fetch_task is not None or schedule.may_try(self._state, self._clock.now())

    def _refetch(self) -> None:
        if self._fetch_task is None and schedule.may_try(self._state, self._clock.now()):
            self._start_fetch()

    async def _read(self) -> ServiceToken:
        found = await self._source.own()
        if isinstance(found, OAuthFault):
            raise FetchFailed(found.detail)
        return found

    def _accept(self, document: ServiceToken) -> None:
        life_seconds = document.until - self._clock.now()
        self._times = FetchTimes(life_seconds, 0.0, self._times.fetch_timeout_seconds)
        if self._held is not None:
            self._held = document  # no line in the log for each successor
        super()._accept(document)

    def _inherit(self, former: Self) -> None:
        timeout_seconds = self._times.fetch_timeout_seconds
        self._times = FetchTimes(former._times.fresh_seconds, 0.0, timeout_seconds)
        super()._inherit(former)

    def _is_same(self, held: ServiceToken, fetched: ServiceToken) -> bool:
        return held == fetched

    def _size(self, document: ServiceToken) -> int:
        return int(bool(document.line))
