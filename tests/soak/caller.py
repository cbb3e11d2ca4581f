"""Carry out one planned connection against the gateway, and judge all that comes back."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from tests.proxy.wire import Cut
from tests.soak.judge import Violation, expect, read_answer
from tests.soak.leaving import end, leave, until_lost
from tests.soak.ledger import Ledger
from tests.soak.long_wire import LongWire, connect
from tests.soak.plan import HALF_CLOSE, Abort, Ask, Plan, Streams, Talk, Visit
from tests.soak.requests import Tokens, body_pieces, head_of, whole_of
from tests.soak.streams import ask_streams
from tests.soak.talker import talk

_SMALL_BUFFER_BYTES = 4096
_LATE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Caller:
    """Clients of the gateway at *address*; what they saw goes into *ledger*."""

    address: tuple[str, int]
    tokens: Tokens
    ledger: Ledger

    async def carry_out(self, plan: Plan) -> None:
        """Do what *plan* says; raises Violation."""
        is_slow = isinstance(plan, Visit) and plan.is_slow
        wire = await connect(self.address, _SMALL_BUFFER_BYTES if is_slow else None)
        try:
            if isinstance(plan, Talk):
                await talk(wire, plan, self.tokens, self.ledger)
            elif isinstance(plan, Streams):
                await ask_streams(wire, plan, self.tokens, self.ledger)
            else:
                await self._visit(wire, plan)
        finally:
            wire.close()
            await until_lost(wire)

    # --- requests

    async def _visit(self, wire: LongWire, visit: Visit) -> None:
        asks = list(visit.asks)
        self.ledger.repeatable.update(ask.nonce for ask in asks if ask.is_repeatable)
        last = asks.pop() if visit.abort else None
        ask_all = self._all_at_once if visit.is_pipelined else self._in_turn
        goes_on = await ask_all(wire, visit, asks)
        if last is not None and visit.abort is not None:
            if goes_on:
                await self._leave_within(wire, last, visit.abort)
            return
        if goes_on:
            await leave(wire, visit.ending)

    async def _in_turn(self, wire: LongWire, visit: Visit, asks: list[Ask]) -> bool:
        """Ask one by one; return whether the connection serves on."""
        for ask in asks:
            if not await self._ask(wire, visit, ask):
                return False
        return True

    async def _all_at_once(self, wire: LongWire, visit: Visit, asks: list[Ask]) -> bool:
        """Send every request in one piece (RFC 9112 §9.3.2), and read the answers in order."""
        for ask in asks:
            reaches, is_flawed = expect(ask).reaches, bool(ask.flaw)
            self.ledger.abandoned(ask.nonce, may_reach=reaches, is_flawed=is_flawed)
        wire.send(b"".join(whole_of(ask, self.tokens) for ask in asks))
        for at, ask in enumerate(asks):
            # The reset that tells of a broken answer takes with it what was not read before it.
            is_endangered = any(expect(later).may_be_cut for later in asks[at:])
            if not await self._take_answer(wire, visit, ask, asyncio.Event(), is_endangered):
                return False
        return True

    async def _ask(self, wire: LongWire, visit: Visit, ask: Ask) -> bool:
        self.ledger.abandoned(ask.nonce, may_reach=True, is_flawed=True)  # until more is known
        go_ahead = asyncio.Event()
        sending = asyncio.get_running_loop().create_task(self._send(wire, ask, go_ahead))
        try:
            if not await self._take_answer(wire, visit, ask, go_ahead):
                return False
            await sending  # a refusal may come before the end of the body, and the body is due
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, Cut):
                await sending
        return True

    async def _send(self, wire: LongWire, ask: Ask, go_ahead: asyncio.Event) -> None:
        head = head_of(ask, self.tokens)
        middle = len(head) // 2 if ask.pieces > 2 else 0
        if middle:
            wire.send(head[:middle])
            await asyncio.sleep(ask.pause_ms / 1000)
        pieces = body_pieces(ask)
        if ask.expects:
            wire.send(head[middle:])
            await go_ahead.wait()
        else:
            first = pieces.pop(0) if pieces and ask.pieces == 1 else b""
            wire.send(head[middle:] + first)
        for piece in pieces:
            await asyncio.sleep(ask.pause_ms / 1000)
            await wire.wait_writable()
            wire.send(piece)

    async def _take_answer(
        self,
        wire: LongWire,
        visit: Visit,
        ask: Ask,
        go_ahead: asyncio.Event,
        is_endangered: bool = False,
    ) -> bool:
        """Read and judge the answer to *ask*; return whether the connection serves on."""
        if visit.is_slow and not wire.transport.is_closing():
            wire.stop_reading()
            await asyncio.sleep(_LATE_SECONDS)
            if not wire.transport.is_closing():
                wire.read_on()

        def note_interim(status: int) -> None:
            if status == 100 and not ask.expects:
                raise Violation("a 100 that nobody waited for")
            if status == 100:
                go_ahead.set()

        expected = expect(ask)
        try:
            answer = await read_answer(wire, ask, note_interim)
        except Cut as cut:
            if not (expected.may_be_cut or is_endangered):
                raise Violation(f"cut: {cut}, {wire.error!r}") from None
            self.ledger.cut(ask.nonce)
            return False
        self.ledger.answered(
            ask.nonce, answer.status, answer.request_id, may_reach=expected.reaches
        )
        if not answer.closes:
            return True
        await wire.wait_end()
        if wire.unread:
            raise Violation(f"bytes behind the last answer: {wire.unread[:200]!r}")
        return False

    # --- aborts

    async def _leave_within(self, wire: LongWire, ask: Ask, abort: Abort) -> None:
        """Leave in the middle of *ask*, or of its answer."""
        may_reach = expect(ask).reaches and abort.where != "head"
        self.ledger.abandoned(ask.nonce, may_reach=may_reach, is_whole_head=abort.where != "head")
        head, body = head_of(ask, self.tokens), b"".join(body_pieces(ask))
        match abort.where:
            case "head":
                wire.send(head[: int(len(head) * abort.share)])
            case "body":
                wire.send(head + body[: int(len(body) * abort.share)])
            case _:
                wire.send(head + body)
        if abort.where == "answer":
            await wire.wait_for(lambda: bool(wire.unread) or wire.has_ended)
        else:
            # What was sent is on its way, or not, before the connection ends.
            await asyncio.sleep(0.02 * abort.share)
        if abort.where == "waiting" and abort.how == HALF_CLOSE and not wire.is_lost:
            # Its request is given up, unless the answer was on its way already.
            wire.end()
            with suppress(Cut):
                await read_answer(wire, ask, lambda _: None)
            await wire.wait_end()
            return
        await end(wire, abort.how)
