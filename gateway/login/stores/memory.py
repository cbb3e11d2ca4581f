"""Sessions in the memory of one gateway, for all of its workers."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from secrets import token_bytes
from time import time
from typing import Final

from gateway.login.session import Session
from gateway.login.store import Ended, Kept, StoreUnavailable
from gateway.login.stores.expiring import Expiring
from gateway.login.stores.memory_ledger import MemoryLedger

MOST_SESSIONS: Final = 100_000
MOST_OF_SUBJECT: Final = 100

_SECRET_BYTES: Final = 32
_SECRET_LENGTH: Final = 43

# A login that began before a logout, and comes after it, does so within this time.
_LOGIN_SECONDS: Final = 600.0

_Group = dict[tuple[str, str], dict[bytes, None]]


class MemoryStore:
    """Keeps sessions until the process ends; the configuration may change meanwhile.

    At most *most* sessions are kept, and *most_of_subject* of one subject at an issuer. A login
    that exceeds a limit ends the session of its own subject that was used least recently. It never
    ends one of another subject: if all *most* are of others, ``begin`` raises StoreUnavailable.
    """

    is_shared = False

    def __init__(
        self,
        clock: Callable[[], float] = time,
        random: Callable[[int], bytes] = token_bytes,
        most: int = MOST_SESSIONS,
        most_of_subject: int = MOST_OF_SUBJECT,
    ) -> None:
        self._clock = clock
        self._random = random
        self._most = most
        self._most_of_subject = most_of_subject
        self._ledger = MemoryLedger(clock)
        self._sessions: Expiring[Session] = Expiring(clock, self._leave)
        self._of_subject: _Group = {}  # by issuer and subject
        self._of_sid: _Group = {}  # by issuer and sid
        self._issuers: set[str] = set()

    async def begin(self, session: Session) -> Kept | None:
        """Keep a new *session*; None if it was ended meanwhile."""
        if self._ledger.has_ended(session):
            return None
        self._sessions.forget()
        displaced = self._make_room(session)
        value, session_id = new_secret(self._random)
        begun = replace(session, id=session_id)
        self._sessions.put(session_id, begun, begun.expires_at)
        self._issuers.add(begun.issuer)
        for group, key in self._groups(begun):
            group.setdefault(key, {})[session_id] = None
        return Kept(begun, value, displaced)

    def _make_room(self, session: Session) -> frozenset[bytes]:
        members = self._of_subject.get((session.issuer, session.subject), ())
        own = [one for one in map(self._sessions.get, members) if one is not None]
        is_full = len(self._sessions) >= self._most
        if not is_full and len(own) < self._most_of_subject:
            return frozenset()
        if not own:
            raise StoreUnavailable(f"there are {self._most} sessions, and no more are kept")
        oldest = min(own, key=lambda one: one.used_at)
        self._end(oldest.id)
        return frozenset((oldest.id,))

    async def read(self, value: str) -> Kept | None:
        """Return the session of a cookie's *value*; None if there is none, or it has ended."""
        session_id = id_of_secret(value)
        session = None if session_id is None else self._sessions.get(session_id)
        return None if session is None else Kept(session)

    async def get(self, session_id: bytes) -> Session | None:
        """Return a session by its id, as it is now."""
        return self._sessions.get(session_id)

    async def replace(self, session: Session) -> Kept | None:
        """Keep what a refresh changed; return what is kept now."""
        kept = self._sessions.get(session.id)
        if kept is None:
            return None
        if kept.version >= session.version:
            return Kept(kept)
        latest = replace(
            kept,
            tokens=session.tokens,
            claims=session.claims,
            version=session.version,
            used_at=max(kept.used_at, session.used_at),
        )
        self._sessions.put(latest.id, latest, latest.expires_at)
        return Kept(latest)

    async def touch(self, session: Session, now: float) -> str | None:
        """Note that the session was used."""
        kept = self._sessions.get(session.id)
        if kept is not None and kept.used_at < now:
            used = replace(kept, used_at=now)
            self._sessions.put(used.id, used, used.expires_at)
        return None

    async def end(self, session_id: bytes) -> bool:
        """End a session for good; return whether there was one."""
        return self._end(session_id)

    def _end(self, session_id: bytes) -> bool:
        session = self._sessions.pop(session_id)
        if session is None:
            return False
        self._leave(session_id, session)
        return True

    async def end_all(self, which: Ended) -> frozenset[bytes]:
        """End the sessions of a back-channel logout, or of a subject; return them."""
        self._sessions.forget()
        await self._ledger.end_all(which, self._clock() + _LOGIN_SECONDS)
        ended = frozenset(self._which(which))
        for session_id in ended:
            self._end(session_id)
        return ended

    def _which(self, which: Ended) -> Iterator[bytes]:
        if which.sid is not None:
            yield from self._of_sid.get((which.issuer, which.sid), ())
        if which.subject is None:
            return
        for session_id in self._of_subject.get((which.issuer, which.subject), ()):
            session = self._sessions.get(session_id)
            if session is not None and session.begun_at < which.before:
                yield session_id

    async def sessions(self, subject: str | None, most: int) -> Sequence[Session]:
        """Return the sessions there are, newest first."""
        if subject is None:
            return list(islice(self._sessions.newest(), most))
        ids = (
            one for issuer in self._issuers for one in self._of_subject.get((issuer, subject), ())
        )
        found = [one for one in map(self._sessions.get, ids) if one is not None]
        return sorted(found, key=lambda one: one.begun_at, reverse=True)[:most]

    async def use_once(self, token: bytes, seconds: float) -> bool:
        """Return whether *token* was not used in the last *seconds*, and note that it is now."""
        return await self._ledger.use_once(token, seconds)

    async def lock(self, session_id: bytes, seconds: float) -> str | None:
        """Return a ticket if nobody refreshes this session now, else None."""
        return await self._ledger.lock(session_id, seconds)

    async def unlock(self, session_id: bytes, ticket: str) -> None:
        """Give back a *ticket* of ``lock``, which may have run out."""
        await self._ledger.unlock(session_id, ticket)

    async def close(self) -> None:
        """Do nothing: sessions stay, for the next configuration."""

    def _groups(self, session: Session) -> Iterator[tuple[_Group, tuple[str, str]]]:
        yield self._of_subject, (session.issuer, session.subject)
        if session.sid is not None:
            yield self._of_sid, (session.issuer, session.sid)

    def _leave(self, session_id: bytes, session: Session) -> None:
        for group, key in self._groups(session):
            members = group.get(key)
            if members is None:
                continue
            members.pop(session_id, None)
            if not members:
                del group[key]


def new_secret(random: Callable[[int], bytes]) -> tuple[str, bytes]:
    """Return a new value of a cookie, and the id of its session."""
    value = urlsafe_b64encode(random(_SECRET_BYTES)).rstrip(b"=").decode()
    return value, _hash(value)


def id_of_secret(value: str) -> bytes | None:
    """Return the id of the session whose cookie holds *value*; *value* does not follow from it.

    None if it is no such value: one that is sealed, say, by a store of another kind.
    """
    return _hash(value) if len(value) == _SECRET_LENGTH else None


def _hash(value: str) -> bytes:
    return sha256(value.encode(errors="replace")).digest()
