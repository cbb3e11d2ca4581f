"""A client and a service of gRPC by grpcio: ``talk.py serve KEY CERTIFICATE`` or ``talk.py ask …``.

The service prints its two ports. The client prints what came of each call, one line of JSON for
all: see ``test_calls.py``. Messages are bytes, so that no code needs to be generated.
"""

import hashlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

SERVICE = "test.Talk"
_LARGE = 3 << 20
_DEADLINE_SECONDS = 0.4
_PATIENCE_SECONDS = 60

# Proxies of the machine are no part of this.
_OPTIONS = [("grpc.enable_http_proxy", 0)]

cancelled = threading.Semaphore(0)


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


# --- the service


def unary(request: bytes, context: grpc.ServicerContext) -> bytes:
    fields = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-echo", str(fields.get("x-echo", ""))),))
    context.set_trailing_metadata((("x-trailer-bin", b"\x00\xff"),))
    return b"unary " + request


def count(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    for number in range(int(request)):
        yield b"%d" % number


def join(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    return b"".join(requests)


def answer_each(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    for request in requests:
        yield request + b"!"


def fail(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.abort(grpc.StatusCode.NOT_FOUND, "not found: ä%")
    raise AssertionError


def fail_late(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    yield b"one"
    context.abort(grpc.StatusCode.DATA_LOSS, "lost")


def wait(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    ended = threading.Event()
    context.add_callback(ended.set)
    yield b"waiting"
    ended.wait(_PATIENCE_SECONDS)
    cancelled.release()


def hang(request: bytes, context: grpc.ServicerContext) -> bytes:
    ended = threading.Event()
    context.add_callback(ended.set)
    ended.wait(_PATIENCE_SECONDS)
    return b""


def was_cancelled(request: bytes, context: grpc.ServicerContext) -> bytes:
    return b"yes" if cancelled.acquire(timeout=_PATIENCE_SECONDS) else b"no"


_KINDS: list[tuple[Callable[..., Any], Callable[..., Any], str]] = [
    (grpc.unary_unary_rpc_method_handler, unary, "Unary"),
    (grpc.unary_stream_rpc_method_handler, count, "Count"),
    (grpc.stream_unary_rpc_method_handler, join, "Join"),
    (grpc.stream_stream_rpc_method_handler, answer_each, "AnswerEach"),
    (grpc.unary_unary_rpc_method_handler, fail, "Fail"),
    (grpc.unary_stream_rpc_method_handler, fail_late, "FailLate"),
    (grpc.unary_stream_rpc_method_handler, wait, "Wait"),
    (grpc.unary_unary_rpc_method_handler, hang, "Hang"),
    (grpc.unary_unary_rpc_method_handler, was_cancelled, "WasCancelled"),
]


def serve(key: str, certificate: str) -> None:
    server = grpc.server(ThreadPoolExecutor(32), options=_OPTIONS)
    handlers = {name: kind(method) for kind, method, name in _KINDS}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    pair = (Path(key).read_bytes(), Path(certificate).read_bytes())
    plain = server.add_insecure_port("127.0.0.1:0")
    secure = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    _say({"plain": plain, "secure": secure})
    server.wait_for_termination()


# --- the client


class Client:
    """Calls on one channel."""

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self._channel = channel
        self.fields = (("authorization", f"Bearer {token}"),) if token else ()

    def _call(self, kind: str, method: str) -> Any:
        return getattr(self._channel, kind)(f"/{SERVICE}/{method}")

    def unary(self, method: str, request: bytes, **more: Any) -> bytes:
        call = self._call("unary_unary", method)
        answer: bytes = call(request, metadata=self.fields, timeout=_PATIENCE_SECONDS, **more)
        return answer

    def failure(self, method: str, seconds: float = _PATIENCE_SECONDS) -> list[Any]:
        call = self._call("unary_unary", method)
        try:
            call(b"x", metadata=self.fields, timeout=seconds)
        except grpc.RpcError as error:
            return [error.code().value[0], error.details()]
        return ["no failure"]

    def metadata(self) -> list[Any]:
        call = self._call("unary_unary", "Unary")
        fields = (*self.fields, ("x-echo", "echoed"))
        answer, state = call.with_call(b"hello", metadata=fields, timeout=_PATIENCE_SECONDS)
        first = dict(state.initial_metadata())
        last = dict(state.trailing_metadata())
        return [answer.decode(), first.get("x-echo"), last.get("x-trailer-bin", b"").hex()]

    def count(self, number: int) -> list[str]:
        call = self._call("unary_stream", "Count")
        answers = call(b"%d" % number, metadata=self.fields, timeout=_PATIENCE_SECONDS)
        return [one.decode() for one in answers]

    def join(self, *pieces: bytes) -> str:
        call = self._call("stream_unary", "Join")
        return str(call(iter(pieces), metadata=self.fields, timeout=_PATIENCE_SECONDS).decode())

    def ping_pong(self) -> list[str]:
        """Send each message only after the answer to the one before."""
        answers: list[str] = []
        turn = threading.Semaphore(1)

        def requests() -> Iterator[bytes]:
            for number in range(3):
                turn.acquire()
                yield b"%d" % number

        call = self._call("stream_stream", "AnswerEach")
        for one in call(requests(), metadata=self.fields, timeout=_PATIENCE_SECONDS):
            answers.append(one.decode())
            turn.release()
        return answers

    def late_failure(self) -> list[Any]:
        call = self._call("unary_stream", "FailLate")
        answers: list[Any] = []
        try:
            answers.extend(
                one.decode() for one in call(b"x", metadata=self.fields, timeout=_PATIENCE_SECONDS)
            )
        except grpc.RpcError as error:
            answers += [error.code().value[0], error.details()]
        return answers

    def cancel(self) -> list[Any]:
        answers = self._call("unary_stream", "Wait")(
            b"x", metadata=self.fields, timeout=_PATIENCE_SECONDS
        )
        first = next(answers).decode()
        answers.cancel()
        try:
            next(answers)
        except grpc.RpcError as error:
            return [first, error.code().value[0]]
        return [first]

    def large(self) -> bool:
        content = bytes(range(256)) * (_LARGE // 256)
        answer = self.unary("Unary", content)
        return hashlib.sha256(answer).digest() == hashlib.sha256(b"unary " + content).digest()

    def at_once(self) -> bool:
        call = self._call("unary_unary", "Unary")
        futures = [
            call.future(b"%d" % number, metadata=self.fields, timeout=_PATIENCE_SECONDS)
            for number in range(50)
        ]
        return [one.result() for one in futures] == [b"unary %d" % at for at in range(50)]


def ask(address: str, authority: str, name: str, good: str, weak: str) -> None:
    """Call the service *name*, which is what the gateway is asked as, too."""
    options = [*_OPTIONS, ("grpc.default_authority", name)]
    if authority:
        trusted = grpc.ssl_channel_credentials(Path(authority).read_bytes())
        channel = grpc.secure_channel(address, trusted, options=options)
    else:
        channel = grpc.insecure_channel(address, options=options)
    client = Client(channel, good)
    results = {
        "metadata": client.metadata(),
        "count": client.count(5),
        "nothing": client.count(0),
        "join": client.join(b"a", b"b", b"", b"c"),
        "ping_pong": client.ping_pong(),
        "failure": client.failure("Fail"),
        "late_failure": client.late_failure(),
        "deadline": client.failure("Hang", _DEADLINE_SECONDS)[0],
        "cancel": client.cancel(),
        "was_cancelled": client.unary("WasCancelled", b"").decode(),
        "large": client.large(),
        "at_once": client.at_once(),
        "unknown": client.failure("Unknown")[0],
        "no_token": Client(channel, "").failure("Unary")[0],
        "weak_token": Client(channel, weak).failure("Unary")[0],
    }
    _say(results)
    channel.close()


if __name__ == "__main__":
    (serve if sys.argv[1] == "serve" else ask)(*sys.argv[2:])
