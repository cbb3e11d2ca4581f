"""One request over HTTP/2 gets one whole response, or a failure that says what happened."""

import pytest

from gateway.decision.reason import Reason
from tests.proxy.h2.frames import Code, Field, body, headers, rst_stream
from tests.proxy.upstream.h2_service import POST, Asker, h2_world

OK: list[Field] = [(b":status", b"200")]

LONG = (b"content-length", b"5")
SHORT = (b"content-length", b"2")

BROKEN = {
    "a length lie, short": (headers(1, [*OK, LONG], ends=False), body(1, b"a")),
    "a length lie, long": (headers(1, [*OK, SHORT], ends=False), body(1, b"aaa")),
    "upper case": (headers(1, [*OK, (b"Set-Cookie", b"a")], ends=True),),
    "a line end in a value": (headers(1, [*OK, (b"a", b"b\r\nc: d")], ends=True),),
    "an invalid status": (headers(1, [(b":status", b"999")], ends=True),),
    "a switch of protocols": (headers(1, [(b":status", b"101")], ends=False),),
    "a pseudo-field in trailers": (
        headers(1, OK, ends=False), headers(1, [(b":status", b"200")], ends=True),
    ),
    "a reset": (rst_stream(1, Code.INTERNAL_ERROR),),
    "a reset without an error": (rst_stream(1, Code.NO_ERROR),),
    "a reset in the middle": (headers(1, OK, ends=False), rst_stream(1, Code.NO_ERROR)),
    "a body with 204": (headers(1, [(b":status", b"204")], ends=False), body(1, b"abc")),
    "endless interim responses": (headers(1, [(b":status", b"103")], ends=False),) * 17,
}  # fmt: skip


@pytest.mark.parametrize("frames", BROKEN.values(), ids=BROKEN)
async def test_a_malformed_response_is_invalid_and_costs_its_stream_alone(
    frames: tuple[bytes, ...],
) -> None:
    """9113.24."""
    async with h2_world() as world:
        asker, other = Asker(), Asker()
        world.ask(asker)
        world.ask(other)
        await world.peer.stream(3)

        world.peer.send(*frames)
        await asker.over()
        world.peer.send(headers(3, OK, ends=False), body(3, b"fine"))
        await other.over()

        assert asker.failure is not None
        assert asker.failure[0] is Reason.UPSTREAM_INVALID
        assert asker.failure[2:] == (False, False)
        assert other.body == b"fine"
        assert world.server.stream_count == 0


async def test_a_refused_stream_may_be_sent_again() -> None:
    """9113.25. RFC 9113 §8.7: nothing was done about the request."""
    async with h2_world() as world:
        asker = Asker()
        world.ask(asker)
        await world.peer.stream(1)

        world.peer.send(rst_stream(1, Code.REFUSED_STREAM))
        await asker.over()

        assert asker.failure is not None
        assert asker.failure[0] is Reason.UPSTREAM_UNREACHABLE
        assert asker.failure[2], "unsent"


async def test_trailers_and_interim_responses_are_passed_on() -> None:
    async with h2_world() as world:
        asker = Asker()
        world.ask(asker)
        await world.peer.stream(1)

        world.peer.send(
            headers(1, [(b":status", b"100")], ends=False),
            headers(1, [(b":status", b"103"), (b"link", b"a")], ends=False),
            headers(1, OK, ends=False),
            body(1, b"x", ends=False),
            headers(1, [(b"grpc-status", b"0")], ends=True),
        )
        await asker.over()

        assert asker.interims == [(103, b"\r\nlink: a")]
        assert asker.trailers == b"\r\ngrpc-status: 0"
        assert asker.is_ended


async def test_9113_8_1_an_early_response_ends_the_request() -> None:
    async with h2_world() as world:
        asker = Asker(sends_body=True)
        lease = world.ask(asker, POST)
        lease.expect_nothing()
        lease.write(b"begun")
        await world.peer.stream(1)

        world.peer.send(headers(1, OK, ends=False), body(1, b"no"), rst_stream(1, Code.NO_ERROR))
        await asker.over()

        assert (asker.is_ended, asker.body, asker.failure) == (True, b"no", None)
        assert world.server.stream_count == 0


async def test_a_body_waits_for_room_and_arrives_whole() -> None:
    content = bytes(range(256)) * 1024
    async with h2_world(begins=False) as world:
        world.peer.begin(window=100)
        asker = Asker(sends_body=True)
        lease = world.ask(asker, POST)
        lease.expect_nothing()
        await world.peer.stream(1)
        lease.write(content)
        assert asker.blocked == 1

        world.peer.credit(1, len(content))
        await asker.until(lambda: asker.blocked == 0)
        asker.complete = True
        lease.expect_response()
        request = await world.peer.stream(1, ended=True)

        assert request.body == content
