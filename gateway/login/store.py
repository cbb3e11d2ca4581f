"""What a store of sessions does; it may be memory, Redis, or the browser's own cookies."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.login.session import Session


class StoreUnavailable(Exception):  # noqa: N818 - the outside world failed, not this program
    """The store cannot be asked; the text says why, without secrets."""


class SessionTooLarge(Exception):  # noqa: N818 - what the issuer sent is too large, no error of ours
    """The session does not fit in cookies; the text names its sizes, without secrets."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as it is kept, and the value of its cookie if the browser's is to be replaced.

    *displaced* are other sessions of the same subject that ended because there were too many.
    """

    session: Session
    value: str | None = field(default=None, repr=False)
    displaced: frozenset[bytes] = frozenset()


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
    """Keeps sessions; every method may raise StoreUnavailable, and then nobody knows what changed.

    A *value* is what the session cookie holds, chunks joined. It is secret: nothing that a store
    keeps or logs lets anyone find it.
    """

    @property
    def is_shared(self) -> bool:
        """Return whether other gateways may end sessions: then a view is good for a second."""
        ...

    async def begin(self, session: Session) -> Kept | None:
        """Keep a new *session*; return it with its id and the value of its cookie.

        None if it was ended meanwhile, by ``end_all``. Raises SessionTooLarge.
        """
        ...

    async def read(self, value: str) -> Kept | None:
        """Return the session of a cookie's *value*; None if there is none, or it has ended.

        The cookie of the version before a refresh is good for the later one, for a minute.
        """
        ...

    async def get(self, session_id: bytes) -> Session | None:
        """Return a session by its id, as it is now; in the cookie store only if it is known."""
        ...

    async def replace(self, session: Session) -> Kept | None:
        """Keep what a refresh changed; return what is kept now.

        A refresh changes tokens, claims and the version alone. If the same version or a later one
        is kept already, it stays. None if the session has ended. Raises SessionTooLarge.
        """
        ...

    async def touch(self, session: Session, now: float) -> str | None:
        """Note that the session was used; return the new value of its cookie if that changes."""
        ...

    async def end(self, session_id: bytes) -> bool:
        """End a session for good; return whether there was one."""
        ...

    async def end_all(self, which: Ended) -> frozenset[bytes]:
        """End the sessions of a back-channel logout, or of a subject; return those that are known.

        Sessions that are not known, because browsers keep them or their login is under way, do not
        begin either.
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
