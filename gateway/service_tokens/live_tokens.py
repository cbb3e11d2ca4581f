"""The tokens for the services of one configuration."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from gateway.decision.reason import Reason
from gateway.fetching.clock import Clock
from gateway.fetching.session import make_session
from gateway.fetching.upkeep import Upkeep
from gateway.oauth.endpoints import LiveEndpoints
from gateway.service_tokens.exchanges import Exchanges
from gateway.service_tokens.own_token import OwnToken, OwnTokenStatus
from gateway.service_tokens.requests import Found, NoServiceToken, ServiceToken
from gateway.service_tokens.source import TokenSource
from gateway.settings.values.configuration import IssuerSettings, Upstream
from gateway.telemetry.metrics.service_tokens import ServiceTokenMetrics

# How long exchanges in flight may take, at the end of a configuration and of a gateway.
_RETIRE_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 0.0


class LiveServiceTokens:
    """The tokens of the *upstreams* with credentials, from ``start`` to ``close``.

    *counts* are those of all configurations so far, *exchanges* those of each upstream. *wall*
    returns seconds since the epoch.
    """

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        issuers: Mapping[str, IssuerSettings],
        counts: ServiceTokenMetrics,
        clock: Clock,
        wall: Callable[[], float],
    ) -> None:
        self.counts = counts
        asked = {name: one.credentials for name, one in upstreams.items() if one.credentials}
        names = dict.fromkeys(one.issuer for one in asked.values() if one.issuer is not None)
        self._endpoints = endpoints = LiveEndpoints([issuers[name] for name in names], clock)
        sources = {
            name: TokenSource(
                name,
                one,
                None if one.issuer is None else issuers[one.issuer],
                endpoints=endpoints,
                counts=counts,
                clock=clock,
                wall=wall,
            )
            for name, one in asked.items()
        }
        live: dict[str, ServiceToken] = {}
        self.held: Mapping[str, ServiceToken] = live
        self._tokens = {
            name: OwnToken(source, live, clock)
            for name, source in sources.items()
            if not source.credentials.exchanges
        }
        self._own = Upkeep(self._tokens, make_session)
        self.exchanges: Mapping[str, Exchanges] = {
            name: Exchanges(source, clock)
            for name, source in sources.items()
            if source.credentials.exchanges
        }

    # --- from one configuration to the next

    def take_over(self, former: "LiveServiceTokens") -> None:
        """Use the tokens of *former* again, for upstreams whose credentials are the same."""
        self.counts.take_over(former.counts)
        self._endpoints.take_over(former._endpoints)
        self._own.take_over(former._own)
        for name, one in self.exchanges.items():
            if name in former.exchanges:
                one.take_over(former.exchanges[name])

    async def start(self, limit_seconds: float | None = None) -> None:
        """Get the gateway's own tokens, and keep them; one that fails or is late is no error."""
        await asyncio.gather(self._endpoints.start(limit_seconds), self._own.start(limit_seconds))

    async def retire(self) -> None:
        """Close after what is in flight, which requests may wait for."""
        await self._finish(_RETIRE_SECONDS)
        await self._own.retire()
        await self._endpoints.retire()

    async def close(self) -> None:
        """Stop all requests to authorization servers."""
        await self._finish(_CLOSE_SECONDS)
        await self._own.close()
        await self._endpoints.close()

    async def _finish(self, seconds: float) -> None:
        await asyncio.gather(*(one.finish(seconds) for one in self.exchanges.values()))

    # --- what a data port asks

    async def find(self, upstream: str) -> Found:
        """Return the gateway's own token for *upstream*, got now if there is none at hand."""
        token = self._tokens.get(upstream)
        return _unknown(upstream) if token is None else await token.find()

    def recall(self, upstream: str, digest: bytes) -> Found | None:
        """Return what is at hand for the caller's token with this SHA-256 *digest*."""
        exchanges = self.exchanges.get(upstream)
        return None if exchanges is None else exchanges.recall(digest)

    async def exchange(self, upstream: str, digest: bytes, subject: bytes, seconds: float) -> Found:
        """Return a token of *upstream* for the caller's token *subject*, valid for *seconds*."""
        exchanges = self.exchanges.get(upstream)
        return (
            _unknown(upstream)
            if exchanges is None
            else await exchanges.exchange(digest, subject, seconds)
        )

    def reject(self, upstream: str, token: ServiceToken, digest: bytes | None) -> None:
        """Note that *upstream* responded with 401 to *token*; *digest* is of the caller's."""
        own, exchanges = self._tokens.get(upstream), self.exchanges.get(upstream)
        if digest is None and own is not None:
            own.reject(token)
        elif digest is not None and exchanges is not None:
            exchanges.reject(token, digest)

    # --- what workers and operators ask

    def subscribe(self, changed: Callable[[str], None]) -> None:
        """Call *changed* with the name of an upstream whenever ``held`` may have changed for it."""
        self._own.subscribe(changed)

    def status(self) -> list[OwnTokenStatus]:
        """Return the state of the gateway's own token for each upstream."""
        return [one.status() for one in self._tokens.values()]


def _unknown(upstream: str) -> NoServiceToken:
    """Return why a worker gets no token that asks with a configuration that was replaced."""
    detail = f"the upstream {upstream} has other credentials by now"
    return NoServiceToken(Reason.SERVICE_TOKEN_UNAVAILABLE, detail)
