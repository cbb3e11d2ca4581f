"""Know the streams that a token allowed, and end each when its token has ended."""

import math
import time
from collections.abc import Callable, MutableMapping
from typing import Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary, WeakSet

from gateway.proxy.transport.unexpected_errors import report_bug


class Clocks(NamedTuple):
    """The time tokens are judged by, in seconds since the epoch, and one that is never set."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


MACHINE_CLOCKS: Final = Clocks()


class Stream(Protocol):
    """A tunnel, or an answer that goes on."""

    def is_revoked(self) -> bool:
        """Say whether its token was revoked."""

    def token_ended(self) -> None:
        """End, or begin to: the token has expired or was revoked."""

    def patience_ended(self) -> None:
        """End now: the time that was asked for by ``bound`` is over."""

    def cut(self) -> None:
        """End at once, whatever is the matter."""


class Streams:
    """Every stream with a token, and when that ends; looked at by the sweep over all deadlines.

    Held weakly: a stream that is over needs no farewell. As long as none is due, and no list of
    revoked tokens has changed, a look costs the same however many there are.
    """

    __slots__ = ("_clocks", "_expiring", "_leaving", "_next_at", "_uncompared")

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._expiring: WeakKeyDictionary[Stream, float] = WeakKeyDictionary()
        self._leaving: WeakKeyDictionary[Stream, float] = WeakKeyDictionary()
        self._next_at = math.inf  # none of those expiring does so before
        self._uncompared: WeakSet[Stream] = WeakSet()  # not compared with the lists there are now

    def add(self, stream: Stream, expires_at: float) -> None:
        """End *stream* at *expires_at*, in seconds since the epoch; or once it is revoked."""
        self._expiring[stream] = expires_at
        self._next_at = min(self._next_at, expires_at)
        # A list may have changed between the decision about its request and this.
        self._uncompared.add(stream)

    def compare(self) -> None:
        """Compare every stream with the revocation lists, which have changed, at the next look."""
        self._uncompared = WeakSet(self._expiring)

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
                self._uncompared.discard(stream)
                _end(stream)
        if self._uncompared:
            uncompared, self._uncompared = tuple(self._uncompared), WeakSet()
            for stream in uncompared:
                self._compare(stream)
        if self._leaving:
            for stream in _take_due(self._leaving, self._clocks.steady()):
                try:
                    stream.patience_ended()
                except Exception as bug:
                    report_bug("the timeout of a stream failed", bug)
                    stream.cut()

    def _compare(self, stream: Stream) -> None:
        """End *stream* if it is revoked; cut it if that cannot be said, which is no revocation.

        To let it go on would be the worse mistake.
        """
        try:
            if not stream.is_revoked():
                return
        except Exception as bug:
            report_bug("the revocation check of a stream failed", bug)
            self._expiring.pop(stream, None)
            stream.cut()
            return
        self._expiring.pop(stream, None)
        _end(stream)

    def __len__(self) -> int:
        """Return how many streams will end with their token."""
        return len(self._expiring)


def _end(stream: Stream) -> None:
    try:
        stream.token_ended()
    except Exception as bug:
        report_bug("the end of a stream failed", bug)
        stream.cut()


def _take_due(streams: MutableMapping[Stream, float], now: float) -> list[Stream]:
    due = [stream for stream, at in streams.items() if at <= now]
    for stream in due:
        del streams[stream]
    return due
