"""W3C Trace Context: what is a trace, what is none, and what goes on of either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.reading.trace_context import read_trace, write_trace
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.handshakes import UPGRADE
from tests.proxy.messages import Message, make_request
from tests.proxy.service import Service

TRACE = b"12345678901234567890123456789012"
PARENT = b"1234567890123456"
GOOD = b"00-%b-%b-01" % (TRACE, PARENT)

HEX = "0123456789abcdef"
IDS = st.tuples(
    st.integers(1, 2**128 - 1).map("{:032x}".format),
    st.integers(1, 2**64 - 1).map("{:016x}".format),
)

# The cases of the test suite that the W3C publishes, and more of their kind.
MALFORMED = {
    "empty": b"",
    "no version": GOOD[3:],
    "version ff": b"ff" + GOOD[2:],
    "version with a dot": b".0" + GOOD[2:],
    "version of three digits": b"0" + GOOD,
    "version of one digit": GOOD[1:],
    "version in capitals": b"CC" + GOOD[2:],
    "trace of zeros": b"00-%b-%b-01" % (b"0" * 32, PARENT),
    "trace with a dot": GOOD.replace(b"-12", b"-.2", 1),
    "trace in capitals": b"00-%b-%b-01" % (b"ABCDEF78901234567890123456789012", PARENT),
    "long trace": b"00-%b3-%b-01" % (TRACE, PARENT),
    "short trace": b"00-%b-%b-01" % (TRACE[:-1], PARENT),
    "parent of zeros": b"00-%b-%b-01" % (TRACE, b"0" * 16),
    "parent in capitals": b"00-%b-%b-01" % (TRACE, b"ABCDEF7890123456"),
    "parent with a dot": b"00-%b-%b-01" % (TRACE, b".234567890123456"),
    "long parent": b"00-%b-%b7-01" % (TRACE, PARENT),
    "short parent": b"00-%b-%b-01" % (TRACE, PARENT[:-1]),
    "flags with a dot": GOOD[:-1] + b".",
    "long flags": GOOD + b"0",
    "short flags": GOOD[:-1],
    "flags in capitals": GOOD[:-2] + b"0A",
    "no flags": GOOD[:-3],
    "version 00 with a dot behind": GOOD + b".",
    "version 00 with more behind": GOOD + b"-what-the-future-will-be-like",
    "two of a later version, the first with more behind": b"cc%b-more,cc%b" % (GOOD[2:], GOOD[2:]),
    "a later version with a dot behind": b"cc" + GOOD[2:] + b".what",
    "a later version, cut off": b"cc" + GOOD[2:-1],
    "an underscore for a dash": GOOD.replace(b"-", b"_"),
    "two in one": GOOD + b"," + GOOD,
    "not ASCII": GOOD[:-1] + b"\xff",
    "a line feed behind": GOOD + b"\n",
}

TAKEN = {
    "sampled": GOOD,
    "not sampled": GOOD[:-2] + b"00",
    "all flags": GOOD[:-2] + b"ff",
    "a later version": b"cc" + GOOD[2:],
    "a later version that says more": b"cc" + GOOD[2:] + b"-what-the-future-will-be-like",
    "a later version that ends with a dash": b"01" + GOOD[2:] + b"-",
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_no_trace(value: bytes) -> None:
    assert read_trace(value, b"foo=1") is None


@pytest.mark.parametrize("value", TAKEN.values(), ids=TAKEN)
def test_what_holds_goes_on_as_it_came(value: bytes) -> None:
    """§3.2.4: a later version is read as far as this one goes, and no further."""
    trace = read_trace(value, b"foo=1")

    assert trace is not None
    assert (trace.trace_id, trace.parent_id) == (TRACE, PARENT)
    assert trace.lines == b"\r\ntraceparent: %b\r\ntracestate: foo=1" % value


@pytest.mark.parametrize(
    ("flags", "is_sampled"), [(b"00", False), (b"01", True), (b"02", False), (b"ff", True)]
)
def test_the_sampled_flag_is_one_bit(flags: bytes, is_sampled: bool) -> None:
    trace = read_trace(GOOD[:-2] + flags, b"")

    assert trace is not None
    assert trace.is_sampled is is_sampled


@given(ids=IDS, flags=st.integers(0, 255))
def test_what_is_written_is_read_back(ids: tuple[str, str], flags: int) -> None:
    """§3.2.2.5: of the flags those that have a meaning."""
    trace_id, parent_id = (one.encode() for one in ids)

    name, value = write_trace(trace_id, parent_id, flags).split(b": ")
    trace = read_trace(value, b"")

    assert name == b"\r\ntraceparent"
    assert trace is not None
    assert (trace.trace_id, trace.parent_id) == (trace_id, parent_id)
    assert trace.flags == flags & 3


@given(value=st.binary(max_size=80) | st.text(HEX + "-", min_size=50, max_size=60).map(str.encode))
def test_any_bytes_are_a_trace_by_the_rules_or_none(value: bytes) -> None:
    trace = read_trace(value, b"")

    parts = value.split(b"-")
    holds = (
        [len(part) for part in parts[:4]] == [2, 32, 16, 2]
        and all(set(part) <= set(HEX.encode()) for part in parts[:4])
        and bool(parts[1].strip(b"0"))
        and bool(parts[2].strip(b"0"))
        and parts[0] != b"ff"
        and (len(parts) == 4 or parts[0] != b"00")
    )
    assert (trace is not None) == holds


# --- tracestate

KEY = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
VALUE = bytes(byte for byte in range(0x20, 0x7F) if byte not in b",=")

STATES = {
    "one": (b"foo=1", b"foo=1"),
    "spaces around members": (b"foo=1 \t , \t bar=2,baz=3\t", b"foo=1,bar=2,baz=3"),
    "empty members": (b",foo=1,,bar=2,", b"foo=1,bar=2"),
    "all signs": (KEY.encode() + b"=" + VALUE, KEY.encode() + b"=" + VALUE),
    "a tenant": (b"0t*/@v-_=1", b"0t*/@v-_=1"),
    "a space in front of a value": (b"foo= 1", b"foo= 1"),
    "long key": (b"z" * 256 + b"=1", b"z" * 256 + b"=1"),
    "long tenant": (b"t" * 241 + b"@" + b"v" * 14 + b"=1",) * 2,
    "long value": (b"foo=" + b"1" * 256,) * 2,
    "32 members": (b",".join(b"k%d=1" % n for n in range(32)),) * 2,
}

BAD_STATES = {
    "nothing": b"",
    "only commas": b" , ,",
    "no value": b"foo",
    "empty value": b"bar=3,foo=",
    "empty key": b"=1",
    "a space in the key": b"bar=2,foo =1",
    "capitals in the key": b"FOO=1",
    "a dot in the key": b"foo.bar=1",
    "a digit in front of the key": b"1foo=1",
    "no vendor": b"foo@=1,bar=2",
    "no tenant": b"@foo=1,bar=2",
    "two at signs": b"foo@@bar=1,bar=2",
    "two vendors": b"foo@bar@baz=1,bar=2",
    "two equal signs": b"foo=bar=baz",
    "the same key twice": b"foo=1,bar=1,foo=2",
    "33 members": b",".join(b"k%d=1" % n for n in range(33)),
    "too long a key": b"foo=1," + b"z" * 257 + b"=1",
    "too long a tenant": b"foo=1," + b"t" * 242 + b"@v=1",
    "too long a vendor": b"foo=1,t@" + b"v" * 15 + b"=1",
    "too long a value": b"foo=" + b"1" * 257,
    "not ASCII": b"foo=\xe9",
}


@pytest.mark.parametrize(("state", "kept"), STATES.values(), ids=STATES)
def test_a_tracestate_that_holds_goes_on(state: bytes, kept: bytes) -> None:
    trace = read_trace(GOOD, state)

    assert trace is not None
    assert trace.tracestate == kept
    assert trace.lines.endswith(b"\r\ntracestate: " + kept)


@pytest.mark.parametrize("state", BAD_STATES.values(), ids=BAD_STATES)
def test_a_tracestate_that_breaks_a_rule_is_dropped_and_the_trace_goes_on(state: bytes) -> None:
    trace = read_trace(GOOD, state)

    assert trace is not None
    assert trace.lines == b"\r\ntraceparent: " + GOOD


# --- on the wire, as the service behind the gateway gets it


async def received(service: Service, gateway: RunningGateway, *lines: bytes) -> Message:
    await gateway.ask(make_request("/api/x", bearer(), *lines))
    return service.requests[-1]


async def test_a_trace_goes_through_unchanged_where_no_tracing_is_configured(
    service: Service, gateway: RunningGateway
) -> None:
    request = await received(
        service, gateway, b"Tracestate: foo=1", b"TraceParent: " + GOOD, b"TRACESTATE: bar=2"
    )

    assert request.one(b"traceparent") == GOOD
    assert request.one(b"tracestate") == b"foo=1,bar=2"


async def test_a_request_without_a_trace_is_given_none_where_no_tracing_is_configured(
    service: Service, gateway: RunningGateway
) -> None:
    request = await received(service, gateway, b"Tracestate: foo=1")

    assert not request.has(b"traceparent")
    assert not request.has(b"tracestate")


REFUSED_ON_THE_WIRE = {
    "malformed": [b"Traceparent: ff" + GOOD[2:], b"Tracestate: foo=1"],
    "repeated": [b"Traceparent: " + GOOD, b"Traceparent: " + GOOD, b"Tracestate: foo=1"],
    "repeated, the first one empty": [b"Traceparent:", b"Traceparent: " + GOOD],
    "named by Connection": [b"Connection: TraceParent", b"Traceparent: " + GOOD],
    "by another name": [b"http-traceparent: " + GOOD, b"http_traceparent: " + GOOD],
}


@pytest.mark.parametrize("lines", REFUSED_ON_THE_WIRE.values(), ids=REFUSED_ON_THE_WIRE)
async def test_nothing_goes_on_of_a_trace_that_does_not_hold(
    service: Service, gateway: RunningGateway, lines: list[bytes]
) -> None:
    request = await received(service, gateway, *lines)

    assert b"trace" not in b"".join(name + value for name, value in request.fields).lower()


async def test_the_tracestate_alone_may_be_of_the_connection(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9110 §7.6.1."""
    request = await received(
        service, gateway, b"Traceparent: " + GOOD, b"Tracestate: a=1", b"Connection: tracestate"
    )

    assert request.one(b"traceparent") == GOOD
    assert not request.has(b"tracestate")


async def test_each_request_of_a_connection_goes_on_with_its_own_trace(
    service: Service, gateway: RunningGateway
) -> None:
    wire = await gateway.connect()
    traces = [b"00-%032x-%016x-0%d" % (n + 1, n + 7, n % 2) for n in (0, 1, 1, 2, 3, 3)]
    for number, trace in enumerate(traces):
        wire.send(make_request("/api/x", bearer(), b"Traceparent: " + trace))
        await service.request(number)
        await wire.read_until(b"hello")

    assert [request.one(b"traceparent") for request in service.requests] == traces


async def test_a_trace_goes_through_with_an_upgrade(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9110 §7.6.1: what Connection names there is something else."""
    request = make_request("/open-socket/x", *UPGRADE, b"Traceparent: " + GOOD)
    wire = await gateway.connect()
    wire.send(request)

    assert (await service.request()).one(b"traceparent") == GOOD


async def test_fields_about_the_trace_count_towards_the_limits(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(limits={"fields": 3})

    answer = await gateway.ask(
        make_request("/open/x", b"Tracestate: a=1", b"Tracestate: b=1", b"A: 1", b"B: 2")
    )

    assert answer.status == 431
