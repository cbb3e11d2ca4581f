"""Carry out one planned WebSocket through the gateway, and judge every message that comes back."""

from tests.proxy.messages import parse_head
from tests.proxy.wire import Cut
from tests.soak.frames import BINARY, CLOSE, accept_of, key_of, read_frame, write_frame
from tests.soak.judge import Violation, expect, status_of
from tests.soak.leaving import leave
from tests.soak.ledger import Ledger
from tests.soak.long_wire import LongWire
from tests.soak.order import RESET
from tests.soak.patterns import asked_body
from tests.soak.plan import Talk
from tests.soak.requests import Tokens, upgrade_of

_MASK = b"\x01\x9f\x33\xc7"
_NORMAL = b"\x03\xe8"  # close code 1000


async def talk(wire: LongWire, plan: Talk, tokens: Tokens, ledger: Ledger) -> None:
    """Do what *plan* says on *wire*; raises Violation."""
    ask = plan.ask
    is_reset = plan.ending == "service" and ask.order.end == RESET
    may_be_cut = is_reset or ask.route.startswith("shaky")
    ledger.abandoned(ask.nonce, may_reach=expect(ask).reaches)
    wire.send(upgrade_of(ask, tokens))
    try:
        if not await _open(wire, plan, ledger):
            return
        for number, size in enumerate(plan.sizes):
            await _exchange_message(wire, asked_body(f"{ask.nonce}.{number}", size))
        await _end_talk(wire, plan)
    except Cut as cut:
        if not may_be_cut:
            raise Violation(f"the tunnel was cut: {cut}, {wire.error!r}") from None


async def _open(wire: LongWire, plan: Talk, ledger: Ledger) -> bool:
    """Read the answer to the handshake; return whether there is a tunnel."""
    ask = plan.ask
    expected = expect(ask)
    head = parse_head(await wire.read_until(b"\r\n\r\n"))
    status = status_of(head)
    if status != 101:
        if status not in expected.ours:
            raise Violation(f"status {status} in place of a tunnel: {head}")
        request_id = head.one(b"x-request-id").decode()
        ledger.answered(ask.nonce, status, request_id, may_reach=expected.reaches)
        return False
    ledger.answered(ask.nonce, 101, None, may_reach=True)
    if head.all(b"x-nonce") != [ask.nonce.encode()]:
        raise Violation(f"the handshake of another: {head}")
    if head.one(b"sec-websocket-accept") != accept_of(key_of(ask.nonce)):
        raise Violation(f"the key of another: {head}")
    if not expected.reaches:
        raise Violation("a tunnel without a token")
    return True


async def _exchange_message(wire: LongWire, payload: bytes) -> None:
    wire.send(write_frame(BINARY, payload, _MASK))
    opcode, echo = await read_frame(wire)
    if (opcode, echo) != (BINARY, payload):
        raise Violation(f"another message: {opcode} {echo[:100]!r} for {payload[:100]!r}")


async def _end_talk(wire: LongWire, plan: Talk) -> None:
    match plan.ending:
        case "handshake":
            wire.send(write_frame(CLOSE, _NORMAL, _MASK))
            if await read_frame(wire) != (CLOSE, _NORMAL):
                raise Violation("another close")
            await wire.wait_end()
        case "service":
            await wire.wait_end()
        case ending:
            await leave(wire, ending)
