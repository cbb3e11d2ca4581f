"""A healthy client: asks now and then, and remembers how long each answer took."""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter

from tests.soak.judge import Violation, read_answer
from tests.soak.long_wire import LongWire, connect
from tests.soak.order import Order
from tests.soak.plan import Ask
from tests.soak.requests import Tokens, whole_of

_PAUSE_SECONDS = 0.01


def percentile_99(seconds: list[float]) -> float:
    """Return what 99 in 100 of *seconds* do not exceed."""
    return sorted(seconds)[max(0, -(-len(seconds) * 99 // 100) - 1)]


@dataclass
class HealthyClient:
    """Asks over connections that it keeps; *taken* are the seconds that its answers took."""

    address: tuple[str, int]
    tokens: Tokens
    taken: list[float] = field(default_factory=list)
    asked: int = 0
    _wires: list[LongWire] = field(default_factory=list)

    async def open(self, connections: int) -> None:
        """Open the connections; each has asked once, so that all is warm."""
        for _ in range(connections):
            wire = await connect(self.address)
            self._wires.append(wire)
            await self._ask(wire)
        self.taken.clear()

    async def ask_until(self, ending: asyncio.Event) -> list[float]:
        """Ask until *ending*; return the seconds that each answer took."""
        self.taken.clear()
        await asyncio.gather(*(self._go_on(wire, ending) for wire in self._wires))
        return list(self.taken)

    async def _go_on(self, wire: LongWire, ending: asyncio.Event) -> None:
        while not ending.is_set():
            await self._ask(wire)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask(self, wire: LongWire) -> None:
        self.asked += 1
        ask = Ask(f"healthy-{self.asked}", order=Order(size=200))
        began = perf_counter()
        wire.send(whole_of(ask, self.tokens))
        answer = await read_answer(wire, ask, lambda _: None)
        self.taken.append(perf_counter() - began)
        if answer.closes:
            raise Violation("a healthy client's connection was closed")

    def close(self) -> None:
        """End every connection."""
        for wire in self._wires:
            wire.close()
