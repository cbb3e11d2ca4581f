"""The tunnels and event streams that are open: each ends when its token does."""

import math
import time
from collections.abc import Callable, MutableMapping
from typing import Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary, WeakSet

from gateway.proxy.transport.unexpected_errors import report_unexpected_error

# How often a session is looked after at most, if nobody can say what became of it.
_LOOK_SECONDS: Final = 1.0


class Clocks(NamedTuple):
    """The time that tokens are judged by, in seconds since the epoch, and a monotonic one."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


MACHINE_CLOCKS: Final = Clocks()


class Stream(Protocol):
    """A tunnel, or an event stream."""

    def is_revoked(self) -> bool:
        """Return whether its token was revoked."""

    def token_ended(self) -> None:
        """End, or begin to: the token has expired or was revoked."""

    def timed_out(self) -> None:
        """End now: the timeout set by ``set_timeout`` has passed."""

    def cut(self) -> None:
        """End at once, after an unexpected error."""


class SessionStream(Stream, Protocol):
    """A stream whose request came by session, or with a token that its issuer answers for."""

    @property
    def session_id(self) -> bytes:
        """Return the id of the session; empty without one."""

    def check_session(self) -> None:
        """Ask for news of the session or the token, and ``follow`` it further."""

    def session_ended(self) -> None:
        """End, or begin to: the session has ended."""


class OpenStreams:
    """Every stream with a token, and when that ends; a part of the sweep over all deadlines.

    Held weakly, so that a stream that is over need not be removed. While none is due and no
    revocation list has changed, a sweep costs the same however many there are.
    """

    __slots__ = (
        "_clocks",
        "_closing",
        "_expiring",
        "_followed",
        "_next_at",
        "_next_look_at",
        "_unchecked",
    )

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._expiring: WeakKeyDictionary[Stream, float] = WeakKeyDictionary()
        self._closing: WeakKeyDictionary[Stream, float] = WeakKeyDictionary()
        # By session, and when to look after it, by the monotonic clock.
        self._followed: WeakKeyDictionary[SessionStream, float] = WeakKeyDictionary()
        self._next_look_at = math.inf
        self._next_at = math.inf  # no token expires before
        self._unchecked: WeakSet[Stream] = WeakSet()  # against the current revocation lists

    def add(self, stream: Stream, expires_at: float) -> None:
        """End *stream* at *expires_at*, in seconds since the epoch; or once it is revoked."""
        self._expiring[stream] = expires_at
        self._next_at = min(self._next_at, expires_at)
        # A list may have changed between the decision about its request and this.
        self._unchecked.add(stream)

    def follow(
        self, stream: SessionStream, look_at: float, least_seconds: float = _LOOK_SECONDS
    ) -> None:
        """Have *stream* look after its session at *look_at*, in seconds since the epoch.

        That is not before *least_seconds* have passed.
        """
        clocks = self._clocks
        # Whoever sets the clock back later must not keep a session alive.
        at = clocks.steady() + max(least_seconds, look_at - clocks.wall())
        self._followed[stream] = at
        self._next_look_at = min(self._next_look_at, at)

    def discard(self, stream: SessionStream) -> None:
        """Forget *stream*, which is ending; its timeout stays."""
        self._followed.pop(stream, None)
        self._unchecked.discard(stream)
        self._expiring.pop(stream, None)

    def end_sessions(self, ids: frozenset[bytes]) -> None:
        """End the streams of the sessions with these *ids*."""
        for stream in [one for one in self._followed if one.session_id in ids]:
            _try(stream, stream.session_ended, "unexpected error at the end of a stream")

    def check_revocation(self) -> None:
        """Check every stream in the next sweep: the revocation lists have changed."""
        self._unchecked = WeakSet(self._expiring)

    def set_timeout(self, stream: Stream, seconds: float) -> None:
        """Call ``timed_out`` of *stream* after *seconds*."""
        self._closing[stream] = self._clocks.steady() + seconds

    def sweep(self) -> None:
        """Act on everything that is due; a stream that fails to end is cut."""
        now = self._clocks.wall()
        if self._clocks.steady() >= self._next_look_at:
            self._look_after_sessions(self._clocks.steady())
        if now >= self._next_at:
            due = _take_due(self._expiring, now)
            self._next_at = min(self._expiring.values(), default=math.inf)
            for one in due:
                self._unchecked.discard(one)
                _end(one)
        if self._unchecked:
            unchecked, self._unchecked = tuple(self._unchecked), WeakSet()
            for one in unchecked:
                self._end_if_revoked(one)
        if self._closing:
            for one in _take_due(self._closing, self._clocks.steady()):
                _try(one, one.timed_out, "unexpected error in the timeout of a stream")

    def _look_after_sessions(self, now: float) -> None:
        due = [stream for stream, at in self._followed.items() if at <= now]
        for stream in due:
            self._followed[stream] = math.inf  # until it is known when to look again
        self._next_look_at = min(self._followed.values(), default=math.inf)
        for stream in due:
            _try(stream, stream.check_session, "unexpected error in the session check of a stream")

    def _end_if_revoked(self, stream: Stream) -> None:
        """End *stream* if it is revoked; cut it if the check fails.

        To let it continue would be the worse mistake.
        """
        try:
            if not stream.is_revoked():
                return
        except Exception as error:
            report_unexpected_error("unexpected error in the revocation check of a stream", error)
            self._expiring.pop(stream, None)
            stream.cut()
            return
        self._expiring.pop(stream, None)
        _end(stream)

    def __len__(self) -> int:
        """Return how many streams will end with their token."""
        return len(self._expiring)


def _end(stream: Stream) -> None:
    _try(stream, stream.token_ended, "unexpected error at the end of a stream")


def _try(stream: Stream, act: Callable[[], None], fault: str) -> None:
    try:
        act()
    except Exception as error:
        report_unexpected_error(fault, error)
        stream.cut()


def _take_due(streams: MutableMapping[Stream, float], now: float) -> list[Stream]:
    due = [stream for stream, at in streams.items() if at <= now]
    for stream in due:
        del streams[stream]
    return due
