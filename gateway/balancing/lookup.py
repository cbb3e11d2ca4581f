"""When a name is looked up again, and which addresses it has until then."""

from collections.abc import Iterable
from typing import Final

# However often connections fail, one name is not looked up more often than this.
MIN_PAUSE_SECONDS: Final = 1.0

# While no address is known, requests fail, so the name is looked up again this soon.
UNKNOWN_PAUSE_SECONDS: Final = 2.0

# A share of the pause, so that names that were looked up at once are not looked up again at once.
SPREAD_SHARE: Final = 0.2


class Lookup:
    """One name and the *addresses* that were found last.

    *error* says why the last look-up failed, and is empty if it did not.
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
        """Note that a look-up has begun."""
        self.is_running = True
        self._began_at = now

    def find(self, addresses: Iterable[str], now: float, luck: float) -> bool:
        """Take the addresses found; return whether they are other ones than before.

        *luck* is from 0 to 1. Known addresses keep their order and come first: a name server that
        rotates its list would otherwise seem to change it each time.
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
        """Note that the look-up failed; the addresses stay."""
        self._end(now, luck, error)

    def _end(self, now: float, luck: float, error: str) -> None:
        self.is_running = False
        self.error = error
        pause = self._every_seconds
        if not self.addresses:
            pause = min(pause, UNKNOWN_PAUSE_SECONDS)
        self.due_at = now + pause * (1 + SPREAD_SHARE * (luck - 0.5))

    def hurry(self) -> None:
        """Look it up soon: a connection to one of its addresses failed."""
        self.due_at = min(self.due_at, self._began_at + MIN_PAUSE_SECONDS)

    def is_due(self, now: float) -> bool:
        """Return whether it is time to look it up."""
        return not self.is_running and self.due_at <= now
