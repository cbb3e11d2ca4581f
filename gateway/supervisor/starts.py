"""Let workers start side by side, and none while all go over to another configuration."""

import asyncio


class Starts:
    """Entered (``async with``) while a worker starts; nobody enters while it is held."""

    def __init__(self) -> None:
        self._under_way = 0
        self._is_idle = asyncio.Event()
        self._is_free = asyncio.Event()
        self._is_idle.set()
        self._is_free.set()

    async def __aenter__(self) -> None:
        """Wait until workers may start."""
        while not self._is_free.is_set():
            await self._is_free.wait()
        self._under_way += 1
        self._is_idle.clear()

    async def __aexit__(self, *_: object) -> None:
        """Take that the worker has started, or has not."""
        self._under_way -= 1
        if self._under_way == 0:
            self._is_idle.set()

    async def hold(self) -> None:
        """Let nobody start any more, and wait for those who do, until ``release``."""
        self._is_free.clear()
        await self._is_idle.wait()

    def release(self) -> None:
        """Let workers start again."""
        self._is_free.set()
