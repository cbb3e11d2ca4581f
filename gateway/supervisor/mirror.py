"""Give a worker the keys, lists, logins, answers and rate limits of the supervisor."""

import asyncio
import pickle
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway.central import Central
from gateway.decision.keys import KeySet
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationList
from gateway.decision.tokens.introspected import TokenAnswer
from gateway.decision.verdict import WantedKey
from gateway.keyring.describe import describe_keys, describe_wanted
from gateway.limits.gcra import Taken, Wanted
from gateway.limits.limiter import MemoryLimiter
from gateway.login.requests import LoginRequest, LoginResponse, LoginsGone
from gateway.login.session import SessionView
from gateway.supervisor.messages import (
    FindSession,
    Introspect,
    IssueTicket,
    KeysUpdate,
    ListUpdate,
    RedeemTicket,
    Refetch,
    ServeLogin,
    Take,
)
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.peer_circuit import PeerCircuit
from gateway.supervisor.peer_service_tokens import PeerServiceTokens
from gateway.supervisor.portable_keys import unpack_keys
from gateway.tickets.ticket import Grant, TicketsGone

# An answer takes less than a millisecond, or more while the supervisor loads a configuration.
_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Latest:
    """The last update of an issuer's keys."""

    update: KeysUpdate
    kids: tuple[str | None, ...]


class Mirror:
    """What the supervisor has for the configuration *number*; *keys* and *lists* are current."""

    def __init__(self, number: int, circuit: PeerCircuit) -> None:
        self._number = number
        self._circuit = circuit
        self._asking: dict[tuple[str, str | None], asyncio.Task[None]] = {}
        self._latest: dict[str, _Latest] = {}
        self._keys: dict[str, KeySet] = {}
        self._lists: dict[str, RevocationList] = {}
        self.keys: Mapping[str, KeySet] = self._keys
        self.lists: Mapping[str, RevocationList] = self._lists
        self.logins = PeerLogins(number, circuit)
        self.service_tokens = PeerServiceTokens(number, circuit)
        self.tickets = PeerTickets(number, circuit)
        self.introspection = PeerIntrospection(number, circuit)

    @property
    def central(self) -> Central:
        """Return what the worker's data plane uses."""
        return Central(
            self,
            self.lists,
            self.logins,
            self.service_tokens,
            self.tickets,
            self.introspection,
        )

    def update_keys(self, update: KeysUpdate) -> None:
        """Replace the keys of one issuer."""
        name, former = update.issuer_name, self._latest.get(update.issuer_name)
        self._latest[name] = _Latest(update, tuple(key.kid for key in update.keys or ()))
        if update.keys is None:
            self._keys.pop(name, None)
        elif former is None or former.update.keys != update.keys:
            # A new object only for other keys: the token cache compares identity.
            self._keys[name] = unpack_keys(update.keys)

    def update_list(self, update: ListUpdate) -> None:
        """Replace one revocation list."""
        if update.octets is None:
            self._lists.pop(update.name, None)
        else:
            # Not in a thread: it holds the interpreter anyway, 25 ms for the largest.
            self._lists[update.name] = pickle.loads(update.octets)  # noqa: S301 - see Peer

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        """Ask the supervisor to fetch the keys again, if allowed; *keys* shows the result.

        Requests that lack the same key share one question.
        """
        wanted = (issuer_name, kid)
        asking = self._asking.get(wanted)
        if asking is None:
            asking = asyncio.create_task(self._ask(Refetch(self._number, issuer_name, kid)))
            self._asking[wanted] = asking
            asking.add_done_callback(lambda _: self._asking.pop(wanted))
        # Waited for, not awaited: a client that disconnects does not cancel it for others.
        await asyncio.wait({asking})

    async def _ask(self, question: Refetch) -> None:
        with suppress(PeerGone, Refused):
            await self._circuit.ask_while_alive(question)

    def explain(self, wanted: WantedKey) -> str:
        """Describe in one line which key a token *wanted*, and which exist."""
        return describe_wanted(wanted, self._describe(wanted.issuer_name))

    def _describe(self, issuer_name: str) -> str:
        latest = self._latest.get(issuer_name)
        if latest is None:
            return describe_keys((), None, None)
        fetched_at = latest.update.fetched_at
        age_seconds = None if fetched_at is None else int(time.monotonic() - fetched_at)
        return describe_keys(latest.kids, age_seconds, latest.update.last_error)


class PeerLogins:
    """The logins of the configuration *number*, which are the supervisor's.

    While it is gone or hangs, nobody logs in or out, and sessions cannot be found: LoginsGone.
    """

    def __init__(self, number: int, circuit: PeerCircuit) -> None:
        self._number = number
        self._circuit = circuit
        self._listeners: list[Callable[[frozenset[bytes]], None]] = []

    async def serve(self, request: LoginRequest) -> LoginResponse:
        """Have the supervisor respond to *request*."""
        response: LoginResponse = await self._ask(ServeLogin(self._number, request))
        return response

    async def find(self, cookies: Mapping[str, str]) -> SessionView | Reason:
        """Have the supervisor find a session, and refresh it if it is time."""
        found: SessionView | Reason = await self._ask(FindSession(self._number, cookies))
        return found

    async def _ask(self, question: FindSession | ServeLogin) -> Any:
        try:
            return await self._circuit.ask_while_alive(question)
        except PeerGone:
            raise LoginsGone from None

    def subscribe(self, ended: Callable[[frozenset[bytes]], None]) -> None:
        """Call *ended* with the ids of sessions that ended."""
        self._listeners.append(ended)

    def end(self, ids: frozenset[bytes]) -> None:
        """Tell that these sessions ended."""
        for listener in self._listeners:
            listener(ids)


class PeerTickets:
    """The tickets of the configuration *number*, which are the supervisor's.

    While it is gone or hangs, none is issued and none is valid: TicketsGone.
    """

    def __init__(self, number: int, circuit: PeerCircuit) -> None:
        self._number = number
        self._circuit = circuit

    async def issue(self, grant: Grant, lifetime_seconds: float) -> str | Reason:
        """Have the supervisor issue a ticket."""
        issued: str | Reason = await self._ask(IssueTicket(self._number, grant, lifetime_seconds))
        return issued

    async def redeem(self, ticket: bytes) -> Grant | None:
        """Have the supervisor redeem a ticket."""
        grant: Grant | None = await self._ask(RedeemTicket(self._number, ticket))
        return grant

    async def _ask(self, question: IssueTicket | RedeemTicket) -> Any:
        try:
            return await self._circuit.ask_while_alive(question)
        except (PeerGone, Refused):
            raise TicketsGone from None


class PeerIntrospection:
    """The questions of the configuration *number* to issuers, which the supervisor asks.

    While it is gone or hangs, no token is known to be active.
    """

    def __init__(self, number: int, circuit: PeerCircuit) -> None:
        self._number = number
        self._circuit = circuit

    async def ask(self, issuer_name: str, token: bytes) -> TokenAnswer | None:
        """Have the supervisor ask an issuer about *token*, or remember what it said."""
        question = Introspect(self._number, issuer_name, token)
        try:
            answer: TokenAnswer | None = await self._circuit.ask_while_alive(question)
        except (PeerGone, Refused):
            return None
        return answer


class PeerLimiter:
    """Counts requests at the supervisor, which is asked through *circuit*.

    If the supervisor is gone or hangs, the worker counts on its own, as with Redis and
    `on_failure: memory`, and requests do not wait.
    """

    def __init__(self, circuit: PeerCircuit, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._circuit = circuit
        self._timeout_seconds = timeout_seconds
        self._own = MemoryLimiter()

    def take(self, wanted: tuple[Wanted, ...]) -> Taken | None:
        """Return None, so that the supervisor is asked; while it hangs, count here."""
        return self._own.take(wanted) if self._circuit.is_open() else None

    async def ask(self, wanted: tuple[Wanted, ...]) -> Taken:
        """Count one request in each bucket, or in none."""
        try:
            taken: Taken = await self._circuit.ask(Take(wanted), self._timeout_seconds)
        except (PeerGone, Refused):
            return self._own.take(wanted)
        return taken
