"""Read one answer as a strict client does, and say whether it may be the answer to its request."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.proxy.messages import Message, parse_head, read_chunk
from tests.proxy.wire import Cut, Wire
from tests.soak.patterns import answered_body
from tests.soak.plan import BODY_FLAWS, GOOD, HEAD_FLAWS, WEAK, Ask

# Broken answers whose head is whole: for HEAD there is nothing more to come.
_WHOLE_HEADS: Final = frozenset(("half-sized", "half-chunked", "bad-chunk"))


class Violation(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """What must never happen, did; the message says what."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What may become of a request.

    *theirs* are statuses of the service, *ours* those of the gateway in its own name.
    """

    theirs: frozenset[int]
    ours: frozenset[int]
    may_be_cut: bool
    reaches: bool  # whether a service may see it


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; *request_id* is there where the gateway answered in its own name."""

    status: int
    closes: bool
    request_id: str | None


def refusal_of(ask: Ask) -> int | None:
    """Return the status that the gateway owes to the credential of *ask*, if it refuses it."""
    if ask.route == "nowhere":
        return 404
    if ask.route == "open":
        return None
    if ask.credential == WEAK or (ask.route == "admin" and ask.credential == GOOD):
        return 403
    return None if ask.credential == GOOD else 401


def expect(ask: Ask) -> Expected:
    """Return what may become of *ask*."""
    none: frozenset[int] = frozenset()
    if ask.flaw in HEAD_FLAWS:
        return Expected(none, frozenset({400}), may_be_cut=False, reaches=False)
    refusal = refusal_of(ask)
    if refusal is not None:
        ours = {refusal, 400} if ask.flaw else {refusal}
        return Expected(none, frozenset(ours), may_be_cut=False, reaches=False)
    is_shaky = ask.route.startswith("shaky")
    if ask.flaw in BODY_FLAWS:
        # The service has no complete request to answer.
        ours = {400, 502} if is_shaky else {400}
        return Expected(none, frozenset(ours), may_be_cut=False, reaches=True)
    order = ask.order
    if order.is_whole:
        ours = {502} if is_shaky else set()
        return Expected(frozenset({order.status}), frozenset(ours), is_shaky, reaches=True)
    has_whole_head = order.do in _WHOLE_HEADS
    theirs = {order.status} if has_whole_head and ask.method == "HEAD" else set()
    return Expected(frozenset(theirs), frozenset({502}), has_whole_head or is_shaky, reaches=True)


async def read_answer(wire: Wire, ask: Ask, on_interim: Callable[[int], None]) -> Answer:
    """Read the answer to *ask*; raises Violation, and Cut where it is visibly not complete."""
    while True:
        head = parse_head(await wire.read_until(b"\r\n\r\n"))
        status = status_of(head)
        if status >= 200:
            break
        if status not in (100, 103) or (status == 103 and head.all(b"x-nonce") != [_nonce(ask)]):
            raise Violation(f"an interim answer of its own: {head}")
        on_interim(status)
    expected = expect(ask)
    nonces = head.all(b"x-nonce")
    if nonces and nonces != [_nonce(ask)]:
        raise Violation(f"the answer to {nonces} in place of the answer to {ask.nonce}")
    is_allowed = status in (expected.theirs if nonces else expected.ours)
    # Where it may be cut, its head alone says nothing; its end does.
    if not is_allowed and not (nonces and expected.may_be_cut):
        raise Violation(f"status {status}, expected {expected}: {head}")
    body = await _read_body(wire, ask, head)
    if nonces and status not in expected.theirs:
        raise Violation("a truncated answer looks complete")
    request_id = None
    if nonces:
        check_body(ask, head, body)
    else:
        request_id = check_refusal(ask, head, body)
    closes = b"close" in [value.lower() for value in head.all(b"connection")]
    return Answer(status, closes, request_id)


def status_of(head: Message) -> int:
    """Return the status; raises Violation where this is no status line."""
    parts = head.start.split(b" ", 2)
    if len(parts) != 3 or parts[0] != b"HTTP/1.1" or not parts[1].isdigit():
        raise Violation(f"not an answer: {head.start!r}")
    return int(parts[1])


def check_body(ask: Ask, head: Message, body: bytes) -> None:
    """Raise Violation unless *body* is byte for byte what the service sent."""
    has_body = ask.method != "HEAD" and ask.order.has_body
    wanted = answered_body(ask.nonce, ask.order.size) if has_body else b""
    if body == wanted:
        return
    same = next((at for at, (a, b) in enumerate(zip(body, wanted, strict=False)) if a != b), None)
    raise Violation(
        f"the body differs at byte {same}: {len(body)} of {len(wanted)} bytes behind {head}"
    )


async def _read_body(wire: Wire, ask: Ask, head: Message) -> bytes:
    is_chunked, is_sized = head.has(b"transfer-encoding"), head.has(b"content-length")
    if is_chunked and (is_sized or ask.version == "1.0"):
        raise Violation(f"framing that this client cannot read: {head}")
    if ask.method == "HEAD" or head.status in (204, 304):
        return b""
    if is_chunked:
        if head.all(b"transfer-encoding") != [b"chunked"]:
            raise Violation(f"not one chunked coding: {head}")
        chunks = []
        while chunk := await read_chunk(wire):
            chunks.append(chunk)
        return b"".join(chunks)
    if is_sized:
        return await wire.read(int(head.one(b"content-length")))
    if head.all(b"connection") != [b"close"]:
        raise Violation(f"an answer without an end: {head}")
    body = await wire.read_to_end()
    if wire.error is not None:
        raise Cut("reset")  # as it must be, where a mere close would look like the end
    return body


def check_refusal(ask: Ask, head: Message, body: bytes) -> str:
    """Return the id that a refusal names; raises Violation where it is none of ours."""
    request_id = head.one(b"x-request-id").decode()
    if head.all(b"content-type") != [b"application/problem+json"]:
        raise Violation(f"neither a refusal nor an answer of the service: {head}")
    if ask.method == "HEAD" and not body:
        return request_id
    problem = json.loads(body)
    if problem["status"] != head.status or problem["instance"] != request_id:
        raise Violation(f"a refusal that contradicts itself: {head} {problem}")
    return request_id


def _nonce(ask: Ask) -> bytes:
    return ask.nonce.encode()
