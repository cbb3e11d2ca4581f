"""What one gateway remembers of sessions, until it is restarted."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from math import inf, nextafter
from secrets import token_urlsafe
from time import time
from typing import Final, NamedTuple

from gateway.login.session import Session
from gateway.login.store import Ended, StoreUnavailable
from gateway.login.stores.expiring import Expiring
from gateway.login.stores.ledger import SID_LEEWAY_SECONDS, SUCCESSOR_SECONDS, Standing

MOST_ENDED: Final = 200_000
MOST_USED: Final = 250_000


class _End(NamedTuple):
    """The end of the sessions begun before a moment, to be remembered until another."""

    before: float
    until: float


class MemoryLedger:
    """Remembers for all workers of one gateway, and over reloads.

    Sessions that began before *since*, in seconds since the epoch, are taken for ended.

    At most *most_ended* ends of sessions are remembered. If there are more, the half of them that
    matters for the shortest time is forgotten, and all sessions that began before the last of
    these are taken for ended: people have to log in again, and nobody gets in. At most *most_used*
    tokens are; one more raises StoreUnavailable, since one that was forgotten could be used again.
    """

    is_shared = False

    def __init__(
        self,
        clock: Callable[[], float] = time,
        since: float = 0.0,
        *,
        most_ended: int = MOST_ENDED,
        most_used: int = MOST_USED,
    ) -> None:
        self._clock = clock
        self._most_ended = most_ended
        self._most_used = most_used
        self._ended_before = since
        self._ended: Expiring[_End] = Expiring(clock)
        self._successors: Expiring[Session] = Expiring(clock)
        self._used: Expiring[bool] = Expiring(clock)
        self._locks: Expiring[str] = Expiring(clock)

    async def admits(self, session: Session) -> bool:
        """Return whether a new session may begin."""
        return not self.has_ended(session)

    async def standing(self, session: Session) -> Standing:
        """Return how a session stands that a browser brought."""
        if self.has_ended(session):
            return Standing(has_ended=True)
        successor = self._successors.get(session.id)
        if successor is None or successor.version <= session.version:
            return Standing(has_ended=False)
        return Standing(has_ended=False, successor=successor)

    def has_ended(self, session: Session) -> bool:
        """Return whether *session* was ended, by its id or with others."""
        if self._ended.get(session.id) is not None or session.begun_at < self._ended_before:
            return True
        ends = map(self._ended.get, _keys_of_session(session))
        return any(end is not None and session.begun_at < end.before for end in ends)

    async def succeed(self, session: Session) -> Standing:
        """Remember *session* as the successor of the version before it."""
        if self.has_ended(session):
            return Standing(has_ended=True)
        known = self._successors.get(session.id)
        if known is not None and known.version >= session.version:
            return Standing(has_ended=False, successor=known)
        self._successors.put(session.id, session, self._clock() + SUCCESSOR_SECONDS)
        return Standing(has_ended=False, successor=session)

    async def successor(self, session_id: bytes) -> Session | None:
        """Return the later version of a session that is remembered."""
        session = self._successors.get(session_id)
        return None if session is None or self.has_ended(session) else session

    async def end(self, session_id: bytes, until: float) -> bool:
        """End a session; return whether it had not ended."""
        had_ended = self._ended.get(session_id) is not None
        # Also one that began at this very moment.
        self._end(session_id, _End(nextafter(self._clock(), inf), until))
        self._successors.pop(session_id)
        return not had_ended

    async def end_all(self, which: Ended, until: float) -> frozenset[bytes]:
        """End sessions; none is kept here."""
        if which.sid is not None:
            before = max(which.before, self._clock() + SID_LEEWAY_SECONDS)
            self._end(_key(b"sid", which.issuer, which.sid), _End(before, until))
        if which.subject is not None:
            end = _End(which.before, until)
            self._end(_key(b"sub", which.issuer, which.subject), end)
        return frozenset()

    def _end(self, key: bytes, end: _End) -> None:
        self._ended.forget()
        if len(self._ended) >= self._most_ended:
            forgotten = self._ended.forget_first(self._most_ended // 2 + 1)
            self._ended_before = max([self._ended_before, *(one.before for one in forgotten)])
        former = self._ended.get(key) or end
        latest = _End(max(end.before, former.before), max(end.until, former.until))
        self._ended.put(key, latest, latest.until)

    async def use_once(self, token: bytes, seconds: float) -> bool:
        """Return whether *token* was not used in the last *seconds*, and note that it is now."""
        key = _digest(token)
        if self._used.get(key):
            return False
        self._used.forget()
        if len(self._used) >= self._most_used:
            raise StoreUnavailable(f"more than {self._most_used} logins are under way")
        self._used.put(key, value=True, until=self._clock() + seconds)
        return True

    async def lock(self, session_id: bytes, seconds: float) -> str | None:
        """Return a ticket if nobody refreshes this session now, else None."""
        if self._locks.get(session_id) is not None:
            return None
        ticket = token_urlsafe(16)
        self._locks.put(session_id, ticket, self._clock() + seconds)
        return ticket

    async def unlock(self, session_id: bytes, ticket: str) -> None:
        """Give back a *ticket* of ``lock``, which may have run out."""
        if self._locks.get(session_id) == ticket:
            self._locks.pop(session_id)

    async def close(self) -> None:
        """Do nothing: what is remembered stays, for the stores of the next configuration."""


def _keys_of_session(session: Session) -> Iterator[bytes]:
    yield _key(b"sub", session.issuer, session.subject)
    if session.sid is not None:
        yield _key(b"sid", session.issuer, session.sid)


def _key(kind: bytes, issuer: str, name: str) -> bytes:
    # Each part is hashed by itself, so that no two names are one with another issuer.
    return _digest(
        kind
        + _digest(issuer.encode("utf-8", "surrogatepass"))
        + name.encode("utf-8", "surrogatepass")
    )


def _digest(text: bytes) -> bytes:
    return sha256(text).digest()[:16]
