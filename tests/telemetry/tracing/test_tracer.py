"""Which requests are recorded, and what their services are told of it."""

import os
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.reading.trace_context import ReceivedTrace, Trace, read_trace
from gateway.settings.values.configuration import Tracing
from gateway.telemetry.tracing.spans import Span
from gateway.telemetry.tracing.tracer import RecordedTrace, Tracer

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00f067aa0ba902b7"


def no_export(_span: Span) -> None:
    raise AssertionError("nothing has ended")


def make_tracer(
    sample: float = 0.0,
    asked_per_second: int = 100,
    random_bytes: Callable[[int], bytes] = os.urandom,
    clock: Callable[[], float] = lambda: 0.0,
) -> Tracer:
    tracing = Tracing("http://127.0.0.1/v1/traces", sample, asked_per_second, "gateway", ())
    return Tracer(tracing, no_export, random_bytes, clock)


def received(flags: bytes = b"01", state: bytes = b"", version: bytes = b"00") -> ReceivedTrace:
    trace = read_trace(b"%b-%b-%b-%b" % (version, TRACE, PARENT, flags), state)
    assert trace is not None
    return trace


def told(trace: Trace) -> ReceivedTrace:
    """Return the trace as the service gets it."""
    fields = dict(line.split(b": ", 1) for line in trace.lines.split(b"\r\n")[1:])
    assert set(fields) <= {b"traceparent", b"tracestate"}
    read = read_trace(fields[b"traceparent"], fields.get(b"tracestate", b""))
    assert read is not None
    return read


def test_a_request_without_a_trace_begins_one_of_its_own() -> None:
    tracer = make_tracer(sample=0.5)

    traces = [tracer.begin(None, False) for _ in range(1000)]

    assert len({trace.trace_id for trace in traces}) == 1000
    assert len({told(trace).parent_id for trace in traces}) == 1000
    assert all(told(trace).trace_id == trace.trace_id for trace in traces)


def test_the_service_is_told_whether_it_is_recorded() -> None:
    """Then it records the rest of the trace, or nothing: no trace is half there."""
    tracer = make_tracer(sample=0.5)
    traces = [tracer.begin(None, False) for _ in range(200)]

    recorded = {told(trace).flags for trace in traces if isinstance(trace, RecordedTrace)}
    others = {told(trace).flags for trace in traces if not isinstance(trace, RecordedTrace)}

    assert (recorded, others) == ({1}, {0})


@pytest.mark.parametrize("share", [0.0, 1 / 128, 0.25, 1.0])
def test_the_share_is_that_of_the_random_part_of_all_ids(share: float) -> None:
    """Evenly spread ids, in place of random ones: exactly so many are above the bound."""
    count = 64 * 256
    step = 2**56 // count
    ids = (
        (index * step).to_bytes(16, "big") + (index + 1).to_bytes(8, "big")
        for index in range(count)
        for _ in range(2 if index * step >= (1 - share) * 2**56 else 1)
    )

    def random_bytes(size: int) -> bytes:
        return b"".join(next(ids, b"\1" * 24) for _ in range(size // 24))

    tracer = make_tracer(share, random_bytes=random_bytes)
    traces = [tracer.begin(None, False) for _ in range(count)]

    assert sum(isinstance(trace, RecordedTrace) for trace in traces) == share * count


def test_what_its_caller_does_not_record_goes_through_unchanged() -> None:
    trace = received(b"00", b"foo=1")

    assert make_tracer(sample=1.0).begin(trace, True) is trace


@given(flags=st.integers(0, 255).filter(lambda flags: flags & 1), version=st.integers(0, 254))
def test_what_its_caller_records_is_recorded_with_it_as_the_parent(
    flags: int, version: int
) -> None:
    """§3.2.4: told on in the highest version that we know, with the flags that have a meaning."""
    came = received(b"%02x" % flags, b"foo=1,bar=2", b"%02x" % version)

    trace = make_tracer().begin(came, False)

    assert isinstance(trace, RecordedTrace)
    assert (trace.trace_id, trace.parent_id) == (TRACE, PARENT)
    assert len({trace.span_id, trace.client_span_id, PARENT}) == 3
    assert trace.lines == (
        b"\r\ntraceparent: 00-%b-%b-%02x\r\ntracestate: foo=1,bar=2"
        % (TRACE, trace.client_span_id, flags & 3)
    )


def test_of_callers_whom_nobody_vouches_for_so_many_are_heeded_in_a_second() -> None:
    now = [7.0]
    tracer = make_tracer(asked_per_second=3, clock=lambda: now[0])

    def heeded(count: int, *, is_trusted: bool = False) -> int:
        traces = [tracer.begin(received(), is_trusted) for _ in range(count)]
        return sum(isinstance(trace, RecordedTrace) for trace in traces)

    assert heeded(2) == 2
    assert heeded(10, is_trusted=True) == 10
    now[0] = 7.9
    assert heeded(5) == 1
    now[0] = 8.1
    assert heeded(5) == 3


def test_a_caller_who_is_not_heeded_is_not_recorded_behind_the_gateway_either() -> None:
    """§3.4: the trace goes on, its flag is taken away, and with that the parent is another."""
    trace = make_tracer(asked_per_second=0).begin(received(b"03", b"foo=1"), False)

    assert not isinstance(trace, RecordedTrace)
    seen = told(trace)
    assert (seen.trace_id, seen.flags, seen.tracestate) == (TRACE, 2, b"foo=1")
    assert seen.parent_id != PARENT
