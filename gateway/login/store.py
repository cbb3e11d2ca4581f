"""What a store of sessions does; it may be memory, Redis, or the browser's own cookies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.login.session import Session


class StoreUnavailable(Exception):  # noqa: N818 - the outside world failed, not this program
    """The store cannot be asked; the text says why, without secrets."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Which sessions to end: those of *issuer* with this *sid*, or of *subject* begun before.

    *before* is in seconds since the epoch.
    """

    issuer: str
    sid: str | None = None
    subject: str | None = None
    before: float = 0.0


class SessionStore(Protocol):
    """Keeps sessions; every method may raise StoreUnavailable, and then has changed nothing.

    A *value* is what the session cookie holds, chunks joined. It is secret: nothing that a store
    keeps or logs lets anyone find it.
    """

    async def begin(self, session: Session) -> str:
        """Keep a new *session*; return the value of its cookie."""
        ...

    async def read(self, value: str) -> Session | None:
        """Return the session of a cookie's *value*; None if there is none, or it has ended."""
        ...

    async def get(self, session_id: bytes) -> Session | None:
        """Return a session by its id, as it is now; in the cookie store only if it is known."""
        ...

    async def replace(self, session: Session) -> str | None:
        """Keep what a refresh changed, unless the session ended or has a later version.

        Returns the new value of the cookie if that changes with it, else None.
        """
        ...

    async def touch(self, session: Session, now: float) -> str | None:
        """Note that the session was used; returns as ``replace``."""
        ...

    async def end(self, session_id: bytes) -> bool:
        """End a session for good; return whether there was one."""
        ...

    async def end_all(self, which: Ended) -> frozenset[bytes]:
        """End the sessions of a back-channel logout, or of a subject; return those that are known.

        Sessions that are not known, because browsers keep them, do not begin again either.
        """
        ...

    async def sessions(self, subject: str | None, most: int) -> Sequence[Session]:
        """Return the sessions there are, newest first; the cookie store knows none."""
        ...

    async def use_once(self, token: bytes, seconds: float) -> bool:
        """Return whether *token* was not used in the last *seconds*, and note that it is now."""
        ...

    async def lock(self, session_id: bytes, seconds: float) -> str | None:
        """Return a ticket if nobody refreshes this session now, else None; for all gateways."""
        ...

    async def unlock(self, session_id: bytes, ticket: str) -> None:
        """Give back a *ticket* of ``lock``, which may have run out."""

    async def close(self) -> None:
        """Close connections."""
