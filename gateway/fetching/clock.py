"""The time that fetched documents live by, so that tests can move it without waiting."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """A source of seconds that never goes back; its zero means nothing."""

    def now(self) -> float:
        """Return the current time in seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once *seconds* have passed."""
        ...


class SystemClock:
    """The machine's monotonic clock: setting the wall clock never makes a document older."""

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*."""
        await asyncio.sleep(seconds)
