"""Do what may hang in a thread of its own, so that it holds up nothing else."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

R = TypeVar("R")

# Longer than most requests take, and far longer than it takes to change turns.
_TURN_SECONDS = 0.0005


def start_thread(work: Callable[[], R], name: str) -> asyncio.Future[R]:
    """Return what will come of *work*; a thread called *name* does it.

    The event loop's own threads are few, and are waited for when the process ends: six files on
    a network disk that hangs would keep us from reading any other, and from ending at all. Whoever
    may leave early shields the future, which tells when the thread is over.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            tell(future.set_exception, error)
        else:
            tell(future.set_result, result)

    def tell(setter: Callable[..., None], value: object) -> None:
        with suppress(RuntimeError):  # the loop has ended before the work
            loop.call_soon_threadsafe(_settle, future, setter, value)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:
        future.set_exception(OSError("the machine has no thread left"))
    return future


class _ShortTurns:
    """Has threads change turns often while there is a computation; for one thread alone."""

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


# The process has one such time, however many compute: the first sets it, and the last sets it back.
_SHORT_TURNS = _ShortTurns()


async def compute_in_thread(work: Callable[[], R], name: str) -> R:
    """Return what *work* comes to, which computes for long, while requests hardly notice.

    Python has one thread compute at a time, and by default lets it do so for 5 ms before another
    one has its turn. The event loop would wait as long each time that it has waited for the
    network, and answer a few hundred requests a second.
    """
    with _SHORT_TURNS:
        return await start_thread(work, name)


def _settle(future: asyncio.Future[R], setter: Callable[..., None], value: object) -> None:
    if not future.done():  # by whoever left early, unshielded
        setter(value)
