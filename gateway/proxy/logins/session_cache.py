"""The sessions that requests use: each is found once, and again only when its view is due."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from gateway.decision.head import SessionCredential
from gateway.decision.reason import Reason
from gateway.decision.token import SignedToken
from gateway.http.reading.cookies import OwnCookies
from gateway.login.requests import Logins, LoginsGone
from gateway.login.session import SessionView
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.telemetry.logs.quoting import Json, quote
from gateway.telemetry.metrics.counts import Metrics

# Of each generation. A session takes some 10 KiB: its token, and what was read from it.
_CAPACITY: Final = 4096


class Patience(NamedTuple):
    """How long a request waits for its session: if its last view may still be used, or without."""

    slow_seconds: float = 1.0
    most_seconds: float = 10.0


_PATIENCE: Final = Patience()

# How long after ``check_at`` a view may be used at most, if nobody can say what became of it.
_GRACE_SECONDS: Final = 10.0

# Questions in flight; if there are more, whoever keeps the sessions does not keep up.
_MOST_QUESTIONS: Final = 1024

# How often a session is asked about that ends again and again while it is found.
_MOST_TRIES: Final = 3


class CachedSession:
    """A *view* of a session, and the *credential* that the decision judges in its name.

    *cookies* are those of the session, by name, for the next question.
    """

    __slots__ = ("_log_login", "cookies", "credential", "view")

    def __init__(self, view: SessionView, cookies: Mapping[str, str]) -> None:
        self.view = view
        self.cookies = cookies
        self.credential = SessionCredential(view.login, (b"Bearer " + view.token,))
        self._log_login: Json = quote(view.login)

    def __repr__(self) -> str:
        """Show neither token nor cookies."""
        return f"CachedSession({self.view.id.hex()[:8]})"

    def remember(self, token: SignedToken) -> SignedToken:
        """Remember the verified *token* of this session; return it as it is logged.

        The access log shows by which login the caller came. The member is part of the token's
        subject, so that requests with a bearer token need not be told apart for it.
        """
        if token is self.credential.known:
            return token
        log_subject = b'%b,"login":%b' % (token.log_subject, self._log_login)
        known = replace(token, log_subject=log_subject)
        self.credential = self.credential._replace(known=known)
        return known

    def may_stand_in(self, now: float) -> bool:
        """Return whether this view may still be used at *now* if there is no news of it."""
        known = self.credential.known
        if known is None:
            return False
        expires_at = known.claims.expires_at + known.issuer.leeway_seconds
        return now < min(self.view.check_at + _GRACE_SECONDS, expires_at)


class SessionCache:
    """The sessions in use, by ``OwnCookies.key``.

    Two generations: when the young one is full it becomes the old one, so that made-up cookies
    evict only what nobody uses. *clock* returns seconds since the epoch.
    """

    def __init__(
        self,
        logins: Logins,
        clock: Callable[[], float],
        metrics: Metrics,
        patience: Patience = _PATIENCE,
        capacity: int = _CAPACITY,
    ) -> None:
        self._patience = patience
        self._capacity = capacity
        self._logins = logins
        self._clock = clock
        self._metrics = metrics
        self._young: dict[bytes, CachedSession] = {}
        self._old: dict[bytes, CachedSession] = {}
        self._asking: dict[bytes, asyncio.Task[CachedSession | Reason | None]] = {}
        # Sessions that ended while a question was in flight: its answer may be older than the end.
        self._ended: dict[bytes, int] = {}
        self._endings = 0
        self._listeners: list[Callable[[frozenset[bytes]], None]] = []
        logins.subscribe(self._end)

    def __len__(self) -> int:
        """Return how many sessions are kept."""
        return len(self._young) + len(self._old)

    def subscribe(self, ended: Callable[[frozenset[bytes]], None]) -> None:
        """Call *ended* with the ids of sessions that ended."""
        self._listeners.append(ended)

    def recall(self, key: bytes) -> CachedSession | None:
        """Return the session with *key* if nothing has to be asked, or sent to its browser."""
        found = self._young.get(key) or self._recall_old(key)
        if found is None or found.view.cookies or found.view.check_at <= self._clock():
            return None
        self._metrics.sessions_cached += 1
        return found

    def _recall_old(self, key: bytes) -> CachedSession | None:
        found = self._old.pop(key, None)
        if found is not None:
            self._keep(key, found)
        return found

    def _keep(self, key: bytes, session: CachedSession) -> None:
        if len(self._young) >= self._capacity and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = session

    async def find(self, own: OwnCookies, *, anew: bool = False) -> CachedSession | Reason:
        """Return the session of *own* cookies; ask for it if its view is due, or *anew*.

        Reason.LOGIN_REQUIRED if there is none, SESSIONS_UNAVAILABLE or LOGIN_UNAVAILABLE if that
        cannot be known now. Requests that need the same session share one question.
        """
        key = own.key
        last = self._last(key)
        if last is not None and not anew and last.view.check_at > self._clock():
            self._metrics.sessions_cached += 1
            return last
        asking = self._asking.get(key)
        if asking is None and len(self._asking) >= _MOST_QUESTIONS:
            return self._stand_in(key) or Reason.SESSIONS_UNAVAILABLE
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask(key, own.session))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._answered(key))
        can_go_on = not anew and self._stand_in(key) is not None
        patience = self._patience
        seconds = patience.slow_seconds if can_go_on else patience.most_seconds
        # Waited for, not awaited: a client that disconnects does not cancel it for others.
        await asyncio.wait({asking}, timeout=seconds)
        answer = asking.result() if asking.done() else None
        if answer is None and not anew:
            answer = self._stand_in(key)
        return answer or Reason.SESSIONS_UNAVAILABLE

    def _last(self, key: bytes) -> CachedSession | None:
        return self._young.get(key) or self._old.get(key)

    def _stand_in(self, key: bytes) -> CachedSession | None:
        """Return what is known of a session, if it may be used without an answer."""
        last = self._last(key)
        return last if last is not None and last.may_stand_in(self._clock()) else None

    async def _ask(self, key: bytes, cookies: Mapping[str, str]) -> CachedSession | Reason | None:
        """Return the session, or why there is none; None if there is nobody to ask."""
        try:
            for _ in range(_MOST_TRIES):
                asked_at = self._endings
                found = await self._logins.find(cookies)
                if isinstance(found, Reason):
                    return self._miss(key, found)
                if self._ended.get(found.id, 0) <= asked_at:
                    return self._hit(key, found, cookies)
        except LoginsGone:
            return None
        except Exception as bug:
            report_unexpected_error("a session could not be found", bug)
            return Reason.INTERNAL_ERROR
        return Reason.SESSIONS_UNAVAILABLE

    def _hit(self, key: bytes, view: SessionView, cookies: Mapping[str, str]) -> CachedSession:
        self._metrics.sessions_found += 1
        found, last = CachedSession(view, cookies), self._last(key)
        if last is not None and last.view.token == view.token and last.view.login == view.login:
            found.credential = last.credential  # the token is verified already
        self._old.pop(key, None)
        self._keep(key, found)
        return found

    def _miss(self, key: bytes, reason: Reason) -> Reason:
        if reason is Reason.LOGIN_REQUIRED:
            self._metrics.sessions_missing += 1
            self._young.pop(key, None)
            self._old.pop(key, None)
        else:
            self._metrics.sessions_unavailable += 1
        return reason

    def _answered(self, key: bytes) -> None:
        del self._asking[key]
        if not self._asking:
            self._ended.clear()

    def _end(self, ids: frozenset[bytes]) -> None:
        """Forget the sessions with these *ids*, which have ended."""
        if self._asking:
            self._endings += 1
            self._ended.update(dict.fromkeys(ids, self._endings))
        for generation in (self._young, self._old):
            for key in [key for key, one in generation.items() if one.view.id in ids]:
                del generation[key]
        for listener in self._listeners:
            listener(ids)
