"""Tickets in the memory of one gateway."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_bytes
from time import monotonic

from gateway.decision.reason import Reason
from gateway.tickets.ticket import (
    MOST_IN_ALL,
    MOST_OF_CALLER,
    Grant,
    key_of,
    new_ticket,
    seal,
    unseal,
)


@dataclass(slots=True, eq=False)
class _Kept:
    """A ticket until it expires; once it was used, *sealed* is empty."""

    sealed: bytes
    caller: bytes
    expires_at: float


class MemoryTickets:
    """Keeps tickets, sealed with themselves: no token can be read from memory without one.

    A used ticket counts until it would have expired, so that *most_of_caller* limits how fast a
    caller gets new ones. *clock* is monotonic.
    """

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        random: Callable[[int], bytes] = token_bytes,
        most_of_caller: int = MOST_OF_CALLER,
        most: int = MOST_IN_ALL,
    ) -> None:
        self._clock = clock
        self._random = random
        self._most_of_caller = most_of_caller
        self._most = most
        self._kept: dict[bytes, _Kept] = {}
        self._of_caller: Counter[bytes] = Counter()

    async def issue(self, grant: Grant, lifetime_seconds: float) -> str | Reason:
        """Return a new ticket, or why there is none."""
        now = self._clock()
        if len(self._kept) >= self._most or self._of_caller[grant.caller] >= self._most_of_caller:
            self._forget_expired(now)
        if self._of_caller[grant.caller] >= self._most_of_caller:
            return Reason.RATE_LIMITED
        if len(self._kept) >= self._most:
            return Reason.OVERLOADED
        ticket = new_ticket(self._random)
        kept = _Kept(seal(grant, ticket), grant.caller, now + lifetime_seconds)
        self._kept[key_of(ticket)] = kept
        self._of_caller[grant.caller] += 1
        return ticket.decode("ascii")

    async def redeem(self, ticket: bytes) -> Grant | None:
        """Return what *ticket* stands for, once; None if it is not valid."""
        kept = self._kept.get(key_of(ticket))
        if kept is None or not kept.sealed or kept.expires_at <= self._clock():
            return None
        sealed, kept.sealed = kept.sealed, b""
        return unseal(sealed, ticket)

    def _forget_expired(self, now: float) -> None:
        expired = [key for key, one in self._kept.items() if one.expires_at <= now]
        for key in expired:
            caller = self._kept.pop(key).caller
            self._of_caller[caller] -= 1
            if not self._of_caller[caller]:
                del self._of_caller[caller]

    def take_over(self, former: "MemoryTickets") -> None:
        """Go on with the tickets of *former*, which a reload replaces, while it does, too."""
        self._kept, self._of_caller = former._kept, former._of_caller
