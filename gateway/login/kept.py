"""What logins keep over reloads: the stores, the refreshes in flight, the counts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Final

from gateway.decision.reason import Reason
from gateway.login.sealing import KEY_BYTES, KeyRing
from gateway.login.session import Session
from gateway.login.store import Kept
from gateway.login.stores.open_stores import OpenStores
from gateway.telemetry.metrics.logins import LoginMetrics

Listener = Callable[[frozenset[bytes]], None]

# Sessions whose refresh failed are remembered for a second each; this many at most.
_MAX_PAUSES: Final = 10_000

# Sessions that wait for their store: with more, those that are over make room.
_MAX_UNSAVED: Final = 1000


@dataclass(slots=True, eq=False)
class LoginsKept:
    """What a gateway's logins have once, whatever its configuration is at the moment.

    *stores* are those in use. *ring* seals logins under way if no key is configured. *refreshing*
    and *unsaved* are by the session's id: the refreshes in flight, and sessions with tokens that no
    store has taken yet. *listeners* hear of sessions that ended. *endings* are the hashes of logout
    tokens whose sessions could not be ended yet.
    """

    stores: OpenStores = field(default_factory=OpenStores)
    ring: KeyRing = field(default_factory=lambda: KeyRing([token_bytes(KEY_BYTES)]))
    refreshing: dict[bytes, asyncio.Task[Kept | Reason]] = field(default_factory=dict)
    unsaved: dict[bytes, Session] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    endings: set[bytes] = field(default_factory=set)
    counts: LoginMetrics = field(default_factory=LoginMetrics)
    _resumes_at: dict[bytes, float] = field(default_factory=dict)

    def hold(self, session: Session, now: float) -> None:
        """Hold a *session* with tokens that no store has taken yet, while it lasts."""
        if len(self.unsaved) >= _MAX_UNSAVED:
            self.unsaved = {
                one: held for one, held in self.unsaved.items() if held.expires_at > now
            }
        self.unsaved[session.id] = session

    def pause(self, session_id: bytes, until: float, now: float) -> None:
        """Let nobody refresh a session before *until*: its last refresh failed."""
        if len(self._resumes_at) >= _MAX_PAUSES:
            self._resumes_at = {one: at for one, at in self._resumes_at.items() if at > now}
        self._resumes_at[session_id] = until

    def is_paused(self, session_id: bytes, now: float) -> bool:
        """Return whether the last refresh of a session failed less than a second ago."""
        return now < self._resumes_at.get(session_id, now)

    def tell(self, ended: frozenset[bytes]) -> None:
        """Tell all listeners that these sessions ended."""
        for session_id in ended:
            self.unsaved.pop(session_id, None)
            self._resumes_at.pop(session_id, None)
        if ended:
            for listener in tuple(self.listeners):
                listener(ended)
