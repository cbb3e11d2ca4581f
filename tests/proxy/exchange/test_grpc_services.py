"""Calls between real clients and services of gRPC pass, and end with their tokens."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import Any

import grpc
import pytest

from gateway.http.writing.grpc_status import GrpcStatus
from tests.hanging import LIMIT_SECONDS
from tests.keyring.peers import until
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import EXPIRED, RunningGateway, good_token, make_token
from tests.proxy.grpc_calls import TOKEN, call, message, see, speak, status_of
from tests.proxy.h2.frames import body, headers
from tests.proxy.h2.wire import Http2Client
from tests.proxy.stream_service import Call as ServiceCall
from tests.proxy.stream_service import StreamServer, StreamService, running_streams

KINDS = ("unary", "server", "client", "both")


@dataclass(slots=True)
class Seen:
    """One call, as the service sees it."""

    metadata: dict[str, str | bytes]
    time_remaining: float | None
    received: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    is_whole: bool = False  # the client's side ended in good order


class GrpcService:
    """A service of grpcio whose methods are `kind` and `kind-silent` of every kind of made.

    The silent ones answer nothing, or after their first message nothing more, until they are over.
    """

    def __init__(self) -> None:
        self.calls: list[Seen] = []
        self.port = 0

    def take(self, context: grpc.ServicerContext) -> Seen:
        metadata = dict(context.invocation_metadata())
        seen = Seen(metadata, context.time_remaining())
        self.calls.append(seen)
        if not context.add_callback(seen.over.set):
            seen.over.set()
        return seen

    def unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        seen = self.take(context)
        seen.received.append(request)
        seen.is_whole = True
        return b"got " + request

    def unary_silent(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        seen = self.take(context)
        seen.received.append(request)
        seen.over.wait(LIMIT_SECONDS)
        return b"late"

    def server(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        seen = self.take(context)
        seen.received.append(request)
        seen.is_whole = True
        for number in range(3):
            yield b"%d " % number + request

    def server_silent(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        seen = self.take(context)
        seen.received.append(request)
        yield b"first"
        seen.over.wait(LIMIT_SECONDS)

    def client(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        seen = self.take(context)
        for one in requests:
            seen.received.append(one)
        seen.is_whole = True
        return b"got " + b", ".join(seen.received)

    def both(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        seen = self.take(context)
        for one in requests:
            seen.received.append(one)
            yield b"got " + one
        seen.is_whole = True

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "a.B",
            {
                "unary": grpc.unary_unary_rpc_method_handler(self.unary),
                "unary-silent": grpc.unary_unary_rpc_method_handler(self.unary_silent),
                "server": grpc.unary_stream_rpc_method_handler(self.server),
                "server-silent": grpc.unary_stream_rpc_method_handler(self.server_silent),
                "client": grpc.stream_unary_rpc_method_handler(self.client),
                "client-silent": grpc.stream_unary_rpc_method_handler(self.client),
                "both": grpc.stream_stream_rpc_method_handler(self.both),
                "both-silent": grpc.stream_stream_rpc_method_handler(self.both),
            },
        )


@contextmanager
def running_service(**options: int) -> Iterator[GrpcService]:
    """Yield a service that listens; *options* are grpcio's, with `_` for `.`."""
    service = GrpcService()
    pool = ThreadPoolExecutor(8)
    server = grpc.server(pool, options=[(f"grpc.{name}", value) for name, value in options.items()])
    server.add_generic_rpc_handlers((service.handlers(),))
    service.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield service
    finally:
        server.stop(None).wait(LIMIT_SECONDS)
        for seen in service.calls:
            seen.over.set()
        pool.shutdown()


@pytest.fixture
def grpc_service() -> Iterator[GrpcService]:
    with running_service() as service:
        yield service


ROUTE = {"name": "calls", "match": {"path_prefix": "/a.B/"}, "upstream": "main", "require": {}}


@pytest.fixture
async def grpc_gateway(start_gateway: StartGateway, grpc_service: GrpcService) -> RunningGateway:
    url = f"http://127.0.0.1:{grpc_service.port}"
    return await start_gateway([url], upstream={"protocol": "h2c"}, routes=[ROUTE])


@pytest.fixture
async def channel(grpc_gateway: RunningGateway) -> AsyncIterator[grpc.Channel]:
    host, port = grpc_gateway.address
    # Not the ones of other tests: grpcio shares connections in a process.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"{host}:{port}", options) as made:
        yield made
        await asyncio.to_thread(made.close)


class Call:
    """One call of any kind: what it sends is put in, what comes is kept."""

    def __init__(
        self, channel: grpc.Channel, method: str, token: bytes, timeout: float | None = None
    ) -> None:
        self.sent: Queue[bytes | None] = Queue()
        self.received: list[bytes] = []
        metadata: tuple[tuple[str, str | bytes], ...] = (
            ("authorization", f"Bearer {token.decode()}"),
            ("x-trace-bin", b"\0\xff"),
        )
        ask: Any = channel.stream_stream(f"/a.B/{method}")
        self._call: Any = ask(
            iter(self.sent.get, None), timeout=timeout or LIMIT_SECONDS, metadata=metadata
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            for one in self._call:
                self.received.append(one)
        except grpc.RpcError:
            pass  # the status is asked for below

    def send(self, *messages: bytes | None) -> None:
        """Send *messages*; None is the end."""
        for one in messages:
            self.sent.put(one)

    def cancel(self) -> None:
        self._call.cancel()

    async def end(self) -> tuple[grpc.StatusCode, str]:
        """Return how the call ended."""
        await asyncio.to_thread(self._reader.join, LIMIT_SECONDS)
        assert not self._reader.is_alive()
        self.sent.put(None)
        return self._call.code(), self._call.details()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_of_every_kind_passes(
    channel: grpc.Channel, grpc_service: GrpcService, kind: str
) -> None:
    made = Call(channel, kind, good_token())
    messages = [b"one"] if kind in ("unary", "server") else [b"one", b"two"]

    made.send(*messages, None)

    assert await made.end() == (grpc.StatusCode.OK, "")
    (seen,) = grpc_service.calls
    assert seen.received == messages
    assert seen.is_whole
    assert (
        made.received
        == {
            "unary": [b"got one"],
            "server": [b"0 one", b"1 one", b"2 one"],
            "client": [b"got one, two"],
            "both": [b"got one", b"got two"],
        }[kind]
    )
    assert seen.metadata["x-gateway-subject"] == "alice"
    assert seen.metadata["x-trace-bin"] == b"\0\xff"
    assert "authorization" not in seen.metadata


async def test_an_answer_comes_before_the_next_message_is_sent(
    channel: grpc.Channel, grpc_service: GrpcService
) -> None:
    made = Call(channel, "both", good_token())
    for number in range(20):
        made.send(b"%d" % number)
        await until(lambda: len(made.received) > number)  # noqa: B023 - awaited here
    made.send(None)
    assert (await made.end())[0] is grpc.StatusCode.OK


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_of_every_kind_ends_with_its_token(
    channel: grpc.Channel, grpc_service: GrpcService, grpc_gateway: RunningGateway, kind: str
) -> None:
    made = Call(channel, f"{kind}-silent", make_token(exp=time.time() + 600))
    made.send(b"one", *([None] if kind in ("unary", "server") else []))
    await until(lambda: bool(grpc_service.calls and grpc_service.calls[0].received))
    if kind in ("server", "both"):
        await until(lambda: len(made.received) == 1)

    grpc_gateway.pass_time(EXPIRED)

    ended = await made.end()
    assert ended == (grpc.StatusCode.UNAUTHENTICATED, "token_expired: The access token has expired")
    assert await asyncio.to_thread(grpc_service.calls[0].over.wait, LIMIT_SECONDS)


async def test_a_cancelled_call_is_cancelled_at_its_service_and_no_other_is(
    channel: grpc.Channel, grpc_service: GrpcService, grpc_gateway: RunningGateway
) -> None:
    first = Call(channel, "both", good_token())
    first.send(b"1")
    await until(lambda: bool(first.received))
    second = Call(channel, "both", good_token())
    second.send(b"2")
    await until(lambda: bool(second.received))

    first.cancel()
    assert await asyncio.to_thread(grpc_service.calls[0].over.wait, LIMIT_SECONDS)

    assert (await first.end())[0] is grpc.StatusCode.CANCELLED
    second.send(b"3", None)
    assert (await second.end())[0] is grpc.StatusCode.OK
    assert second.received == [b"got 2", b"got 3"]


async def test_the_service_knows_what_is_left_of_the_deadline(
    channel: grpc.Channel, grpc_service: GrpcService
) -> None:
    made = Call(channel, "unary", good_token(), timeout=50)
    made.send(b"one", None)
    assert (await made.end())[0] is grpc.StatusCode.OK
    (seen,) = grpc_service.calls
    assert seen.time_remaining is not None
    assert 0 < seen.time_remaining <= 50


async def test_a_deadline_that_passes_at_the_client_ends_the_call_at_its_service(
    channel: grpc.Channel, grpc_service: GrpcService
) -> None:
    made = Call(channel, "unary-silent", good_token(), timeout=0.5)
    made.send(b"one", None)
    assert (await made.end())[0] is grpc.StatusCode.DEADLINE_EXCEEDED
    for seen in grpc_service.calls:  # none if this machine was too slow to send it in time
        assert await asyncio.to_thread(seen.over.wait, LIMIT_SECONDS)


async def test_a_refusal_is_what_a_client_of_grpc_expects(channel: grpc.Channel) -> None:
    made = Call(channel, "unary", b"x.y.z")
    made.send(b"one", None)
    assert await made.end() == (
        grpc.StatusCode.UNAUTHENTICATED,
        "token_malformed: The access token is malformed",
    )
    named = dict(made._call.initial_metadata()) | dict(made._call.trailing_metadata())
    assert str(named["www-authenticate"]).startswith('Bearer realm="gateway", error="invalid_')
    assert "x-request-id" in named


async def test_a_drain_ends_a_call_that_is_not_over_as_unavailable(
    channel: grpc.Channel, grpc_service: GrpcService, grpc_gateway: RunningGateway
) -> None:
    made = Call(channel, "both", good_token())
    made.send(b"one")
    await until(lambda: bool(made.received))

    await grpc_gateway.gateway.data._listener.drain(0.5)

    assert await made.end() == (
        grpc.StatusCode.UNAVAILABLE,
        "draining: The gateway is shutting down",
    )


# --- by another implementation, whose frames are recorded


@pytest.fixture
async def streams() -> AsyncIterator[StreamService]:
    async with running_streams() as service:
        yield service


async def before(start: StartGateway, service: StreamService, **changes: Any) -> RunningGateway:
    """Return a gateway in front of *service*."""
    return await start([service.url], upstream={"protocol": "h2c"}, routes=[ROUTE], **changes)


def reply(call: ServiceCall) -> None:
    call.respond(body=message(b"yes"), trailers={b"grpc-status": b"0"})


@pytest.mark.parametrize("has_begun", [False, True], ids=["no response", "a response"])
async def test_the_service_never_takes_the_beginning_of_a_call_for_all_of_it(
    start_gateway: StartGateway, streams: StreamService, has_begun: bool
) -> None:
    """The deadline has passed: the stream is reset, never ended; the connection stays."""
    gateway = await before(start_gateway, streams)
    client = await speak(gateway)
    streams.answer = reply
    asked = call(b"/a.B/C", TOKEN, (b"grpc-timeout", b"1H"))
    client.send(headers(1, asked, ends=False), body(1, message(b"one"), ends=False))
    await streams.until(lambda: bool(streams.calls and streams.calls[0].body))
    (seen,) = streams.calls
    if has_begun:
        head = [(b":status", b"200"), (b"content-type", b"application/grpc")]
        seen.connection.h2.send_headers(seen.stream, head)
        seen.connection.flush()
        await see(client, lambda: bool(client.stream(1).heads))

    gateway.expire(3601)
    await client.wait_over(1)
    await streams.until(lambda: seen.is_reset)

    assert status_of(client.stream(1))[0] == GrpcStatus.DEADLINE_EXCEEDED
    assert not seen.is_ended
    assert seen.head[b"te"] == b"trailers"
    assert seen.head[b"grpc-timeout"].endswith(b"m")
    client.skip_to(3)
    again = await client.fetch(call(b"/a.B/C", TOKEN), message(b"two"))
    assert status_of(again) == (0, "")
    assert len(streams.connections) == 1


@pytest.mark.parametrize("size", [5, 16 * 1024, 16 * 1024 + 1])
async def test_a_call_that_its_service_refuses_unseen_is_sent_again_if_it_is_short(
    start_gateway: StartGateway, streams: StreamService, size: int
) -> None:
    """RFC 9113 §8.7: REFUSED_STREAM says that nothing was done."""
    client = await speak(await before(start_gateway, streams))

    def refuse_once(call: ServiceCall) -> None:
        if len(streams.calls) == 1:
            call.refuse()
        else:
            reply(call)

    streams.answer = refuse_once
    content = message(bytes(size - 5))
    stream = await client.fetch(call(b"/a.B/C", TOKEN), content)

    if size > 16 * 1024:
        assert status_of(stream)[0] == GrpcStatus.UNAVAILABLE
        assert len(streams.calls) == 1
    else:
        assert status_of(stream) == (0, "")
        assert [bytes(one.body) for one in streams.calls] == [content, content]
        # Credit for each byte once: the client's window is neither smaller nor larger than before.
        await client.wait_read()
        assert client.window_updates.get(stream_id_of(client), 0) <= size


def stream_id_of(client: Http2Client) -> int:
    (number,) = client.streams
    return number


async def test_no_call_fails_while_its_service_ends_one_connection_after_the_other(
    start_gateway: StartGateway, streams: StreamService
) -> None:
    """RFC 9113 §6.8: what is above the last stream of a GOAWAY is sent on another connection."""
    client = await speak(await before(start_gateway, streams))
    answered: list[bytes] = []
    last: dict[StreamServer, int] = {}

    def answer(call: ServiceCall) -> None:
        """End the connection with every 20th stream; what came after that is dropped."""
        server = call.connection
        if call.stream > last.get(server, call.stream):
            return
        answered.append(bytes(call.body))
        reply(call)
        if call.stream >= 41 and server not in last:
            last[server] = call.stream
            server.go_away(call.stream)

    streams.answer = answer
    asked: list[int] = []
    for number in range(300):
        if number >= 16:
            await client.wait_over(asked[number - 16])
        asked.append(client.ask(call(b"/a.B/C", TOKEN), message(b"%d" % number)))
    await client.wait_over(*asked)

    assert [status_of(client.stream(one)) for one in asked] == [(0, "")] * 300
    assert sorted(answered) == sorted(message(b"%d" % number) for number in range(300))
    assert len(streams.connections) > 5
