"""Responses on their way to the client: framed anew, passed on at once, nothing hidden in them."""

import asyncio
import time
from email.utils import parsedate_to_datetime

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import ROUTES, RunningGateway, bearer
from tests.proxy.messages import make_answer, make_request, read_answer, read_chunk, read_head
from tests.proxy.service import Script, Service, serve
from tests.proxy.wire import Cut, Wire

# --- answers without a body


@pytest.mark.parametrize(
    "fields", [b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"]
)
async def test_a_response_to_head_has_the_fields_without_the_body(
    service: Service, client: Wire, fields: bytes
) -> None:
    """9110.10."""
    service.script = serve(b"HTTP/1.1 200 OK\r\nETag: a\r\n" + fields + b"\r\n")

    for _ in range(2):
        client.send(make_request("/open/", method="HEAD"))
        answer = await read_answer(client, is_head=True)
        assert (answer.status, answer.one(b"etag")) == (200, b"a")
        assert answer.all(b"content-length") == ([b"5"] if b"Length" in fields else [])

    assert client.unread == b""
    assert not client.has_ended


async def test_a_refused_head_request_has_no_body_and_keeps_the_connection(client: Wire) -> None:
    """9110.10."""
    client.send(make_request("/api/x", method="HEAD"))
    answer = await read_answer(client, is_head=True)
    client.send(make_request("/open/"))

    assert answer.status == 401
    assert (await read_answer(client)).body == b"hello"


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", []),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", []),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", []),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n", [b"900"]),
    ],
)
async def test_204_and_304_end_with_their_head(
    service: Service, client: Wire, head: bytes, length: list[bytes]
) -> None:
    """9110.10."""
    service.script = serve(head)

    for _ in range(2):
        client.send(make_request("/open/"))
        answer = await read_answer(client)
        assert answer.status == int(head[9:12])
        assert answer.all(b"content-length") == length
        assert not answer.has(b"transfer-encoding")

    assert client.unread == b""


@pytest.mark.parametrize("status", [204, 304])
async def test_a_body_after_204_or_304_is_discarded(
    service: Service, client: Wire, status: int
) -> None:
    service.script = serve(
        b"HTTP/1.1 %d X\r\nContent-Length: 6\r\n\r\ncanary" % status, make_answer(b"next")
    )
    client.send(make_request("/open/"))
    await read_answer(client)
    client.send(make_request("/open/"))

    assert (await read_answer(client)).body == b"next"
    assert b"canary" not in client.received


# --- interim answers

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"


async def test_early_hints_are_passed_on_before_the_final_response(
    service: Service, client: Wire
) -> None:
    """9110.7."""
    released = asyncio.Event()

    async def hint_then_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(HINTS)
        await released.wait()
        wire.send(make_answer(b"whole"))

    service.script = hint_then_answer
    client.send(make_request("/open/"))

    hints = await read_answer(client)
    assert (hints.status, hints.one(b"link")) == (103, b"</a.css>; rel=preload")
    released.set()
    assert (await read_answer(client)).body == b"whole"


async def test_http_1_0_clients_get_no_interim_responses(service: Service, client: Wire) -> None:
    """9110.7."""
    service.script = serve(HINTS + make_answer(b"whole"))

    client.send(make_request("/open/", version="1.0"))

    assert (await read_answer(client)).status == 200


@pytest.mark.parametrize(
    ("framing", "status"),
    [
        (b"Content-Length: 0\r\n", 200),
        (b"Content-Length: 5\r\n", 502),
        (b"Transfer-Encoding: chunked\r\n", 502),
    ],
)
async def test_an_interim_response_does_not_frame_the_next_one(
    service: Service, gateway: RunningGateway, framing: bytes, status: int
) -> None:
    """RFC 9110 §8.6, response splitting: what lies behind five bytes would be the next answer."""
    body = b"first" + make_answer(b"canary")
    service.script = read_then_close(
        b"HTTP/1.1 103 Early Hints\r\n" + framing + b"\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        body,
    )
    client = await gateway.connect()
    client.send(make_request("/open/"))

    if status == 200:
        hints = await read_answer(client)
        assert (hints.status, hints.fields) == (103, ())
    answer = await read_answer(client)
    assert answer.status == status
    assert answer.body == body or b"canary" not in client.received


def read_then_close(*pieces: bytes) -> Script:
    """Return a script that reads one request and sends *pieces*, as far as it is let."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        for piece in pieces:
            wire.send(piece)
            await asyncio.sleep(0)
        wire.close()

    return script


async def test_a_flood_of_interim_responses_is_502(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = serve(HINTS * 100 + make_answer(b"whole"))
    client = await gateway.connect()
    client.send(make_request("/open/"))

    while (answer := await read_answer(client)).status == 103:
        pass

    assert answer.status == 502


async def test_a_100_of_the_upstream_is_not_passed_on(service: Service, client: Wire) -> None:
    service.script = serve(b"HTTP/1.1 100 Continue\r\n\r\n" + make_answer(b"whole"))

    client.send(make_request("/open/"))

    assert (await read_answer(client)).status == 200


# --- answers in pieces


async def test_events_arrive_one_by_one_as_they_are_sent(service: Service, client: Wire) -> None:
    """Server-sent events: nothing waits for more to come."""
    received = asyncio.Event()

    async def send_events(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for number in range(20):
            event = b"data: %d\n\n" % number
            wire.send(b"%x\r\n%b\r\n" % (len(event), event))
            await received.wait()
            received.clear()
        wire.send(b"0\r\n\r\n")

    service.script = send_events
    client.send(make_request("/api/events", bearer()))

    assert (await read_head(client)).one(b"content-type") == b"text/event-stream"
    for number in range(20):
        assert await read_chunk(client) == b"data: %d\n\n" % number
        received.set()
    assert await read_chunk(client) == b""


async def test_an_early_response_ends_the_upload(service: Service, client: Wire) -> None:
    async def refuse_early(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.send(make_answer(b"enough", status=413))
        await wire.read_until(b"never")

    service.script = refuse_early
    client.send(make_request("/open/", "Content-Length: 1000000", method="POST") + b"a piece")

    answer = await read_answer(client)

    assert (answer.status, answer.body) == (413, b"enough")
    assert answer.one(b"connection") == b"close"
    await client.wait_end()
    await (await service.connection()).wait_end()


async def test_an_upstream_may_respond_while_the_body_still_arrives(
    service: Service, client: Wire
) -> None:
    """The answer's head does not wait for the end of the upload."""

    async def answer_in_between(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await wire.read_until(b"second half")
        wire.send(b"4\r\nlast\r\n0\r\n\r\n")

    service.script = answer_in_between
    client.send(make_request("/open/", "Content-Length: 21", method="POST") + b"first half")

    assert (await read_head(client)).status == 200
    assert await read_chunk(client) == b"first"
    client.send(b"second half")
    assert await read_chunk(client) == b"last"


# --- what the answer is

STATUSES = [200, 201, 226, 302, 401, 403, 404, 418, 500, 503, 599]


@pytest.mark.parametrize("status", STATUSES)
async def test_the_status_and_fields_of_the_upstream_are_passed_on(
    service: Service, gateway: RunningGateway, status: int
) -> None:
    """9110.9: its own WWW-Authenticate too."""
    service.script = serve(
        make_answer(b"x", b'WWW-Authenticate: Basic realm="a"', b"X-Own: 1", status=status)
    )

    answer = await gateway.ask(make_request("/open/"))

    assert answer.status == status
    assert answer.all(b"www-authenticate") == [b'Basic realm="a"']
    assert answer.one(b"x-own") == b"1"


async def test_lines_of_one_name_stay_apart_and_in_order(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.4: Set-Cookie is never merged."""
    service.script = serve(make_answer(b"", b"Set-Cookie: a=1", b"X: y", b"Set-Cookie: b=2"))

    answer = await gateway.ask(make_request("/open/"))

    assert answer.all(b"set-cookie") == [b"a=1", b"b=2"]


async def test_hop_by_hop_fields_of_the_upstream_are_removed(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.1, 9110.2."""
    service.script = serve(
        make_answer(b"", b"Connection: x-hop, keep-alive", b"X-Hop: 1", b"Keep-Alive: timeout=5",
                    b"Proxy-Authenticate: Basic", b"Trailer: X", b"X-End: 1")
    )  # fmt: skip

    answer = await gateway.ask(make_request("/open/"))

    names = {name.lower() for name, _ in answer.fields}
    assert names == {b"content-length", b"x-end", b"date"}


async def test_every_response_has_exactly_one_date(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9110 §6.6.1: a service without one gets ours, also where its head was read before."""
    service.script = serve(make_answer(b"a"), make_answer(b"a"), make_answer(b"a", b"Date: theirs"))
    client = await gateway.connect()

    dates = []
    for _ in range(4):
        client.send(make_request("/open/"))
        dates.append((await read_answer(client)).one(b"date"))

    assert dates[2:] == [b"theirs"] * 2
    for date in dates[:2]:
        assert abs(parsedate_to_datetime(date.decode()).timestamp() - time.time()) < 300


async def test_the_reason_phrase_of_the_upstream_is_not_passed_on(
    service: Service, gateway: RunningGateway
) -> None:
    service.script = serve(b"HTTP/1.1 200 <script>\r\nContent-Length: 0\r\n\r\n")

    assert (await gateway.ask(make_request("/open/"))).start == b"HTTP/1.1 200 OK"


INVALID = {
    "length_and_chunked": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length_of_letters": b"Content-Length: abc\r\n\r\nabc",
    "length_with_sign": b"Content-Length: +3\r\n\r\nabc",
    "gzip_coding": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "bad_name": b"X Y: 1\r\nContent-Length: 0\r\n\r\n",
    "nul": b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "bare_cr": b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "large_head": b"X: " + b"a" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "many_fields": b"X: a\r\n" * 1000 + b"Content-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("rest", INVALID.values(), ids=INVALID)
async def test_an_invalid_response_is_502(
    service: Service, gateway: RunningGateway, rest: bytes
) -> None:
    """9110.14, 9112.6, 9112.8, CVE-2026-34519."""
    service.script = serve(b"HTTP/1.1 200 OK\r\n" + rest)

    answer = await gateway.ask(make_request("/open/"))

    assert answer.status == 502
    assert b'"upstream_invalid"' in answer.body


async def test_a_bad_chunk_in_a_response_resets_the_client(service: Service, client: Wire) -> None:
    async def break_off(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await passed_on.wait()
        wire.send(b"3\r\nabcXX")

    passed_on = asyncio.Event()
    service.script = break_off
    client.send(make_request("/open/"))
    await client.wait_for(lambda: b"abc" in client.received)
    passed_on.set()

    with pytest.raises(Cut):
        await read_answer(client)


# --- trailers

TRAILED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    b"5\r\nhello\r\n0\r\nX-Sum: 12\r\nSet-Cookie: a=b\r\n\r\n"
)
READS_TRAILERS = (b"TE: gzip;q=0.5, Trailers", b"Connection: TE")


@pytest.mark.parametrize("cut", [TRAILED.index(b"5\r\nhello"), len(TRAILED) - 10, len(TRAILED)])
async def test_trailers_reach_a_client_that_reads_them(
    service: Service, client: Wire, cut: int
) -> None:
    """9110.15."""
    has_head = asyncio.Event()

    async def answer(own: Service, wire: Wire) -> None:
        await own.read_request(wire)
        wire.send(TRAILED[:cut])
        await has_head.wait()
        wire.send(TRAILED[cut:])

    service.script = answer
    client.send(make_request("/open/", *READS_TRAILERS) + make_request("/nowhere"))

    await read_head(client)
    has_head.set()
    assert await client.read_until(b"12\r\n\r\n") == b"5\r\nhello\r\n0\r\nX-Sum: 12\r\n\r\n"
    assert (await read_answer(client)).status == 404
    assert not service.requests[0].has(b"te")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"TE: trailers",),
        (b"Connection: TE",),
        (b"TE: gzip", b"Connection: TE"),
        (b"TE: no-trailers", b"Connection: TE"),
    ],
)
async def test_no_trailers_reach_a_client_that_may_not_read_them(
    service: Service, client: Wire, lines: tuple[bytes, ...]
) -> None:
    """9110.15."""
    service.script = serve(TRAILED)

    for _ in range(2):
        client.send(make_request("/open/", *lines))
        await read_head(client)
        assert await client.read_until(b"0\r\n\r\n") == b"5\r\nhello\r\n0\r\n\r\n"


async def test_a_client_of_http_1_0_gets_the_body_without_trailers(
    service: Service, client: Wire
) -> None:
    service.script = serve(TRAILED)

    client.send(b"GET /open/ HTTP/1.0\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")

    await read_head(client)
    assert await client.read_to_end() == b"hello"


async def test_what_a_route_removes_is_removed_from_trailers_too(
    service: Service, start_gateway: StartGateway
) -> None:
    rewrite = {"answer_headers": {"remove": ["X-Sum"]}}
    gateway = await start_gateway(routes=[dict(ROUTES[0]) | {"rewrite": rewrite}])
    client = await gateway.connect()
    service.script = serve(TRAILED.replace(b"Set-Cookie: a=b", b"x_sum: 3\r\nX-More: 1"))

    client.send(make_request("/open/", *READS_TRAILERS))

    await read_head(client)
    assert await client.read_until(b"1\r\n\r\n") == b"5\r\nhello\r\n0\r\nX-More: 1\r\n\r\n"
