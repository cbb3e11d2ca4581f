"""Give a worker the tokens for services that the supervisor gets."""

import asyncio
from collections.abc import Mapping
from time import monotonic

from gateway.decision.reason import Reason
from gateway.service_tokens.exchanged_tokens import ExchangedTokens
from gateway.service_tokens.own_token import LEAST_AGE_SECONDS
from gateway.service_tokens.requests import Found, NoServiceToken, ServiceToken
from gateway.supervisor.messages import (
    ExchangeToken,
    FindServiceToken,
    RejectServiceToken,
    ServiceTokenUpdate,
)
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.peer_circuit import PeerCircuit

_GONE = NoServiceToken(
    Reason.SERVICE_TOKEN_UNAVAILABLE, "the process that keeps the tokens for services is gone"
)
_REPLACED = NoServiceToken(
    Reason.SERVICE_TOKEN_UNAVAILABLE, "the configuration was replaced meanwhile"
)


class PeerServiceTokens:
    """The tokens for services of the configuration *number*, which the supervisor gets.

    While it is gone or hangs, tokens at hand are used until they expire, and there are no others.
    """

    def __init__(self, number: int, circuit: PeerCircuit) -> None:
        self._number = number
        self._circuit = circuit
        self._held: dict[str, ServiceToken] = {}
        self.held: Mapping[str, ServiceToken] = self._held
        self._exchanged = ExchangedTokens()
        self._reporting: set[asyncio.Task[None]] = set()

    def update(self, update: ServiceTokenUpdate) -> None:
        """Replace the gateway's own token for one upstream."""
        if update.token is None:
            self._held.pop(update.upstream, None)
        else:
            self._held[update.upstream] = update.token

    async def find(self, upstream: str) -> Found:
        """Have the supervisor get its token for *upstream*; ``held`` has it from then on."""
        return await self._ask(FindServiceToken(self._number, upstream))

    def recall(self, upstream: str, digest: bytes) -> Found | None:
        """Return what this worker has at hand for the caller's token with this *digest*."""
        return self._exchanged.recall((upstream, digest), monotonic())

    async def exchange(self, upstream: str, digest: bytes, subject: bytes, seconds: float) -> Found:
        """Have the supervisor exchange the caller's token *subject*."""
        found = await self._ask(ExchangeToken(self._number, upstream, digest, subject, seconds))
        self._exchanged.keep((upstream, digest), found)
        return found

    async def _ask(self, question: FindServiceToken | ExchangeToken) -> Found:
        try:
            found: Found = await self._circuit.ask_while_alive(question)
        except PeerGone:
            return _GONE
        except Refused:
            return _REPLACED
        return found

    def reject(self, upstream: str, token: ServiceToken, digest: bytes | None) -> None:
        """Tell the supervisor that *upstream* responded with 401 to *token*, if that is not young.

        All workers then get another one.
        """
        if monotonic() - token.issued_at < LEAST_AGE_SECONDS:
            return
        if digest is not None:
            self._exchanged.forget((upstream, digest), token)
        question = RejectServiceToken(self._number, upstream, token, digest)
        reporting = asyncio.ensure_future(self._report(question))
        self._reporting.add(reporting)
        reporting.add_done_callback(self._reporting.discard)

    async def _report(self, question: RejectServiceToken) -> None:
        try:
            await self._circuit.ask_while_alive(question)
        except (PeerGone, Refused):
            return
