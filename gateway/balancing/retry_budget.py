"""Limit how many requests are retried."""

from typing import Final

# Whatever the share, so many are allowed at once, and each second: otherwise a quiet upstream
# would have none. The numbers are those of Finagle.
PER_SECOND: Final = 10.0

# Half of an unused budget is gone after this long: saved up over a night, it would be spent at
# the worst moment of the day.
KEPT_SECONDS: Final = 10.0


class RetryBudget:
    """A *share* of a retry for each request, and a few each second besides.

    Requests need not be counted for it: ``withdraw`` gets the total number so far.
    """

    __slots__ = ("_at", "_left", "_requests", "_share")

    def __init__(self, share: float, requests: int, now: float) -> None:
        self._share = share
        self._requests = requests
        self._at = now
        self._left = PER_SECOND

    def withdraw(self, requests: int, now: float) -> bool:
        """Return whether one more of the *requests* so far may be retried; count it if so."""
        seconds = max(0.0, now - self._at)
        sent = max(0, requests - self._requests)
        self._at, self._requests = now, requests
        # After a long pause only what was earned in its last part counts, as if earned evenly.
        recent = min(1.0, KEPT_SECONDS / seconds) if seconds else 1.0
        earned = recent * (self._share * sent + PER_SECOND * seconds)
        self._left = self._left * 0.5 ** (seconds / KEPT_SECONDS) + earned
        if self._left < 1:
            return False
        self._left -= 1
        return True
