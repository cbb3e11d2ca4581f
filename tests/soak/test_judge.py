"""What a client of a soak takes for the answer to its request, and what it never does."""

import asyncio

import pytest

from tests.proxy.wire import Cut
from tests.soak.judge import Answer, Violation, expect, read_answer
from tests.soak.long_wire import LongWire, connect
from tests.soak.order import Order
from tests.soak.patterns import answered_body
from tests.soak.plan import FORGED, NONE, WEAK, Ask

SIZE = 600
ASK = Ask("1-2-3", order=Order(size=SIZE))
BODY = answered_body("1-2-3", SIZE)


def answer(body: bytes = BODY, *lines: bytes, nonce: bytes = b"1-2-3", status: int = 200) -> bytes:
    head = (b"HTTP/1.1 %d Words" % status, b"X-Nonce: " + nonce, *lines)
    return b"\r\n".join((*head, b"", b"")) + body


def sized(body: bytes = BODY, nonce: bytes = b"1-2-3") -> bytes:
    return answer(body, b"Content-Length: %d" % len(body), nonce=nonce)


def chunked(body: bytes = BODY) -> bytes:
    return answer(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), b"Transfer-Encoding: chunked")


def refusal(status: int, instance: bytes = b"id-1") -> bytes:
    body = b'{"status": %d, "instance": "%b"}' % (status, instance)
    head = (
        b"HTTP/1.1 %d Words\r\nX-Request-Id: id-1\r\nContent-Type: application/problem+json\r\n"
        b"Content-Length: %d\r\n\r\n" % (status, len(body))
    )
    return head + body


async def judge(text: bytes, ask: Ask = ASK) -> Answer:
    """Return what is read where a gateway sends *text* and ends."""

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    async with server:
        wire: LongWire = await connect(server.sockets[0].getsockname()[:2])
        try:
            return await read_answer(wire, ask, lambda _: None)
        finally:
            wire.close()


def flip(body: bytes, at: int) -> bytes:
    return body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]


@pytest.mark.parametrize(
    "text",
    [
        sized(),
        chunked(),
        answer(BODY, b"Connection: close"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + sized(),
        b"HTTP/1.1 103 Early Hints\r\nX-Nonce: 1-2-3\r\n\r\n" + sized(),
    ],
)
async def test_the_answer_that_was_ordered_is_taken(text: bytes) -> None:
    taken = await judge(text)

    assert taken.status == 200
    assert taken.request_id is None


@pytest.mark.parametrize(
    "text",
    [
        sized(nonce=b"1-2-4"),
        sized(answered_body("1-2-4", SIZE)),
        sized(BODY[:-1]),
        sized(BODY + b"x"),
        sized(flip(BODY, 599)),
        chunked(BODY[:256]),
        answer(BODY[:-1], b"Connection: close"),
        answer(BODY, b"Content-Length: 600", status=201),
        answer(b"", b"Content-Length: 600", b"Transfer-Encoding: chunked"),
        answer(BODY),
        b"HTTP/1.1 103 Early Hints\r\nX-Nonce: 1-2-4\r\n\r\n" + sized(),
        b"forged\r\n\r\n",
        refusal(502),
        refusal(401),
    ],
)
async def test_any_other_answer_is_a_violation(text: bytes) -> None:
    with pytest.raises(Violation):
        await judge(text)


@pytest.mark.parametrize("text", [sized()[:-1], chunked()[:-5], sized()[:20], b""])
async def test_an_answer_cut_short_is_seen_as_such(text: bytes) -> None:
    with pytest.raises(Cut):
        await judge(text)


@pytest.mark.parametrize("do", ["half-sized", "half-chunked", "bad-chunk"])
async def test_half_an_answer_that_looks_complete_is_a_violation(do: str) -> None:
    ask = Ask("1-2-3", order=Order(do, size=SIZE))

    with pytest.raises(Violation, match="looks complete"):
        await judge(sized(), ask)
    with pytest.raises(Violation, match="looks complete"):
        await judge(sized(BODY[:300]), ask)


async def test_http_1_0_reads_no_chunks() -> None:
    with pytest.raises(Violation):
        await judge(chunked(), Ask("1-2-3", version="1.0", order=Order(size=SIZE)))


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (Ask("1", credential=NONE), 401),
        (Ask("1", credential=FORGED), 401),
        (Ask("1", credential=WEAK), 403),
        (Ask("1", route="admin"), 403),
        (Ask("1", route="nowhere"), 404),
        (Ask("1", flaw="two-lengths"), 400),
        (Ask("1", order=Order("silent")), 502),
    ],
)
async def test_the_refusal_that_is_due_is_the_only_one(ask: Ask, status: int) -> None:
    assert (await judge(refusal(status), ask)).request_id == "id-1"
    for other in {400, 401, 403, 404, 502} - {status}:
        with pytest.raises(Violation):
            await judge(refusal(other), ask)
    with pytest.raises(Violation):
        await judge(refusal(status, b"id-2"), ask)


def test_only_what_is_allowed_may_reach_a_service() -> None:
    assert expect(Ask("1")).reaches
    assert not expect(Ask("1", credential=NONE)).reaches
    assert not expect(Ask("1", flaw="both-framings")).reaches
