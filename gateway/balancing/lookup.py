"""When a name is looked up again, and which addresses it has meanwhile."""

from collections.abc import Iterable
from typing import Final

# However often connections fail: a name server is asked no more often than this for one name.
MIN_PAUSE_SECONDS: Final = 1.0

# As long as no address is known, requests fail: the name is looked up again this soon.
UNKNOWN_PAUSE_SECONDS: Final = 2.0

# Of the pause: names that were looked up at one moment are not all looked up again at one.
SPREAD_SHARE: Final = 0.2


class Lookup:
    """One name: its *addresses*, as long as nothing better is known.

    *error* says why the last look-up failed, and is empty where it did not.
    """

    __slots__ = ("_began_at", "_every_seconds", "addresses", "due_at", "error", "is_running")

    def __init__(self, every_seconds: float) -> None:
        self._every_seconds = every_seconds
        self._began_at = float("-inf")
        self.addresses: tuple[str, ...] = ()
        self.due_at = float("-inf")
        self.error = ""
        self.is_running = False

    def begin(self, now: float) -> None:
        """Take that it is being looked up."""
        self.is_running = True
        self._began_at = now

    def find(self, addresses: Iterable[str], now: float, luck: float) -> bool:
        """Take what was found; return whether the addresses are others than before.

        *luck* is from 0 to 1. In the order of the name server those found before come first,
        or each answer of one that turns its list around would count as another set.
        """
        found = tuple(dict.fromkeys(addresses))
        kept = tuple(one for one in self.addresses if one in found)
        merged = (*kept, *(one for one in found if one not in kept))
        is_other = bool(merged) and merged != self.addresses
        if is_other:
            self.addresses = merged
        self._end(now, luck, "" if merged else "it has no address")
        return is_other

    def fail(self, error: str, now: float, luck: float) -> None:
        """Take that nothing was found; what was known before stays."""
        self._end(now, luck, error)

    def _end(self, now: float, luck: float, error: str) -> None:
        self.is_running = False
        self.error = error
        pause = self._every_seconds
        if not self.addresses:
            pause = min(pause, UNKNOWN_PAUSE_SECONDS)
        self.due_at = now + pause * (1 + SPREAD_SHARE * (luck - 0.5))

    def hurry(self) -> None:
        """Look it up soon: an address of it could not be connected to."""
        self.due_at = min(self.due_at, self._began_at + MIN_PAUSE_SECONDS)

    def is_due(self, now: float) -> bool:
        """Return whether it is to be looked up now."""
        return not self.is_running and self.due_at <= now
