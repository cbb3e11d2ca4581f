"""Exchange callers' tokens for tokens of one upstream (RFC 8693)."""

import asyncio
from typing import Final

from gateway.decision.reason import Reason
from gateway.fetching.clock import Clock
from gateway.fetching.schedule import backoff_seconds
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.service_tokens.exchanged_tokens import ExchangedTokens
from gateway.service_tokens.own_token import LEAST_AGE_SECONDS
from gateway.service_tokens.requests import Found, NoServiceToken, ServiceToken
from gateway.service_tokens.source import TokenSource

# What a server says of the caller or their token (RFC 8693 §2.2.2); all else, such as
# `invalid_client`, is about the gateway.
_ABOUT_THE_CALLER: Final = frozenset(
    {"invalid_request", "invalid_grant", "invalid_target", "access_denied"}
)

# The server may have changed its mind by then; until then nobody asks it in vain.
_REFUSAL_SECONDS: Final = 10.0

# Requests to one server at a time, for one upstream.
MOST_IN_FLIGHT: Final = 200

# Failures in a row, from which on there are pauses: a single one may be of one token.
_PATIENCE: Final = 3

_LONGEST_PAUSE_SECONDS: Final = 10.0


class Exchanges:
    """The tokens of *source* by exchange: one exchange for each token of a caller at a time."""

    def __init__(self, source: TokenSource, clock: Clock) -> None:
        self.source = source
        self._clock = clock
        self._kept = ExchangedTokens()
        self._asking: dict[bytes, asyncio.Task[Found]] = {}
        self._failures = 0
        self._resumes_at = 0.0
        self.last_error: str | None = None

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def failures_in_a_row(self) -> int:
        """Return how many exchanges failed since the last one that did not."""
        return self._failures

    def take_over(self, former: "Exchanges") -> None:
        """Use the tokens of *former* again, if they come from the same server for the same."""
        if self.source.is_same(former.source):
            self._kept = former._kept

    def recall(self, digest: bytes) -> Found | None:
        """Return what is at hand for the caller's token with this *digest*."""
        return self._kept.recall((self.source.name, digest), self._clock.now())

    def reject(self, token: ServiceToken, digest: bytes) -> None:
        """Forget *token*, which the service refused, unless it is too young."""
        if self._clock.now() - token.issued_at >= LEAST_AGE_SECONDS:
            self._kept.forget((self.source.name, digest), token)

    async def exchange(self, digest: bytes, subject: bytes, seconds: float) -> Found:
        """Return a token for *subject*, the caller's, which is valid for so many *seconds*.

        *digest* is its SHA-256.
        """
        found = self.recall(digest)
        if found is not None:
            return found
        asking = self._asking.get(digest)
        if asking is None:
            refused = self._refuse()
            if refused is not None:
                return refused
            asking = asyncio.create_task(self._exchange(subject, digest, seconds))
            self._asking[digest] = asking
            asking.add_done_callback(lambda _: self._asking.pop(digest))
        # Waited for, not awaited: a client that disconnects does not cancel it for others.
        await asyncio.wait({asking})
        if asking.cancelled():
            return _unavailable("the exchange was cancelled: the gateway or its configuration ends")
        return asking.result()

    def _refuse(self) -> NoServiceToken | None:
        """Return why nothing is asked now, or None."""
        if len(self._asking) >= MOST_IN_FLIGHT:
            return _unavailable("too many exchanges are in flight")
        if self._clock.now() < self._resumes_at:
            return _unavailable(self.last_error or "the last exchanges failed")
        return None

    async def _exchange(self, subject: bytes, digest: bytes, seconds: float) -> Found:
        ends_at = self._clock.now() + seconds
        found = await self.source.exchanged(subject)
        result: Found
        if isinstance(found, OAuthFault):
            result = self._note_fault(found)
        else:
            self._failures, self.last_error = 0, None
            result = ServiceToken(found.line, found.issued_at, min(found.until, ends_at))
        self._kept.keep((self.source.name, digest), result)
        return result

    def _note_fault(self, fault: OAuthFault) -> NoServiceToken:
        now = self._clock.now()
        if fault.kind is FaultKind.ERROR and fault.code in _ABOUT_THE_CALLER:
            self._failures = 0
            until = now + _REFUSAL_SECONDS
            return NoServiceToken(Reason.TOKEN_EXCHANGE_REFUSED, fault.detail, until)
        self._failures += 1
        self.last_error = fault.detail
        pause_seconds = backoff_seconds(self._failures - _PATIENCE + 1)
        pause_seconds = max(pause_seconds, fault.retry_after_seconds or 0.0)
        self._resumes_at = now + min(pause_seconds, _LONGEST_PAUSE_SECONDS)
        return _unavailable(fault.detail)

    async def finish(self, seconds: float) -> None:
        """Wait for the exchanges in flight, but no longer than *seconds*; cancel the rest."""
        tasks = set(self._asking.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _unavailable(detail: str) -> NoServiceToken:
    return NoServiceToken(Reason.SERVICE_TOKEN_UNAVAILABLE, detail)
