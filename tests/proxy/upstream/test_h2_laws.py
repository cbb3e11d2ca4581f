"""Laws of HTTP/2 with services: every byte arrives, and every byte of credit comes back."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import ngh2
from hypothesis import given
from hypothesis import strategies as st
from ngh2.events import DataReceived, TrailersReceived

from gateway.proxy.upstream.h2_connection import H2ServerConnection
from gateway.proxy.upstream.h2_stream import H2ServerStream
from tests.proxy.h2.frames import Flag, Kind, body, frame, headers, padded, settings
from tests.proxy.upstream.h2_service import GET, POST, Asker, Owner

OK = [(b":status", b"200")]
STREAMS = (1, 3, 5)
PING = frame(Kind.PING, 0, b"12345678")


class MemoryTransport:
    """Keeps what is written; *sock* is no socket, as one that is closed already."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def take(self) -> bytes:
        """Return what was written since the last call."""
        written, self.written = bytes(self.written), bytearray()
        return written

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def get_extra_info(self, name: str) -> None:
        return None


class Memory:
    """A connection whose service is the test; all that happens, happens when the test says so."""

    def __init__(self) -> None:
        self.owner = Owner()
        self.server = H2ServerConnection(self.owner, b"http", 55.0)
        self.transport = MemoryTransport()
        transport: Any = self.transport
        self.server.connection_made(transport)

    def ask(self, asker: Asker, head: bytes = GET) -> H2ServerStream:
        lease = self.server.lease()
        lease.send(asker, head, 0.0, 60.0)
        return lease

    def feed(self, data: bytes) -> None:
        """Have the connection read *data*, in as many pieces as its buffer needs."""
        while data:
            buffer = self.server.get_buffer(-1)
            size = min(len(buffer), len(data))
            buffer[:size] = data[:size]
            self.server.buffer_updated(size)
            data = data[size:]

    def owes(self, stream: int) -> bool:
        """Return whether credit is due for a byte that came on *stream*."""
        try:
            self.server.framing._connection.acknowledge_received_data(1, stream)
        except ValueError:
            return False
        return True


def play(law: Callable[[Memory], None]) -> None:
    """Play *law* in an event loop: what is due in the next turn of it is played by hand."""

    async def run() -> None:
        law(Memory())

    asyncio.run(run())


BODIES = st.lists(st.binary(max_size=3000), max_size=4)


@given(
    bodies=st.lists(BODIES, min_size=3, max_size=3),
    order=st.lists(st.sampled_from(STREAMS), max_size=12),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=20),
    pads=st.integers(0, 20),
)
def test_responses_arrive_whole_whatever_the_pieces(
    bodies: list[list[bytes]], order: list[int], sizes: list[int], pads: int
) -> None:
    frames = {
        stream: [
            headers(stream, [(b":status", b"103"), (b"link", b"a")], ends=False),
            headers(stream, OK, ends=False),
            *(frame(Kind.DATA, stream, padded(one, pads), Flag.PADDED) for one in pieces),
            headers(stream, [(b"x-sum", b"%d" % stream)], ends=True),
        ]
        for stream, pieces in zip(STREAMS, bodies, strict=True)
    }
    raw = settings()
    for stream in (*order, *(one for one in STREAMS for _ in range(9))):
        if frames[stream]:
            raw += frames[stream].pop(0) + PING

    def law(memory: Memory) -> None:
        askers = [Asker() for _ in STREAMS]
        for one in askers:
            memory.ask(one)
        memory.server._send()
        at, turn = 0, 0
        while at < len(raw):
            size = sizes[turn % len(sizes)]
            memory.feed(raw[at : at + size])
            at, turn = at + size, turn + 1
        for stream, asker, pieces in zip(STREAMS, askers, bodies, strict=True):
            assert asker.is_ended
            assert asker.body == b"".join(pieces)
            assert asker.trailers == b"\r\nx-sum: %d" % stream
            assert asker.interims == [(103, b"\r\nlink: a")]
            assert not memory.owes(stream)
        assert memory.server.stream_count == 0

    play(law)


class Streams:
    """Streams of one connection, each with what its service has sent: a head, bytes."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.open: dict[int, H2ServerStream] = {}
        self.begun: set[int] = set()
        self.sent: dict[int, int] = {}

    def ask(self) -> None:
        lease = self.memory.ask(Asker())
        self.memory.server._send()
        self.open[lease.id] = lease
        self.sent[lease.id] = 0

    def act(self, event: str, stream: int, size: int) -> None:
        lease, memory = self.open[stream], self.memory
        if event == "leave":
            lease.close()  # more of the response comes later
        elif event == "hold":
            lease.pause_reading()
        elif event == "go on":
            lease.resume_reading()
        elif event == "reset":
            memory.feed(frame(Kind.RST_STREAM, stream, bytes(4)))
            del self.open[stream]
        elif stream not in self.begun:
            memory.feed(headers(stream, OK, ends=False))
            self.begun.add(stream)
        elif event == "end":
            memory.feed(body(stream, b"", ends=True))
            del self.open[stream]
        elif self.sent[stream] + size < 200_000:
            memory.feed(body(stream, b"x" * size, ends=False))
            self.sent[stream] += size


EVENTS = ["ask", "ask and leave", "send", "send", "end", "leave", "hold", "go on", "reset"]


@given(
    events=st.lists(st.sampled_from(EVENTS), max_size=100),
    pick=st.randoms(use_true_random=False),
    size=st.integers(1000, 16384),
)
def test_credit_is_given_for_every_byte_after_any_cancels(
    events: list[str], pick: Random, size: int
) -> None:
    """9113.27. A client may leave, and a service reset, at any time."""

    def law(memory: Memory) -> None:
        memory.feed(settings())
        streams = Streams(memory)
        for event in events:
            if event == "ask":
                streams.ask()
            elif event == "ask and leave":
                memory.ask(Asker()).close()
            elif streams.open:
                streams.act(event, pick.choice(sorted(streams.open)), size)
        for lease in streams.open.values():
            lease.close()
        memory.server._send()
        assert memory.server.is_open
        for stream in streams.sent:
            assert not memory.owes(stream)
        assert memory.server.stream_count == 0

    play(law)


@given(
    sizes=st.lists(st.integers(1, 100_000), min_size=1, max_size=4),
    window=st.integers(1000, 70_000),
    credit=st.integers(100, 50_000),
    trailers=st.booleans(),
)
def test_a_body_arrives_whole_whatever_the_window(
    sizes: list[int], window: int, credit: int, trailers: bool
) -> None:
    """9113.27."""
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]

    def law(memory: Memory) -> None:
        service = Uploads(window, credit)
        asker = Asker(sends_body=True)
        lease = memory.ask(asker, POST)
        lease.expect_nothing()
        left = [*pieces]
        while not service.is_ended:
            if left and not asker.blocked:  # as an upload does
                lease.write_chunk(left.pop(0))
                if not left:
                    lease.end_chunks(b"\r\nX-Sum: 1" if trailers else b"")
                    asker.complete = True
                    lease.expect_response()
            memory.server._send()
            memory.feed(service.exchange(memory.transport.take()))
        assert service.got == b"".join(pieces)
        assert service.trailers == ([((b"x-sum", b"1"),)] if trailers else [])
        assert asker.blocked == 0

    play(law)


class Uploads:
    """A service that takes bodies, and gives *credit* so many bytes at a time."""

    def __init__(self, window: int, credit: int) -> None:
        configuration = ngh2.Configuration(auto_window_update=False)
        self._connection = ngh2.Connection(ngh2.Role.SERVER, configuration)
        self._connection.initiate_connection({ngh2.Setting.INITIAL_WINDOW_SIZE: window})
        self._credit = credit
        self.got = bytearray()
        self.trailers: list[object] = []
        self.is_ended = False
        self._turns = 0

    def exchange(self, data: bytes) -> bytes:
        """Read *data*, and return what the service sends."""
        self._turns += 1
        assert self._turns < 2000, "it waits for ever"
        self._connection.receive_data(data)
        for event in self._connection.events():
            if isinstance(event, DataReceived):
                self.got += event.data
                self.is_ended |= event.end_stream
                for at in range(0, len(event.data), self._credit):
                    size = len(event.data[at : at + self._credit])
                    self._connection.acknowledge_received_data(size, event.stream_id)
            elif isinstance(event, TrailersReceived):
                self.trailers.append(event.headers)
                self.is_ended = True
        return self._connection.data_to_send()
