"""Do what may hang in a thread of its own, so that it holds up nothing else."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

R = TypeVar("R")


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


def _settle(future: asyncio.Future[R], setter: Callable[..., None], value: object) -> None:
    if not future.done():  # by whoever left early, unshielded
        setter(value)
