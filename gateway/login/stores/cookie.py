"""Sessions sealed in the browser's own cookies."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from secrets import token_bytes
from time import time
from typing import Final

from gateway.login.cookies import cookie_bytes
from gateway.login.sealing import KeyRing, Purpose
from gateway.login.session import Session
from gateway.login.store import Ended, Kept, SessionTooLarge
from gateway.login.stores.expiring import Expiring
from gateway.login.stores.ledger import Ledger
from gateway.login.stores.packed import CLAIMS, pack, packed_sizes, unpack

_ID_BYTES: Final = 32

# Of which sessions the gateway knows that they are in use; for streams, which end with them.
MOST_SEEN: Final = 100_000

_Seen = tuple[str, str, str | None, float]  # issuer, subject, sid, begun_at


class CookieStore:
    """Keeps sessions nowhere: each request brings its own, sealed with *ring*.

    *ledger* remembers which have ended; nothing else could tell a cookie from a copy of it that was
    made before. *most_bytes* is what a session may take in cookies, and *total_seconds* the longest
    that one may last, as the configuration says now. From *former*, the store of the configuration
    before, it takes over which sessions are in use.
    """

    def __init__(  # noqa: PLR0913 - what a store is made of
        self,
        ring: KeyRing,
        ledger: Ledger,
        most_bytes: int,
        total_seconds: float,
        *,
        former: "CookieStore | None" = None,
        clock: Callable[[], float] = time,
        random: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self._ring = ring
        self._ledger = ledger
        self._most_bytes = most_bytes
        self._total_seconds = total_seconds
        # Ends are remembered for as long as a cookie of any configuration so far may be good.
        former_seconds = 0.0 if former is None else former._longest_seconds
        self._longest_seconds: float = max(total_seconds, former_seconds)
        self._clock = clock
        self._random = random
        self._seen: Expiring[_Seen] = Expiring(clock) if former is None else former._seen

    @property
    def is_shared(self) -> bool:
        """Return whether other gateways may end sessions."""
        return self._ledger.is_shared

    @property
    def ledger(self) -> Ledger:
        """Return what remembers which sessions have ended."""
        return self._ledger

    async def begin(self, session: Session) -> Kept | None:
        """Seal a new *session*; None if it was ended meanwhile. Raises SessionTooLarge."""
        begun = replace(session, id=self._random(_ID_BYTES))
        value = self._seal_if_it_fits(begun)
        if not await self._ledger.admits(begun):
            return None
        self._note(begun)
        return Kept(begun, value)

    async def read(self, value: str) -> Kept | None:
        """Return the session of a cookie's *value*; None if there is none, or it has ended.

        Returned with the value of a later cookie, if the session was refreshed a minute ago.
        """
        plain = self._ring.open(Purpose.SESSION_COOKIE, value)
        session = None if plain is None else unpack(plain)
        if session is None or self._is_over(session):
            return None
        standing = await self._ledger.standing(session)
        if standing.has_ended:
            return None
        if standing.successor is None:
            self._note(session)
            return Kept(session)
        latest = _used(standing.successor, session.used_at)
        self._note(latest)
        return Kept(latest, self._seal(latest))

    async def get(self, session_id: bytes) -> Session | None:
        """Return a session by its id, if it was refreshed within the last minute."""
        session = await self._ledger.successor(session_id)
        return None if session is None or self._is_over(session) else session

    async def replace(self, session: Session) -> Kept | None:
        """Seal what a refresh changed; return what is kept now. Raises SessionTooLarge."""
        if self._is_over(session):
            return None
        used = _used(session, self._clock())  # the browser asked for something
        value = self._seal_if_it_fits(used)
        standing = await self._ledger.succeed(used)
        if standing.has_ended:
            return None
        if standing.successor is None or standing.successor == used:
            return Kept(used, value)
        latest = _used(standing.successor, used.used_at)
        return Kept(latest, self._seal(latest))

    async def touch(self, session: Session, now: float) -> str | None:
        """Return a new value when a quarter of the idle time has passed since the last one."""
        if now - session.used_at < session.idle_seconds / 4:
            return None
        used = _used(session, now)
        self._note(used)
        return self._seal(used)

    async def end(self, session_id: bytes) -> bool:
        """End a session for good; return whether it had not been ended before."""
        self._seen.pop(session_id)
        return await self._ledger.end(session_id, self._last_end())

    async def end_all(self, which: Ended) -> frozenset[bytes]:
        """End the sessions of a back-channel logout, or of a subject; return those in use here."""
        ended = await self._ledger.end_all(which, self._last_end())
        seen = frozenset(key for key, one in self._seen.items() if _is_of(one, which))
        for session_id in seen:
            self._seen.pop(session_id)
        return ended | seen

    async def sessions(self, subject: str | None, most: int) -> Sequence[Session]:
        """Return nothing: browsers keep the sessions."""
        return []

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
        """Close the connection of the ledger, if it has one."""
        await self._ledger.close()

    def _is_over(self, session: Session) -> bool:
        ends_at = min(session.expires_at, session.begun_at + self._total_seconds)
        return ends_at <= self._clock()

    def _last_end(self) -> float:
        return self._clock() + self._longest_seconds

    def _note(self, session: Session) -> None:
        self._seen.forget()
        if len(self._seen) >= MOST_SEEN and self._seen.get(session.id) is None:
            self._seen.forget_first(MOST_SEEN // 10)
        seen = (session.issuer, session.subject, session.sid, session.begun_at)
        self._seen.put(session.id, seen, session.expires_at)

    def _seal_if_it_fits(self, session: Session) -> str:
        value = self._seal(session)
        size = cookie_bytes(len(value))
        if size > self._most_bytes:
            raise SessionTooLarge(_too_large(session, size, self._most_bytes))
        return value

    def _seal(self, session: Session) -> str:
        # One that a browser has already stays, whatever a reload has made of the limit.
        return self._ring.seal(Purpose.SESSION_COOKIE, pack(session))


def _used(session: Session, used_at: float) -> Session:
    return session if session.used_at >= used_at else replace(session, used_at=used_at)


def _is_of(seen: _Seen, which: Ended) -> bool:
    issuer, subject, sid, begun_at = seen
    if issuer != which.issuer:
        return False
    if which.sid is not None and sid == which.sid:
        return True
    return which.subject is not None and subject == which.subject and begun_at < which.before


def _too_large(session: Session, size: int, most_bytes: int) -> str:
    sizes = sorted(packed_sizes(session).items(), key=lambda part: -part[1])
    parts = ", ".join(f"{name} {length} bytes" for name, length in sizes)
    largest = sizes[0][0]
    remedy = (
        "keep fewer claims for pages (login.claims)"
        if largest == CLAIMS
        else f"have the issuer leave claims out of its {largest}"
    )
    return (
        f"the session takes {size} bytes in cookies, and session.cookie_bytes is {most_bytes}: "
        f"{parts}; {remedy}, or keep sessions in redis or memory (session.store)"
    )
