"""Carry out one planned connection of HTTP/2: all its requests at once, each judged by itself."""

import asyncio
from contextlib import suppress

from tests.proxy.h2.frames import Code, Field, body, headers, request_fields, rst_stream
from tests.proxy.h2.wire import Http2Client, Stream
from tests.soak.judge import Violation, check_body, check_refusal, expect
from tests.soak.ledger import Ledger
from tests.soak.long_wire import LongWire
from tests.soak.patterns import asked_body
from tests.soak.plan import Ask, Streams
from tests.soak.requests import Tokens


async def ask_streams(wire: LongWire, plan: Streams, tokens: Tokens, ledger: Ledger) -> None:
    """Do what *plan* says on *wire*; raises Violation."""
    client = Http2Client(wire)
    client.begin()
    ledger.repeatable.update(ask.nonce for ask in plan.asks if ask.is_repeatable)
    uploads = []
    waited: dict[int, Ask] = {}
    for number, ask in enumerate(plan.asks):
        ledger.abandoned(ask.nonce, may_reach=expect(ask).reaches)
        stream = 2 * number + 1
        content = asked_body(ask.nonce, ask.order.body)
        client.send(headers(stream, fields_of(ask, tokens), ends=not ask.has_body))
        if number in plan.cancelled:
            client.send(body(stream, content[:1000], ends=False) if ask.has_body else b"")
            await asyncio.sleep(ask.pause_ms / 1000)
            client.send(rst_stream(stream))
            continue
        waited[stream] = ask
        if ask.has_body:
            uploads.append(asyncio.ensure_future(client.upload(stream, content)))
    try:
        await client.wait_over(*waited)
    finally:
        for upload in uploads:
            upload.cancel()
            with suppress(asyncio.CancelledError):
                await upload
    if client.is_gone or client.goaways:
        raise Violation(f"the connection was ended: {client.goaways} {wire.error!r}")
    for stream, ask in waited.items():
        judge_stream(client.stream(stream), ask, ledger)


def fields_of(ask: Ask, tokens: Tokens) -> list[Field]:
    """Return the fields of *ask*."""
    token = tokens.of(ask)
    fields = [] if token is None else [(b"authorization", b"Bearer " + token)]
    if ask.has_body and not ask.is_chunked:
        fields.append((b"content-length", b"%d" % ask.order.body))
    target, method = ask.target.encode(), ask.method.encode()
    return request_fields(target, *fields, method=method, authority=b"soak.test")


def judge_stream(stream: Stream, ask: Ask, ledger: Ledger) -> None:
    """Raise Violation unless *stream* may have become of *ask*; write down what did."""
    expected = expect(ask)
    for head in stream.heads:
        nonces = [value for name, value in head if name == b"x-nonce"]
        if nonces not in ([], [ask.nonce.encode()]):
            raise Violation(f"the answer to {nonces} in place of the answer to {ask.nonce}")
    if not stream.is_ended:
        if not expected.may_be_cut or stream.reset == Code.NO_ERROR:
            raise Violation(f"{ask.nonce}: {stream.label}")
        ledger.cut(ask.nonce)
        return
    message = stream.message
    is_theirs = message.has(b"x-nonce")
    if stream.status not in (expected.theirs if is_theirs else expected.ours):
        raise Violation(f"status {stream.status}, expected {expected}: {message.fields}")
    request_id = None
    if is_theirs:
        check_body(ask, message, message.body)
    else:
        request_id = check_refusal(ask, message, message.body)
    ledger.answered(ask.nonce, stream.status, request_id, may_reach=expected.reaches)
