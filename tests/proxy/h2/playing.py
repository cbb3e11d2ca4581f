"""Play the cases of HTTP/2 against a server, and judge what came of them."""

import asyncio
from collections.abc import Sequence

from tests.hanging import LIMIT_SECONDS
from tests.proxy.h2.cases import Case, pieces
from tests.proxy.h2.frames import request_fields
from tests.proxy.h2.wire import Http2Client, name_of
from tests.proxy.messages import Message
from tests.proxy.observed import never_allowed
from tests.proxy.recorder import RecordingService
from tests.proxy.wire import connect

SENTINEL_STREAM = 0x7FFF0001
_SENTINEL = request_fields(b"/public/sentinel", authority=b"sentinel.test")


async def play(address: tuple[str, int], service: RecordingService, case: Case) -> list[str]:
    """Send the frames of *case*; return in words what is wrong about what came of them."""
    service.begin()
    client = Http2Client(await connect(address))
    for piece in pieces(case.steps):
        if isinstance(piece, bytes):
            client.send(piece)
        elif piece == "read":
            await client.wait_read()
        elif piece == "service":
            await _wait_service(service)
        else:
            await client.wait_over(int(piece))
    found = await _judge(client, case)
    client.wire.close()
    seen = [one for one in service.requests if one.all(b"host") != [b"sentinel.test"]]
    return found + judge_service(service, seen, case)


async def _wait_service(service: RecordingService) -> None:
    """Wait until the service has received something."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not service.received_bytes:  # noqa: ASYNC110 - the service has nothing to wait for
            await asyncio.sleep(0.001)


async def _judge(client: Http2Client, case: Case) -> list[str]:
    """Wait until all is decided; say what there is if it is not right."""
    await _wait(client, case)
    for demands in case.then:
        if not _holds(client, demands):
            continue
        if "serves" not in demands or await _serves(client):
            return []
    return [f"{describe(client)} instead of {[' and '.join(one) for one in case.then]}"]


async def _wait(client: Http2Client, case: Case) -> None:
    """Wait until nothing more comes that the outcome depends on."""
    if all(demands[0].startswith("ends") for demands in case.then):
        # Not one byte more is sent: for what a server has not read it resets the connection, and
        # then its GOAWAY is lost.
        await client.wait_gone()
    elif any(" has " in demand for demands in case.then for demand in demands):
        await client.wire.wait_for(lambda: client.is_gone or _is_right(client, case))
    elif all(demands[0][0].isdigit() or demands[0].startswith("ends") for demands in case.then):
        await client.wait_over(*case.streams)
    else:
        # Frames are read in their order: what would end anything was read before.
        await client.wait_read()


def _is_right(client: Http2Client, case: Case) -> bool:
    client.read()
    return any(_holds(client, demands) for demands in case.then)


async def _serves(client: Http2Client) -> bool:
    """Return whether another request on the connection gets its response."""
    client.skip_to(SENTINEL_STREAM)
    stream = await client.fetch(_SENTINEL)
    return stream.label == "200" and stream.body == b"/public/sentinel "


def _holds(client: Http2Client, demands: Sequence[str]) -> bool:
    return all(_holds_one(client, *demand.split(" ", 2)) for demand in demands)


def _holds_one(client: Http2Client, subject: str, verb: str = "", rest: str = "") -> bool:
    match subject:
        case "serves":
            return True
        case "ends":
            codes = [name_of(code) for _, code in client.goaways]
            is_cut = not codes and isinstance(client.wire.error, ConnectionResetError)
            return client.is_gone and (not verb or codes[-1:] == [verb] or is_cut)
        case "acks":
            return client.acks >= int(verb)
        case "pong":
            return verb.encode() in client.pongs
        case "greets":
            return client.settings is not None
    stream = client.stream(int(subject))
    match verb:
        case "is":
            return (stream.label + " ").startswith(rest + " ")
        case "has":
            return stream.data_sizes == [int(word) for word in rest.split(" ")]
    raise AssertionError(f"no such demand: {subject} {verb} {rest}")


def describe(client: Http2Client) -> str:
    """Return in words what came."""
    streams = [f"{number} is {one.label}" for number, one in sorted(client.streams.items())]
    ends = [f"GOAWAY {name_of(code)} up to {last}" for last, code in client.goaways]
    gone = ["closed"] if client.is_gone else []
    return ", ".join([*streams, *ends, *gone]) or "nothing"


def judge_service(service: RecordingService, seen: list[Message], case: Case) -> list[str]:
    """Return in words what the service got and should not have."""
    found = [f"not HTTP: {raw[:80]!r}" for raw in service.odd]
    for request in seen:
        found += never_allowed(request)
    if case.forwarded is None:
        return found
    is_fewer = case.is_at_most and len(seen) < len(case.forwarded)
    if len(seen) != len(case.forwarded) and not is_fewer:
        found.append(f"forwarded {[one.start for one in seen]}")
    for wanted, request in zip(case.forwarded, seen, strict=False):
        found += wanted.differs(request)
    return found
