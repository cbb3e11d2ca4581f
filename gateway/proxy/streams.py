"""Know the streams that a token allowed, and end each when its token has expired."""

import math
import time
from collections.abc import Callable, MutableMapping
from typing import Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from gateway.proxy.bugs import report_bug


class Clocks(NamedTuple):
    """The time tokens are judged by, in seconds since the epoch, and one that is never set."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


MACHINE_CLOCKS: Final = Clocks()


class Stream(Protocol):
    """A tunnel, or an answer that goes on."""

    def token_expired(self) -> None:
        """End, or begin to."""

    def patience_ended(self) -> None:
        """End now: the time that was asked for by ``bound`` is over."""

    def cut(self) -> None:
        """End at once, whatever is the matter."""


class Streams:
    """Every stream with an end, and when that is; looked at by the sweep over all deadlines.

    Held weakly: a stream that is over needs no farewell. As long as none is due, a look costs
    the same however many there are.
    """

    __slots__ = ("_clocks", "_expiring", "_leaving", "_next_at")

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._expiring: WeakKeyDictionary[Stream, float] = WeakKeyDictionary()
        self._leaving: WeakKeyDictionary[Stream, float] = WeakKeyDictionary()
        self._next_at = math.inf  # none of those expiring does so before

    def add(self, stream: Stream, expires_at: float) -> None:
        """End *stream* at *expires_at*, in seconds since the epoch."""
        self._expiring[stream] = expires_at
        self._next_at = min(self._next_at, expires_at)

    def bound(self, stream: Stream, seconds: float) -> None:
        """Lose patience with *stream* after so many *seconds*."""
        self._leaving[stream] = self._clocks.steady() + seconds

    def sweep(self) -> None:
        """Act on everything that is due; a stream that cannot end as it should is cut."""
        now = self._clocks.wall()
        if now >= self._next_at:
            due = _take_due(self._expiring, now)
            self._next_at = min(self._expiring.values(), default=math.inf)
            for stream in due:
                try:
                    stream.token_expired()
                except Exception as bug:
                    report_bug("a bug at the end of a stream's token", bug)
                    stream.cut()
        if self._leaving:
            for stream in _take_due(self._leaving, self._clocks.steady()):
                try:
                    stream.patience_ended()
                except Exception as bug:
                    report_bug("a bug at the end of a stream", bug)
                    stream.cut()

    def __len__(self) -> int:
        """Return how many streams will end with their token."""
        return len(self._expiring)


def _take_due(streams: MutableMapping[Stream, float], now: float) -> list[Stream]:
    due = [stream for stream, at in streams.items() if at <= now]
    for stream in due:
        del streams[stream]
    return due
