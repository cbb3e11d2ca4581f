"""Sessions in Redis, for all gateways that share it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from secrets import token_bytes
from time import time
from typing import Final

from gateway.login.sealing import KeyRing, Purpose
from gateway.login.session import Session
from gateway.login.store import Ended, Kept, StoreUnavailable
from gateway.login.stores.memory import MOST_OF_SUBJECT, id_of_secret, new_secret
from gateway.login.stores.packed import pack, unpack
from gateway.login.stores.redis_commands import RedisCommands
from gateway.login.stores.redis_ledger import RedisLedger
from gateway.login.stores.redis_scripts import (
    BEGIN,
    END,
    REPLACE,
    TOUCH,
    Names,
    issuer_mark,
    milliseconds,
)
from gateway.settings.values.rates import Redis

# A login that began before a logout, and comes after it, does so within this time.
_LOGIN_SECONDS: Final = 600.0

# How many sessions are read at once for a list: some 200 KiB.
_PAGE: Final = 50


class RedisStore:
    """Keeps sessions in the Redis of *settings*, sealed with *ring*.

    A key holds the hash of a cookie and a value is bound to its key: whoever reads Redis cannot use
    a session, and whoever writes there cannot make one, nor give one browser the session of
    another. A session that no key of *ring* opens is none.

    At most *most_of_subject* sessions of one subject at an issuer are kept, as in memory.
    """

    is_shared = True

    def __init__(
        self,
        settings: Redis,
        ring: KeyRing,
        clock: Callable[[], float] = time,
        random: Callable[[int], bytes] = token_bytes,
        most_of_subject: int = MOST_OF_SUBJECT,
    ) -> None:
        self._ring = ring
        self._clock = clock
        self._random = random
        self._most_of_subject = most_of_subject
        self._names = Names(settings.prefix)
        self._commands = RedisCommands(settings)
        self._ledger = RedisLedger(self._commands, self._names, ring, clock)

    async def begin(self, session: Session) -> Kept | None:
        """Keep a new *session*; None if it was ended meanwhile."""
        names = self._names
        value, session_id = new_secret(self._random)
        begun = replace(session, id=session_id)
        of_subject = names.of_subject(begun.subject)
        of_sid = of_subject if begun.sid is None else names.of_sid(begun.issuer, begun.sid)
        keys = [names.session(session_id), of_subject, of_sid, names.everyone]
        arguments = [
            session_id.hex(),
            self._seal(begun),
            begun.version,
            begun.used_at,
            begun.begun_at,
            begun.ends_at,
            self._life(begun, begun.used_at),
            issuer_mark(begun.issuer),
            names.sessions,
            self._clock(),
            self._most_of_subject,
        ]
        displaced = await self._commands.run(BEGIN, [*keys, *names.ends_of(begun)], arguments)
        if displaced is None:
            return None
        return Kept(begun, value, frozenset((bytes.fromhex(displaced.decode()),)) - {b""})

    async def read(self, value: str) -> Kept | None:
        """Return the session of a cookie's *value*; None if there is none, or it has ended."""
        session_id = id_of_secret(value)
        session = None if session_id is None else await self.get(session_id)
        return None if session is None else Kept(session)

    async def get(self, session_id: bytes) -> Session | None:
        """Return a session by its id, as it is now."""
        command = ("HMGET", self._names.session(session_id), "sealed", "used")
        session = self._open(session_id, await self._commands.ask(*command))
        return None if session is None or self._is_over(session) else session

    async def replace(self, session: Session) -> Kept | None:
        """Keep what a refresh changed; return what is kept now."""
        arguments = [session.version, self._seal(session)]
        kept = await self._commands.run(REPLACE, [self._names.session(session.id)], arguments)
        latest = None if kept is None else self._open(session.id, kept)
        return None if latest is None or self._is_over(latest) else Kept(latest)

    async def touch(self, session: Session, now: float) -> str | None:
        """Note that the session was used."""
        arguments = [now, self._life(session, now), session.idle_seconds]
        await self._commands.run(TOUCH, [self._names.session(session.id)], arguments)
        return None

    async def end(self, session_id: bytes) -> bool:
        """End a session for good; return whether there was one."""
        arguments = [self._names.sessions, session_id.hex()]
        return bool(await self._commands.run(END, [self._names.everyone], arguments))

    async def end_all(self, which: Ended) -> frozenset[bytes]:
        """End the sessions of a back-channel logout, or of a subject; return them."""
        return await self._ledger.end_all(which, self._clock() + _LOGIN_SECONDS)

    async def sessions(self, subject: str | None, most: int) -> Sequence[Session]:
        """Return the sessions there are, newest first."""
        names = self._names
        listed = names.everyone if subject is None else names.of_subject(subject)
        found: list[Session] = []
        start = 0
        while len(found) < most:
            ids = await self._commands.ask("ZREVRANGE", listed, start, start + _PAGE - 1)
            read = await asyncio.gather(*(self.get(bytes.fromhex(one.decode())) for one in ids))
            found += [one for one in read if one is not None]
            start += _PAGE
            if len(ids) < _PAGE:
                break
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
        """Close the connection."""
        await self._commands.close()

    def _is_over(self, session: Session) -> bool:
        # Redis has its own clock.
        return session.expires_at <= self._clock()

    def _life(self, session: Session, used_at: float) -> int:
        return milliseconds(replace(session, used_at=used_at).expires_at - self._clock())

    def _seal(self, session: Session) -> str:
        return self._ring.seal(Purpose.SESSION_IN_REDIS, pack(session), _context(session.id))

    def _open(self, session_id: bytes, kept: Sequence[bytes | None]) -> Session | None:
        sealed, used = kept
        if sealed is None or used is None:
            return None
        plain = self._ring.open(Purpose.SESSION_IN_REDIS, sealed, _context(session_id))
        session = None if plain is None else unpack(plain)
        if session is None:
            return None
        try:
            return replace(session, used_at=max(session.used_at, float(used)))
        except ValueError:
            raise StoreUnavailable("a session in Redis is not as it was written") from None


def _context(session_id: bytes) -> bytes:
    return b"session:" + session_id
