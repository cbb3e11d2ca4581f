"""Run work that may hang or compute for long in its own thread."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

R = TypeVar("R")

# Longer than most requests take, and far longer than a thread switch.
_TURN_SECONDS = 0.0005


def start_thread(work: Callable[[], R], name: str) -> asyncio.Future[R]:
    """Return a future for the result of *work*, which a thread called *name* runs.

    The event loop's own threads are few, and the process waits for them at its end: six files on a
    hanging network disk would block all other reads, and the exit. Callers that may be cancelled
    shield the future, which is done when the thread is.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            settle(future.set_exception, error)
        else:
            settle(future.set_result, result)

    def settle(setter: Callable[..., None], value: object) -> None:
        with suppress(RuntimeError):  # the loop ended before the work
            loop.call_soon_threadsafe(_settle, future, setter, value)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:
        future.set_exception(OSError("the machine has no thread left"))
    return future


class _ShortTurns:
    """Makes threads switch often while a computation runs; used by one thread only."""

    def __init__(self) -> None:
        self._computations = 0
        self._former_seconds = 0.0

    def __enter__(self) -> None:
        if self._computations == 0:
            self._former_seconds = sys.getswitchinterval()
            sys.setswitchinterval(_TURN_SECONDS)
        self._computations += 1

    def __exit__(self, *_error: object) -> None:
        self._computations -= 1
        if self._computations == 0:
            sys.setswitchinterval(self._former_seconds)


# The process has one switch interval: the first computation sets it, the last restores it.
_SHORT_TURNS = _ShortTurns()


async def compute_in_thread(work: Callable[[], R], name: str) -> R:
    """Return the result of *work*, a long computation, with little effect on requests.

    Python runs one thread at a time, by default for up to 5 ms before it switches. The event loop
    would wait that long after each wait for the network, and serve only a few hundred requests per
    second.
    """
    with _SHORT_TURNS:
        return await start_thread(work, name)


def _settle(future: asyncio.Future[R], setter: Callable[..., None], value: object) -> None:
    if not future.done():  # it is if an unshielded caller was cancelled
        setter(value)
