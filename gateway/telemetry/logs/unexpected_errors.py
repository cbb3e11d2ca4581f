"""Log unexpected errors of the gateway, without any content of a request."""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final

_log = logging.getLogger(__name__)

# One traceback shows what is wrong. A thousand requests a second that meet the same error must cost
# little more than their 500.
_QUIET_SECONDS: Final = 60.0

# How many places in the code are remembered at which errors occur; beyond, all are forgotten, and
# logged again.
_MAX_PLACES: Final = 100

_MAX_FRAMES: Final = 30


class UnexpectedErrors:
    """Logs what an event loop reports (``set_exception_handler``).

    An error is logged with its traceback once a minute for each place where it was raised; how
    often it came in between is logged with the next one. Its own text is left out, because it may
    quote what it was given: a claim, a header, a token.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By place: until when to stay silent, and how many errors were not logged since.
        self._places: dict[str, tuple[float, int]] = {}

    def __call__(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log the error in *context*, unless one of its place was logged within the last minute."""
        message, bug = str(context.get("message")), context.get("exception")
        now = self._clock()
        place = f"{message} {_place(bug)}"
        quiet_until, missed = self._places.get(place, (0.0, 0))
        if now < quiet_until:
            self._places[place] = (quiet_until, missed + 1)
            return
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        self._places[place] = (now + _QUIET_SECONDS, 0)
        again = f" ({missed} more like the last one since)" if missed else ""
        if isinstance(bug, BaseException):
            _log.error("internal error: %s%s: %s", message, again, describe_error(bug))
        else:
            _log.error("internal error: %s%s", message, again)


def _place(bug: object) -> str:
    if not isinstance(bug, BaseException):
        return ""
    last = bug.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}"
    return f"{type(bug).__name__} {where}"


def _name(bug: BaseException) -> str:
    """Return the type of *bug*, and its text if that comes from the system alone."""
    name = type(bug).__name__
    if isinstance(bug, OSError) and bug.strerror:
        return f"{name}: {bug.strerror}"
    if isinstance(bug, ImportError) and bug.name:
        return f"{name}: {bug.name}"
    return name


def describe_error(bug: BaseException) -> str:
    """Return the type of *bug* and the frames of it and its causes: code, no values."""
    return f"{_name(bug)}\n{''.join(_chain(bug))}".rstrip("\n")


def _chain(bug: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    cause: BaseException | None = bug
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if cause is not bug:
            yield f"caused by {_name(cause)}\n"
        yield from traceback.format_tb(cause.__traceback__, -_MAX_FRAMES)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
