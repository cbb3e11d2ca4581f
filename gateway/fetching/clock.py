"""The clock of fetched documents; tests replace it to avoid waiting."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock in seconds, with an arbitrary zero."""

    def now(self) -> float:
        """Return the current time in seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once *seconds* have passed."""
        ...


class SystemClock:
    """The machine's monotonic clock: setting the wall clock does not age documents."""

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*."""
        await asyncio.sleep(seconds)
