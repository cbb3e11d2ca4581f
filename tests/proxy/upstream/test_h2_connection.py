"""One connection of HTTP/2 carries many requests, and its end fails those that it must."""

import tracemalloc
from time import monotonic

import pytest

from gateway.decision.reason import Reason
from tests.proxy.h2.frames import (
    Code,
    Kind,
    Setting,
    body,
    frame,
    headers,
    remembered,
    settings,
    window_update,
)
from tests.proxy.pools import eventually
from tests.proxy.upstream.h2_service import GET, POST, Asker, h2_world

OK = [(b":status", b"200"), (b"content-type", b"text/plain"), (b"date", b"today")]


def goaway(last: int, code: int = Code.NO_ERROR) -> bytes:
    return frame(Kind.GOAWAY, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big"))


async def test_a_request_gets_its_response() -> None:
    async with h2_world() as world:
        asker = Asker()
        world.ask(asker)

        request = await world.peer.stream(1, ended=True)
        world.peer.send(headers(1, OK, ends=False), body(1, b"hello"))
        await asker.over()

        assert request.heads == [
            [
                (b":method", b"GET"),
                (b":scheme", b"http"),
                (b":authority", b"api.test"),
                (b":path", b"/a"),
                (b"x-request-id", b"1"),
                (b"te", b"trailers"),
            ]
        ]
        assert (asker.status, asker.body, asker.is_ended) == (200, b"hello", True)
        assert asker.fields == b"\r\ncontent-type: text/plain\r\nDate: today"
        assert asker.pieces == 0, "it came whole"
        assert world.server.stream_count == 0


async def test_many_requests_share_a_connection_in_any_order() -> None:
    async with h2_world() as world:
        askers = [Asker() for _ in range(50)]
        for one in askers:
            world.ask(one)
        for number in reversed(range(50)):
            stream = 2 * number + 1
            await world.peer.stream(stream)
            world.peer.send(headers(stream, OK, ends=False), body(stream, b"%d" % number))
        for number, one in enumerate(askers):
            await one.over()
            assert one.body == b"%d" % number


async def test_a_body_and_its_trailers_arrive() -> None:
    async with h2_world() as world:
        asker = Asker(sends_body=True)
        lease = world.ask(asker, POST)
        lease.expect_nothing()
        lease.write_chunk(b"one ")
        lease.write_chunk(b"two")
        lease.end_chunks(b"\r\nX-Sum: 1")
        asker.complete = True
        lease.expect_response()

        request = await world.peer.stream(1, ended=True)

        assert request.body == b"one two"
        assert request.heads[1] == [(b"x-sum", b"1")]
        assert b"transfer-encoding" not in request.head


async def test_there_is_room_for_as_many_streams_as_the_service_takes() -> None:
    async with h2_world(begins=False) as world:
        assert world.server.room() == 100, "until its SETTINGS come"

        world.peer.begin((Setting.MAX_CONCURRENT_STREAMS, 2))
        asker, other = Asker(), Asker()
        world.ask(asker)
        await world.peer.stream(1)
        world.ask(other)
        await world.peer.stream(3)

        assert world.server.room() == 0
        world.peer.send(headers(1, OK, ends=True))
        await asker.over()
        assert world.server.room() == 1


async def test_a_lease_that_was_never_used_gives_its_place_back() -> None:
    async with h2_world() as world:
        lease = world.server.lease()
        assert world.server.stream_count == 1

        lease.give_back()
        lease.close()

        assert world.server.stream_count == 0


async def test_streams_above_the_last_one_of_a_goaway_were_not_sent() -> None:
    """9113.25."""
    async with h2_world() as world:
        served, dropped = Asker(), Asker()
        world.ask(served)
        world.ask(dropped)
        await world.peer.stream(3)

        world.peer.send(goaway(1))
        await dropped.over()

        assert dropped.failure is not None
        assert dropped.failure[0] is Reason.UPSTREAM_UNREACHABLE
        assert dropped.failure[2], "unsent"
        assert world.server.room() == 0
        world.peer.send(headers(1, OK, ends=True))
        await served.over()
        assert served.is_ended
        assert world.owner.failed == []


async def test_the_last_response_may_come_together_with_a_goaway() -> None:
    """Its bytes are owed credit when the connection is over already, which is no error."""
    async with h2_world() as world:
        asker = Asker()
        world.ask(asker)
        await world.peer.stream(1)

        response = headers(1, OK, ends=False) + body(1, b"all", ends=True)
        world.peer.send(goaway(1) + response + goaway(1))
        await asker.over()

        assert (asker.is_ended, asker.body, asker.failure) == (True, b"all", None)
        await eventually(lambda: world.owner.is_lost)


async def test_a_client_that_leaves_resets_its_stream_alone() -> None:
    async with h2_world() as world:
        gone, stays = Asker(), Asker()
        lease = world.ask(gone)
        world.ask(stays)
        await world.peer.stream(3)

        lease.close()
        await world.peer.wait_for(lambda: world.peer.streams[1].reset is not None)
        world.peer.send(headers(3, OK, ends=True))
        await stays.over()

        assert world.peer.streams[1].reset == Code.CANCEL
        assert stays.is_ended
        assert world.server.stream_count == 0
        assert world.owner.abandoned == 1


async def test_cve_2023_44487_clients_that_leave_never_make_a_service_end_the_others() -> None:
    """Services end a connection with many resets: so it gets no more requests before that."""
    async with h2_world() as world:
        patient = Asker()
        world.ask(patient)
        resets = 0
        while world.server.room() > 50:
            for _ in range(50):
                world.ask(Asker()).close()
            resets += 50
            await eventually(lambda: world.server.stream_count == 1)

        assert 250 <= resets <= 300
        await eventually(lambda: world.owner.rooms[-1] == 0)
        world.peer.send(headers(1, OK, ends=True))
        await patient.over()
        assert patient.is_ended
        await eventually(lambda: not world.server.is_open)


async def test_a_connection_that_ends_fails_all_of_its_requests() -> None:
    async with h2_world() as world:
        waiting, begun = Asker(), Asker()
        world.ask(waiting)
        world.ask(begun)
        await world.peer.stream(3)
        world.peer.send(headers(3, OK, ends=False), body(3, b"a", ends=False))
        await begun.until(lambda: begun.pieces > 0)

        world.peer.wire.close()
        await waiting.over()
        await begun.over()

        assert waiting.failure is not None
        assert waiting.failure[0] is Reason.UPSTREAM_UNREACHABLE
        assert begun.failure is not None
        assert begun.failure[0] is Reason.UPSTREAM_INVALID
        assert world.owner.is_lost


async def test_a_request_whose_head_went_before_a_body_that_waits_was_sent() -> None:
    """RFC 9113 §8.7: the service may have acted on it, so it must not be sent again."""
    async with h2_world() as world:
        world.peer.wire.transport.pause_reading()
        lease = world.ask(Asker(sends_body=True), POST)
        lease.expect_nothing()
        lease.write(bytes(32 * 1024 * 1024))  # more than the kernel takes
        payment = Asker()
        world.ask(payment)
        await eventually(lambda: world.server.write_blocked)

        world.peer.wire.transport.resume_reading()
        await world.peer.stream(3)
        assert world.server.framing.unsent_bytes(1), "not all of the body is sent"
        world.peer.wire.transport.abort()
        await payment.over()

        assert payment.failure is not None
        assert payment.failure[0] is Reason.UPSTREAM_UNREACHABLE
        assert not payment.failure[2], "it is not known to be unsent"


async def test_a_request_that_gets_no_response_asks_by_ping() -> None:
    async with h2_world() as world:
        asker = Asker()
        world.ask(asker, GET, seconds=0.0)
        await world.peer.stream(1)

        world.server.expire(asker.sent_at + 1)
        assert asker.failure is not None
        assert asker.failure[0] is Reason.UPSTREAM_TIMEOUT
        assert world.server.room() == 0

        await world.peer.wait_for(lambda: bool(world.peer.kinds(Kind.PING)))
        (ping,) = world.peer.kinds(Kind.PING)
        world.peer.send(frame(Kind.PING, 0, ping.payload, flags=1))
        await eventually(lambda: world.server.room() > 0)
        assert world.server.is_open


async def test_a_service_that_speaks_something_else_is_invalid() -> None:
    async with h2_world(begins=False) as world:
        asker = Asker()
        world.ask(asker)
        await world.peer.stream(1)
        world.peer.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await asker.over()

        assert asker.failure is not None
        assert asker.failure[0] is Reason.UPSTREAM_INVALID
        assert not world.server.is_open
        assert world.owner.is_lost


FLOODS = {
    "PING": frame(Kind.PING, 0, b"12345678") * 5000,
    "answers to no PING": frame(Kind.PING, 0, b"12345678", flags=1) * 5000,
    "SETTINGS": settings() * 5000,
    "acknowledgements": frame(Kind.SETTINGS, 0, flags=1) * 200_000,
    "WINDOW_UPDATE": window_update(1, 1) * 5000,
    "empty DATA": headers(1, OK, ends=False) + body(1, b"", ends=False) * 5000,
    "PRIORITY": frame(Kind.PRIORITY, 1, bytes(5)) * 200_000,
    "unknown frames": frame(0x99, 0, bytes(16_000)) * 2000,
    "CONTINUATION": frame(Kind.HEADERS, 1, b"\x88") + frame(Kind.CONTINUATION, 1) * 100,
    "interim heads": headers(1, [(b":status", b"103")], ends=False) * 60_000,
    "data of a closed stream": headers(1, OK, ends=True) + body(1, bytes(16_000)) * 3000,
    "endless fields": headers(1, [*OK, *((b"a", b"b" * 1000),) * 1000], ends=True),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flood_ends_its_connection(flood: bytes) -> None:
    """CVE-2019-9512 to 9518, VU#421644, from a service."""
    async with h2_world() as world:
        asker, other = Asker(), Asker()
        world.ask(asker)
        world.ask(other)
        await world.peer.stream(3)

        world.peer.send(flood)
        await other.over()

        assert other.failure is not None
        assert other.failure[0] is Reason.UPSTREAM_INVALID
        assert not world.server.is_open


async def test_credit_for_each_small_piece_of_a_body_is_no_flood() -> None:
    """One client that sends bytes one by one must not end the requests of all others."""
    async with h2_world() as world:
        asker = Asker(sends_body=True)
        lease = world.ask(asker, POST)
        lease.expect_nothing()
        await world.peer.stream(1)
        for size in range(100, 30_000, 100):
            assert asker.failure is None
            for _ in range(100):
                lease.write(b"x")
            await world.peer.wait_for(lambda n=size: len(world.peer.streams[1].body) == n)  # type: ignore[misc]
            world.peer.send((window_update(0, 1) + window_update(1, 1)) * 100)
        world.peer.send(headers(1, OK, ends=True))
        await asker.over()

        assert (asker.status, asker.failure) == (200, None)
        assert world.server.is_open


async def test_compressed_fields_take_little_memory_whatever_they_stand_for() -> None:
    """An HPACK bomb: each byte of a block stands for a field of 4 KiB."""
    large = remembered(b"a", b"x" * 3900)
    interim = b"\x08\x03103"  # :status: 103
    first = frame(Kind.HEADERS, 1, interim + large, flags=4)
    bomb = frame(Kind.HEADERS, 1, interim + b"\xbe" * 15, flags=4)
    async with h2_world() as world:
        asker = Asker()
        world.ask(asker)
        await world.peer.stream(1)
        tracemalloc.start()
        try:
            world.peer.send(first, bomb * 2000)
            await asker.over()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert most < 8 * 1024 * 1024
        assert asker.failure is not None
        assert asker.failure[:2] == (Reason.UPSTREAM_INVALID, "too many interim responses")


async def test_an_idle_connection_ends() -> None:
    async with h2_world(idle_seconds=10.0) as world:
        asker = Asker()
        world.ask(asker)
        await world.peer.stream(1)
        world.server.expire(monotonic() + 11.0)
        assert world.server.is_open, "it is not idle"

        world.peer.send(headers(1, OK, ends=True))
        await asker.over()
        await eventually(lambda: world.server.stream_count == 0)
        world.server.expire(monotonic() + 11.0)

        assert not world.server.is_open
        assert world.owner.is_lost


async def test_a_retired_connection_closes_after_its_last_response() -> None:
    async with h2_world() as world:
        asker = Asker()
        world.ask(asker)
        await world.peer.stream(1)
        world.server.retire()
        assert world.server.room() == 0
        assert world.server.is_open

        world.peer.send(headers(1, OK, ends=False), body(1, b"a"))
        await asker.over()
        await world.peer.wire.wait_end()

        assert asker.is_ended
        assert world.peer.kinds(Kind.GOAWAY)


async def test_a_service_that_answers_no_ping_is_given_up() -> None:
    async with h2_world() as world:
        late, other = Asker(repeats=True), Asker()
        world.ask(late, GET, seconds=0.0)
        world.ask(other)
        await world.peer.stream(3)
        world.server.expire(late.sent_at + 1)
        world.server.expire(monotonic() + 60.0)

        assert other.failure is not None
        assert other.failure[0] is Reason.UPSTREAM_UNREACHABLE
        assert not world.server.is_open


async def test_no_more_requests_are_repeated_than_had_responses() -> None:
    """A service that crashes at each request must not get all of them again and again."""
    async with h2_world() as world:
        first = Asker()
        world.ask(first)
        await world.peer.stream(1)
        world.peer.send(headers(1, OK, ends=True))
        await first.over()
        askers = [Asker(repeats=True) for _ in range(3)]
        for one in askers:
            world.ask(one)
        await world.peer.stream(7)
        world.peer.wire.reset()
        for one in askers:
            await one.over()

        stale = [one.failure[3] for one in askers if one.failure is not None]
        assert stale == [True, False, False]


async def test_an_error_of_ours_costs_one_request_alone() -> None:
    class Broken(Asker):
        def head_received(self, *_: object) -> None:
            raise ZeroDivisionError

    async with h2_world(faults=1) as world:
        broken, other = Broken(), Asker()
        world.ask(broken)
        world.ask(other)
        await world.peer.stream(3)
        world.peer.send(headers(1, OK, ends=True), headers(3, OK, ends=True))
        await broken.over()
        await other.over()

        assert broken.gave_up
        assert other.is_ended
        assert world.owner.failed == []


async def test_a_request_that_is_cancelled_at_once_is_not_sent() -> None:
    async with h2_world() as world:
        world.ask(Asker()).close()
        await eventually(lambda: world.server.stream_count == 0)
        asker = Asker()
        world.ask(asker)
        await world.peer.wait_for(lambda: bool(world.peer.kinds(Kind.HEADERS)))

        assert [one.stream for one in world.peer.kinds(Kind.HEADERS)] == [3]
        world.peer.send(headers(3, OK, ends=True))
        await asker.over()
        assert asker.is_ended


async def test_a_request_that_waits_while_the_service_goes_away_was_not_sent() -> None:
    async with h2_world() as world:
        served = Asker()
        world.ask(served)
        await world.peer.stream(1)
        world.peer.send(goaway(1))
        await eventually(lambda: world.server.room() == 0)
        late = Asker()
        world.server.lease().send(late, GET, monotonic(), 60.0)  # its place was taken before
        await late.over()

        assert late.failure is not None
        assert late.failure[0] is Reason.UPSTREAM_UNREACHABLE
        assert late.failure[2], "unsent"
        world.peer.send(headers(1, OK, ends=True))
        await served.over()
        await world.peer.wire.wait_end()
        assert world.server.stream_count == 0


async def test_streams_beyond_a_lowered_limit_wait_for_a_place() -> None:
    async with h2_world() as world:
        first, second = Asker(), Asker()
        world.ask(first)
        await world.peer.stream(1)
        world.peer.send(settings([(Setting.MAX_CONCURRENT_STREAMS, 1)]))
        await eventually(lambda: world.server.room() == 0)
        world.ask(second)

        world.peer.send(headers(1, OK, ends=True))
        await first.over()
        await world.peer.stream(3)
        world.peer.send(headers(3, OK, ends=True))
        await second.over()
        assert second.is_ended
