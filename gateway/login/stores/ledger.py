"""What sessions in cookies need remembered elsewhere: which have ended, and what replaced them."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from gateway.login.session import Session
from gateway.login.store import Ended

# How long a cookie is good for the session that replaced its own: requests in flight bring it.
SUCCESSOR_SECONDS: Final = 60.0

# A provider's session that was logged out does not come back; this is for clocks that differ.
SID_LEEWAY_SECONDS: Final = 60.0

# A ledger that has lost its memory takes the sessions before that for ended, but not the logins
# under way: the ``iat`` of an ID token has no fractions, and its clock may differ.
SINCE_LEEWAY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a session has ended, and if not, the later version of it that is remembered."""

    has_ended: bool
    successor: Session | None = field(default=None, repr=False)


class Ledger(Protocol):
    """Remembers what must not be forgotten; as ``SessionStore``, raises StoreUnavailable.

    It remembers each thing for as long as it matters, and forgets it then.
    """

    @property
    def is_shared(self) -> bool:
        """Return whether other gateways write here, too."""
        ...

    async def admits(self, session: Session) -> bool:
        """Return whether a new session may begin: not if it was ended meanwhile."""
        ...

    async def standing(self, session: Session) -> Standing:
        """Return how a session stands that a browser brought."""
        ...

    async def succeed(self, session: Session) -> Standing:
        """Remember *session* as the successor of the version before it.

        Unless it has ended, or a version that is as late is there: that one is returned.
        """
        ...

    async def successor(self, session_id: bytes) -> Session | None:
        """Return the later version of a session that is remembered."""
        ...

    async def end(self, session_id: bytes, until: float) -> bool:
        """End a session; no cookie of it outlives *until*. Return whether it had not ended."""
        ...

    async def end_all(self, which: Ended, until: float) -> frozenset[bytes]:
        """End sessions, of which no cookie outlives *until*; return those that are kept here."""
        ...

    async def use_once(self, token: bytes, seconds: float) -> bool:
        """As ``SessionStore.use_once``."""
        ...

    async def lock(self, session_id: bytes, seconds: float) -> str | None:
        """As ``SessionStore.lock``."""
        ...

    async def unlock(self, session_id: bytes, ticket: str) -> None:
        """As ``SessionStore.unlock``."""

    async def close(self) -> None:
        """Close connections."""
