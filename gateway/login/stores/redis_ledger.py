"""What all gateways that share a Redis remember of sessions."""

from collections.abc import Callable
from secrets import token_urlsafe
from time import time
from typing import Final

from gateway.login.sealing import KeyRing, Purpose
from gateway.login.session import Session
from gateway.login.store import Ended
from gateway.login.stores.ledger import (
    SID_LEEWAY_SECONDS,
    SINCE_LEEWAY_SECONDS,
    SUCCESSOR_SECONDS,
    Standing,
)
from gateway.login.stores.packed import pack, unpack
from gateway.login.stores.redis_commands import RedisCommands
from gateway.login.stores.redis_scripts import (
    END_ALL,
    END_ONE,
    STANDING,
    UNLOCK,
    Names,
    issuer_mark,
    milliseconds,
)

_SUCCESSOR_LIFE: Final = milliseconds(SUCCESSOR_SECONDS)

# Later than any session begins, in seconds since the epoch.
_EVER: Final = 1e15


class RedisLedger:
    """Remembers for all gateways; a Redis that lost its memory lets nobody in.

    It notes since when it remembers. Sessions that began a minute before that are taken for ended:
    people have to log in again, and nobody who logged out gets in with a copy of the cookie.
    """

    is_shared = True

    def __init__(
        self,
        commands: RedisCommands,
        names: Names,
        ring: KeyRing,
        clock: Callable[[], float] = time,
    ) -> None:
        self._commands = commands
        self._names = names
        self._ring = ring
        self._clock = clock

    async def admits(self, session: Session) -> bool:
        """Return whether a new session may begin."""
        since = min(session.begun_at, self._since())
        return not (await self._standing(session, since)).has_ended

    async def standing(self, session: Session) -> Standing:
        """Return how a session stands that a browser brought."""
        standing = await self._standing(session, self._since())
        successor = standing.successor
        if successor is None or successor.version <= session.version:
            return Standing(standing.has_ended)
        return standing

    async def succeed(self, session: Session) -> Standing:
        """Remember *session* as the successor of the version before it."""
        sealed = self._ring.seal(Purpose.SESSION_IN_REDIS, pack(session), _context(session.id))
        more = (session.version, sealed, _SUCCESSOR_LIFE)
        return await self._standing(session, self._since(), *more)

    def _since(self) -> float:
        """Return since when Redis remembers, if it is empty."""
        return self._clock() - SINCE_LEEWAY_SECONDS

    async def _standing(self, session: Session, since: float, *more: object) -> Standing:
        names = self._names
        keys = [
            names.since,
            names.ended(session.id),
            *names.ends_of(session),
            names.successor(session.id),
        ]
        sealed = await self._commands.run(STANDING, keys, [session.begun_at, since, *more])
        if sealed is None:
            return Standing(has_ended=True)
        return Standing(has_ended=False, successor=self._open(session.id, sealed))

    async def successor(self, session_id: bytes) -> Session | None:
        """Return the later version of a session that is remembered."""
        sealed = await self._commands.ask("HGET", self._names.successor(session_id), "sealed")
        session = None if sealed is None else self._open(session_id, sealed)
        if session is None or (await self.standing(session)).has_ended:
            return None
        return session

    def _open(self, session_id: bytes, sealed: bytes) -> Session | None:
        plain = self._ring.open(Purpose.SESSION_IN_REDIS, sealed, _context(session_id))
        return None if plain is None else unpack(plain)

    async def end(self, session_id: bytes, until: float) -> bool:
        """End a session; return whether it had not ended."""
        keys = [self._names.ended(session_id), self._names.successor(session_id)]
        return bool(await self._commands.run(END_ONE, keys, [self._life(until)]))

    async def end_all(self, which: Ended, until: float) -> frozenset[bytes]:
        """End sessions, known or not; return those that are kept in Redis."""
        names, issuer = self._names, which.issuer
        ended: list[bytes] = []
        if which.sid is not None:
            keys = [names.of_sid(issuer, which.sid), names.ended_sid(issuer, which.sid)]
            before = max(which.before, self._clock() + SID_LEEWAY_SECONDS)
            ended += await self._end_all(issuer, keys, (_EVER, before), until)
        if which.subject is not None:
            keys = [names.of_subject(which.subject), names.ended_subject(issuer, which.subject)]
            ended += await self._end_all(issuer, keys, (which.before, which.before), until)
        return frozenset(bytes.fromhex(one.decode()) for one in ended)

    async def _end_all(
        self, issuer: str, keys: list[bytes], before: tuple[float, float], until: float
    ) -> list[bytes]:
        listed, end = keys
        arguments = [self._names.sessions, issuer_mark(issuer), *before, self._life(until)]
        keys = [listed, self._names.everyone, end]
        ended: list[bytes] = await self._commands.run(END_ALL, keys, arguments)
        return ended

    def _life(self, until: float) -> int:
        return milliseconds(until - self._clock())

    async def use_once(self, token: bytes, seconds: float) -> bool:
        """Return whether *token* was not used in the last *seconds*, and note that it is now."""
        life = milliseconds(seconds)
        return bool(await self._commands.ask("SET", self._names.used(token), 1, "NX", "PX", life))

    async def lock(self, session_id: bytes, seconds: float) -> str | None:
        """Return a ticket if nobody refreshes this session now, else None."""
        ticket = token_urlsafe(16)
        command = ("SET", self._names.lock(session_id), ticket, "NX", "PX", milliseconds(seconds))
        return ticket if await self._commands.ask(*command) else None

    async def unlock(self, session_id: bytes, ticket: str) -> None:
        """Give back a *ticket* of ``lock``, which may have run out."""
        await self._commands.run(UNLOCK, [self._names.lock(session_id)], [ticket])

    async def close(self) -> None:
        """Close the connection."""
        await self._commands.close()


def _context(session_id: bytes) -> bytes:
    return b"successor:" + session_id
