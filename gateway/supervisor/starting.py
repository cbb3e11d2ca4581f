"""Decide when workers may start: not during a switch, and with a backoff after crashes."""

import asyncio


class StartGate:
    """Entered (``async with``) while a worker starts; closed while all workers switch."""

    def __init__(self) -> None:
        self._in_progress = 0
        self._is_idle = asyncio.Event()
        self._is_free = asyncio.Event()
        self._is_idle.set()
        self._is_free.set()

    async def __aenter__(self) -> None:
        """Wait until the gate is open."""
        while not self._is_free.is_set():
            await self._is_free.wait()
        self._in_progress += 1
        self._is_idle.clear()

    async def __aexit__(self, *_: object) -> None:
        """Note that the worker has started, or failed to."""
        self._in_progress -= 1
        if self._in_progress == 0:
            self._is_idle.set()

    async def hold(self) -> None:
        """Close the gate until ``release``, and wait for the starts in progress."""
        self._is_free.clear()
        await self._is_idle.wait()

    def release(self) -> None:
        """Open the gate."""
        self._is_free.set()


# A worker that served for this long did not crash because of its configuration.
STABLE_SECONDS = 10.0

_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0

# The next start may succeed, if the machine was short of something. After this many crashes the
# gateway reports not ready.
MOST_CRASHES = 3


class Restarts:
    """The crashes in one slot: their *total*, and those *in_a_row* without a stable worker."""

    def __init__(self) -> None:
        self.total = 0
        self.in_a_row = 0

    def after_crash(self, served_seconds: float) -> float:
        """Note a crash; return the pause before the restart: none after a stable worker."""
        self.total += 1
        if served_seconds >= STABLE_SECONDS:
            self.in_a_row = 0
        self.in_a_row += 1
        if self.in_a_row == 1:
            return 0.0
        doublings = min(self.in_a_row - 2, 16)  # a larger power overflows a float
        return min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0**doublings)

    def keeps_crashing(self, serves_seconds: float) -> bool:
        """Return whether workers keep crashing.

        *serves_seconds* is how long the current worker has served, 0 if there is none.
        """
        return self.in_a_row > MOST_CRASHES and serves_seconds < STABLE_SECONDS
