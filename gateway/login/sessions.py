"""Find sessions by their cookies, refresh their tokens ahead of expiry, and end them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf, nextafter
from typing import Final, assert_never

from gateway.decision.reason import Reason
from gateway.login.client import LoginClient, Lost, NotRenewed, Renewed
from gateway.login.cookies import join_chunks, set_session
from gateway.login.kept import LoginsKept
from gateway.login.session import Session, SessionView
from gateway.login.store import (
    Ended,
    Kept,
    SessionStore,
    SessionTooLarge,
    StoreUnavailable,
)
from gateway.settings.values.login import SessionStoreKind

_log = logging.getLogger(__name__)

# After a refresh that failed: at most one try a second for each session.
PAUSE_SECONDS: Final = 1.0

# How often a gateway looks whether another one has refreshed the session.
_POLL_SECONDS: Final = 0.05

# A view is good for a quarter of the idle time, and no longer than this.
_MAX_VIEW_SECONDS: Final = 60.0
_SHARED_VIEW_SECONDS: Final = 1.0
_REFRESHING_VIEW_SECONDS: Final = 0.5

# So long before its end a token is not given out any more, if a new one can be waited for: the
# request has yet to be decided.
_LAST_USE_SECONDS: Final = 0.1

# A use is written down once in a tenth of the idle time, or in half a minute: a store, or a
# browser that gets a new cookie each time, has less to do.
_IDLE_SHARE: Final = 0.1
_MAX_UNTOUCHED_SECONDS: Final = 30.0

# Besides two requests to the issuer, for tokens and for keys, within which a refresh ends.
_LOCK_MARGIN_SECONDS: Final = 5.0

# A session without a refresh token that is not known is listed by nobody.
MAX_LISTED: Final = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """A session as it was found by *cookie*, the value that the browser sent."""

    session: Session
    store: SessionStore
    client: LoginClient
    cookie: str = field(repr=False)
    value: str | None = field(default=None, repr=False)  # that replaces the browser's


class Sessions:
    """The sessions of all logins of one configuration.

    *clients* and *stores* are by the name of the login. *clock* returns seconds since the epoch.
    """

    def __init__(
        self,
        clients: Mapping[str, LoginClient],
        stores: Mapping[str, SessionStore],
        kept: LoginsKept,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clients = clients
        self._by_login = stores
        # Those that fail with nobody else come first: a session in memory needs no Redis.
        by_distance = sorted(stores.values(), key=lambda store: store.is_shared)
        self._stores = tuple(dict.fromkeys(by_distance))
        self._kept = kept
        self._clock = clock
        self._sleep = sleep
        self._last_words: dict[str, str] = {}
        self._refreshing: set[asyncio.Task[Kept | Reason]] = set()

    async def find(self, cookies: Mapping[str, str]) -> SessionView | Reason:
        """Return the session that *cookies* stand for, refreshed if it is time, or why not."""
        try:
            held = await self.read(cookies)
            found = Reason.LOGIN_REQUIRED if held is None else await self._view(held, cookies)
        except StoreUnavailable as failure:
            self.note("", str(failure))
            return Reason.SESSIONS_UNAVAILABLE
        if self._last_words.pop("", ""):
            _log.warning("sessions available again")
        return found

    async def read(self, cookies: Mapping[str, str]) -> Held | None:
        """Return the session that *cookies* stand for, as it is; None if there is none.

        Raises StoreUnavailable. A session of a login that a reload has removed, or whose issuer,
        client or store it has changed, is none.
        """
        cookie = join_chunks(cookies)
        if cookie is None:
            return None
        for store in self._stores:
            kept = await store.read(cookie)
            # Another store with the same keys opens it as well, and would forget its end sooner.
            if kept is not None and self._by_login.get(kept.session.login) is store:
                return await self._accept(kept, store, cookie)
        return None

    async def _accept(self, kept: Kept, store: SessionStore, cookie: str) -> Held | None:
        session = kept.session
        client = self._clients.get(session.login)
        if client is None or not client.owns(session):
            return None
        held = Held(session, store, client, cookie, kept.value)
        limits, now = client.login.session, self._clock()
        # A reload may have shortened either.
        idle_at = session.used_at + min(session.idle_seconds, limits.idle_seconds)
        if now < min(session.ends_at, session.begun_at + limits.total_seconds, idle_at):
            return held
        await self.end(held, "expired")
        return None

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._clock()

    async def use_once(self, client: LoginClient, token: bytes, seconds: float) -> bool:
        """Return whether *token* is used for the first time; raises StoreUnavailable."""
        return await self._by_login[client.login.name].use_once(token, seconds)

    async def begin(self, session: Session) -> Kept | None:
        """Keep a new session; None, StoreUnavailable and SessionTooLarge are as of the store."""
        kept = await self._by_login[session.login].begin(session)
        if kept is not None:
            self._kept.counts.ended[session.login, "displaced"] += len(kept.displaced)
            self._kept.tell(kept.displaced)
        return kept

    async def _view(self, held: Held, cookies: Mapping[str, str]) -> SessionView | Reason:
        found = await self._current(held)
        if isinstance(found, Reason):
            return found
        session, value, now = found.session, found.value, self._clock()
        limits = held.client.login.session
        untouched = min(limits.idle_seconds * _IDLE_SHARE, _MAX_UNTOUCHED_SECONDS)
        if now - session.used_at >= untouched:
            value = await held.store.touch(session, now) or value
        fields = () if value is None else tuple(one.encode() for one in set_session(value, cookies))
        return SessionView(
            session.id,
            session.login,
            session.subject,
            session.tokens.access,
            self._check_at(session, held, now),
            fields,
        )

    def _check_at(self, session: Session, held: Held, now: float) -> float:
        tokens = session.tokens
        if not _is_due(session, now):
            renew_at = tokens.access_expires_at if tokens.refresh is None else tokens.refresh_at
        else:
            last_use = tokens.access_expires_at - _LAST_USE_SECONDS
            renew_at = min(now + _REFRESHING_VIEW_SECONDS, last_use)
        seconds = min(held.client.login.session.idle_seconds / 4, _MAX_VIEW_SECONDS)
        if held.store.is_shared:
            seconds = min(seconds, _SHARED_VIEW_SECONDS)
        return min(renew_at, now + seconds, session.ends_at)

    # --- refreshing

    async def _current(self, held: Held) -> Kept | Reason:
        """Return the session with a token that is valid now, or why there is none."""
        session, now = held.session, self._clock()
        as_found = Kept(session, held.value)
        is_valid = now < session.tokens.access_expires_at
        if not _is_due(session, now):
            if is_valid:
                return as_found
            await self.end(held, "expired")  # no refresh token, and no token any more
            return Reason.LOGIN_REQUIRED
        if self._kept.is_paused(session.id, now) and session.id not in self._kept.refreshing:
            return as_found if is_valid else Reason.LOGIN_UNAVAILABLE
        refreshing = self._start_refresh(held)
        is_fresh = now < session.tokens.access_expires_at - _LAST_USE_SECONDS
        if is_fresh and held.client.login.session.store is not SessionStoreKind.COOKIE:
            return as_found
        found = await asyncio.shield(refreshing)
        if found is Reason.LOGIN_UNAVAILABLE and self._clock() < session.tokens.access_expires_at:
            return as_found
        return found

    def _start_refresh(self, held: Held) -> asyncio.Task[Kept | Reason]:
        """Return the refresh of the session in flight, of which there is one at most."""
        running, session_id = self._kept.refreshing, held.session.id
        if session_id not in running:
            name = f"refresh of a session of {held.client.login.name}"
            task = asyncio.create_task(self._refresh(held), name=name)
            running[session_id] = task
            self._refreshing.add(task)
            task.add_done_callback(lambda done: self._finish_refresh(session_id, done))
        return running[session_id]

    def _finish_refresh(self, session_id: bytes, done: asyncio.Task[Kept | Reason]) -> None:
        del self._kept.refreshing[session_id]
        self._refreshing.discard(done)
        error = None if done.cancelled() else done.exception()
        if isinstance(error, StoreUnavailable):
            self.note("", str(error))
        elif error is not None:
            _log.error("a refresh failed by a fault of the gateway", exc_info=error)

    async def _refresh(self, held: Held) -> Kept | Reason:
        """Refresh, unless another gateway does: the loser takes over what the winner got."""
        # Before the lock, which would run out meanwhile: then another gateway would send the same
        # refresh token, and the issuer take it for stolen.
        await held.client.endpoints()
        session_id, seconds = held.session.id, self._lock_seconds(held)
        ends_at = self._clock() + seconds
        while True:
            ticket = await held.store.lock(session_id, seconds)
            again = await held.store.read(held.cookie)
            if again is None:
                found: Kept | Reason | None = Reason.LOGIN_REQUIRED
            elif again.session.version > held.session.version:
                found = again
            elif ticket is None and self._clock() >= ends_at:
                found = Reason.LOGIN_UNAVAILABLE
            else:
                found = None
            if ticket is not None:
                try:
                    return found or await self._refresh_alone(held, again or Kept(held.session))
                finally:
                    with suppress(StoreUnavailable):  # it runs out
                        await held.store.unlock(session_id, ticket)
            if found is not None:
                return found
            await self._sleep(_POLL_SECONDS)

    async def finish(self, limit_seconds: float) -> None:
        """Let refreshes in flight finish: what the issuer has sent by then must be kept."""
        tasks = set(self._refreshing)
        if tasks:
            await asyncio.wait(tasks, timeout=limit_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lock_seconds(self, held: Held) -> float:
        return 2 * held.client.timeout_seconds + _LOCK_MARGIN_SECONDS

    async def _refresh_alone(self, held: Held, found: Kept) -> Kept | Reason:
        session = found.session
        unsaved = self._kept.unsaved.get(session.id)
        try:
            if unsaved is not None and unsaved.version > session.version:
                kept = await self._keep(held, unsaved)
                if isinstance(kept, Reason) or not _is_due(kept.session, self._clock()):
                    return kept
                session = kept.session  # only its refresh token is new
            return await self._apply(held, session, await held.client.refresh(session))
        except SessionTooLarge as failure:
            return await self._lose(held, session, str(failure))

    async def _apply(
        self, held: Held, session: Session, outcome: Renewed | NotRenewed | Lost
    ) -> Kept | Reason:
        match outcome:
            case Renewed(renewed):
                return await self._keep(held, renewed)
            case NotRenewed(detail, changed):
                self._count(held, "failed", detail)
                now = self._clock()
                self._kept.pause(session.id, now + PAUSE_SECONDS, now)
                if changed is not None:
                    await self._save(held, changed)
                return Reason.LOGIN_UNAVAILABLE
            case Lost(detail):
                return await self._lose(held, session, detail)
            case _:
                assert_never(outcome)

    async def _keep(self, held: Held, renewed: Session) -> Kept | Reason:
        kept = await self._save(held, renewed)
        if kept is None:  # it ended meanwhile
            await held.client.revoke(renewed.tokens)
            return Reason.LOGIN_REQUIRED
        self._count(held, "renewed", "")
        return kept

    async def _save(self, held: Held, session: Session) -> Kept | None:
        """Keep *session*, whose refresh token may be the only one that the issuer still takes."""
        self._kept.hold(session, self._clock())
        kept = await held.store.replace(session)
        self._kept.unsaved.pop(session.id, None)
        return kept

    async def _lose(self, held: Held, session: Session, detail: str) -> Kept | Reason:
        """End the session, unless another gateway has refreshed it with the same token."""
        again = await held.store.read(held.cookie)
        if again is not None and again.session.version > session.version:
            return again
        self._count(held, "lost", detail)
        await self.end(held, "lost")
        return Reason.LOGIN_REQUIRED

    def _count(self, held: Held, outcome: str, detail: str) -> None:
        name = held.client.login.name
        self._kept.counts.refreshes[name, outcome] += 1
        self.note(name, detail)

    def note(self, login: str, detail: str) -> None:
        """Log *detail*, of a login or of the store (empty), unless it is the last line again."""
        if detail and detail != self._last_words.get(login):
            where = f"login {login}: tokens not refreshed" if login else "sessions unavailable"
            _log.warning("%s: %s", where, detail)
        self._last_words[login] = detail

    # --- ending

    async def end(self, held: Held, cause: str) -> None:
        """End a session everywhere; *cause* is counted. Raises StoreUnavailable."""
        await held.store.end(held.session.id)
        self._kept.counts.ended[held.session.login, cause] += 1
        self._kept.tell(frozenset((held.session.id,)))

    async def end_by_id(self, session_id: bytes) -> bool:
        """End the session with this id; return whether there was one. Raises StoreUnavailable."""
        ended = [await store.end(session_id) for store in self._stores]
        if any(ended):
            self._kept.counts.ended["", "admin"] += 1
        self._kept.tell(frozenset((session_id,)))
        return any(ended)

    async def end_subject(self, subject: str) -> int:
        """End all sessions of *subject*, at every issuer; return how many are known to have been.

        Raises StoreUnavailable.
        """
        before = nextafter(self._clock(), inf)
        issuers = dict.fromkeys(client.iss for client in self._clients.values())
        orders = [Ended(iss, subject=subject, before=before) for iss in issuers]
        return len(frozenset[bytes]().union(*[await self.end_all(one, "admin") for one in orders]))

    async def end_all(self, which: Ended, cause: str) -> frozenset[bytes]:
        """End the sessions of *which* in every store; return their ids. Raises StoreUnavailable."""
        ended: frozenset[bytes] = frozenset()
        try:
            for store in self._stores:
                ended |= await store.end_all(which)
        finally:
            self._kept.counts.ended["", cause] += len(ended)
            self._kept.tell(ended)
        return ended

    async def listed(self, subject: str | None) -> Sequence[Session]:
        """Return the sessions of *subject*, or all, newest first. Raises StoreUnavailable."""
        # By their ids: stores with a key in common list the same ones.
        found = {
            one.id: one
            for store in self._stores
            for one in await store.sessions(subject, MAX_LISTED)
        }
        return sorted(found.values(), key=lambda one: one.begun_at, reverse=True)[:MAX_LISTED]


def _is_due(session: Session, now: float) -> bool:
    return session.tokens.refresh is not None and now >= session.tokens.refresh_at
