"""Decide which requests are recorded in which trace."""

import os
from asyncio import BaseTransport
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from gateway.http.reading.trace_context import SAMPLED, ReceivedTrace, Trace, write_trace
from gateway.settings.values.configuration import Tracing
from gateway.telemetry.tracing.spans import Span

# The rightmost 7 bytes of a trace id are random (W3C Trace Context Level 2 §3.2.2.3). Samplers
# keep those above a bound, so that all of them choose the same traces.
_RANDOM_DIGITS: Final = 14
_RANDOM_FROM: Final = 32 - _RANDOM_DIGITS
_ABOVE_ALL: Final = b"g"  # of hexadecimal digits

# Trace and span ids, in hexadecimal; made for many requests at once, because a system call costs
# more than all the rest.
_ID_DIGITS: Final = 48
_IDS_AT_ONCE: Final = 256


class RecordedTrace(Trace):
    """A trace in which the gateway records its part.

    That is a span for the client's request, and one for the request to the upstream, which is the
    parent of what the upstream records. *parent_id* is empty if the trace begins here. *server*
    is the address that the request was sent to, and *is_tls* says whether over TLS.
    """

    __slots__ = ("client_span_id", "is_tls", "parent_id", "server", "span_id", "tracestate")

    def __init__(  # noqa: PLR0913, PLR0917 - the ids of three spans
        self,
        trace_id: bytes,
        parent_id: bytes,
        span_id: bytes,
        client_span_id: bytes,
        flags: int,
        tracestate: bytes,
    ) -> None:
        super().__init__(trace_id, write_trace(trace_id, client_span_id, flags, tracestate))
        self.parent_id = parent_id
        self.span_id = span_id
        self.client_span_id = client_span_id
        self.tracestate = tracestate
        self.server: tuple[str, int] | None = None
        self.is_tls = False

    def note_server(self, transport: BaseTransport) -> None:
        """Note the server that the request is sent to."""
        peername = transport.get_extra_info("peername")
        self.server = None if not peername else (peername[0], peername[1])
        self.is_tls = transport.get_extra_info("sslcontext") is not None


class Tracer:
    """Begins the trace of a request, or continues the one it came with.

    A request without a trace begins one; *settings* say which share of these is recorded. One
    that came with a trace is recorded if its caller records it. Callers that are not trusted
    proxies get only so many a second, because they could ask for every request. *export* takes
    the spans.
    """

    def __init__(
        self,
        settings: Tracing,
        export: Callable[[Span], None],
        random_bytes: Callable[[int], bytes] = os.urandom,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.export = export
        self._recorded_from = _bound(settings.sample)
        self._ids = _make_ids(random_bytes)
        self._clock = clock
        self._asked_per_second = settings.asked_per_second
        self._second = 0
        self._asked = 0

    def begin(self, received: ReceivedTrace | None, is_trusted: bool) -> Trace:
        """Return the trace of a request that came with *received*, by a trusted peer or another.

        A trace that stays unsampled has no span of the gateway: the caller's stays the parent.
        """
        if received is None:
            trace_id, span_id = next(self._ids)
            if trace_id[_RANDOM_FROM:] < self._recorded_from:
                # The flag tells upstreams to record nothing either: traces are complete or absent.
                return Trace(trace_id, b"\r\ntraceparent: 00-%b-%b-00" % (trace_id, span_id))
            return RecordedTrace(trace_id, b"", span_id, next(self._ids)[1], SAMPLED, b"")
        flags, state = received.flags, received.tracestate
        if not flags & SAMPLED:
            return received
        span_id = next(self._ids)[1]
        if is_trusted or self._may_ask():
            client_span_id = next(self._ids)[1]
            return RecordedTrace(
                received.trace_id, received.parent_id, span_id, client_span_id, flags, state
            )
        # §3.4: with the flag the parent changes.
        lines = write_trace(received.trace_id, span_id, flags & ~SAMPLED, state)
        return Trace(received.trace_id, lines)

    def _may_ask(self) -> bool:
        second = int(self._clock())
        if second != self._second:
            self._second, self._asked = second, 0
        self._asked += 1
        return self._asked <= self._asked_per_second


def _bound(share: float) -> bytes:
    """Return the smallest random digits of a trace that is recorded, for this *share* of all."""
    below = round((1 - share) * 16**_RANDOM_DIGITS)
    return _ABOVE_ALL if below >= 16**_RANDOM_DIGITS else b"%014x" % below


def _make_ids(random_bytes: Callable[[int], bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield trace and span ids without end; all zeros, which is invalid, will not occur."""
    while True:
        digits = random_bytes(_ID_DIGITS * _IDS_AT_ONCE // 2).hex().encode()
        for start in range(0, len(digits), _ID_DIGITS):
            yield digits[start : start + 32], digits[start + 32 : start + _ID_DIGITS]
