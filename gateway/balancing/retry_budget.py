"""Bound how many requests are sent a second time."""

from typing import Final

# Whatever the share, so many are allowed at once, and each second: a quiet upstream would have
# none. The numbers are those of Finagle.
PER_SECOND: Final = 10.0

# Of what is not used half is gone after this long: saved up over a night, it would be spent in
# the worst moment of the day.
KEPT_SECONDS: Final = 10.0


class RetryBudget:
    """A *share* of a retry for each request, and a few in every second besides.

    Nobody counts requests for it: ``withdraw`` is told how many there ever were.
    """

    __slots__ = ("_at", "_left", "_requests", "_share")

    def __init__(self, share: float, requests: int, now: float) -> None:
        self._share = share
        self._requests = requests
        self._at = now
        self._left = PER_SECOND

    def withdraw(self, requests: int, now: float) -> bool:
        """Return whether one more of the *requests* until now may be sent again; count it if so."""
        seconds = max(0.0, now - self._at)
        sent = max(0, requests - self._requests)
        self._at, self._requests = now, requests
        # Behind a long pause: what was earned in its last part, if it was earned evenly.
        recent = min(1.0, KEPT_SECONDS / seconds) if seconds else 1.0
        earned = recent * (self._share * sent + PER_SECOND * seconds)
        self._left = self._left * 0.5 ** (seconds / KEPT_SECONDS) + earned
        if self._left < 1:
            return False
        self._left -= 1
        return True
