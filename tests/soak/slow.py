"""Slow attacks by slowhttptest, and what a healthy client notices: ``python -m tests.soak.slow``.

Slow headers, a slow body and slow reading, against a gateway that has room for far more
connections, and against one whose limit the attack alone exhausts. Each must end by the gateway's
limits, long before the attacker's time is over.
"""

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from tests.proxy.messages import read_answer
from tests.soak.fleet import Fleet
from tests.soak.healthy import HealthyClient, percentile_99
from tests.soak.long_wire import connect
from tests.soak.order import Order
from tests.soak.plan import Ask
from tests.soak.requests import Tokens, whole_of
from tests.soak.stage import GatewayProcess, config_for, make_tokens

ATTACKERS: Final = 600
SECONDS: Final = 20

# How long the gateway bears who is slow. Shorter than by default, for the soak is long enough.
TIMEOUTS: Final = {"head": "5s", "body": "5s", "idle": "10s"}

# What slowhttptest says where it is not its own time that was over. Slow reading does not notice.
_ALL_CLOSED: Final = b"No open connections left"

# The goal is a ratio. Under this figure it compares the moments at which a machine with few
# cores wakes its processes, and not gateways: the attacker's own program takes one of them.
FLOOR_SECONDS: Final = 0.01

_KEPT: Final = 4
_QUIET_SECONDS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of attack; *options* are slowhttptest's, *order* is what it asks for."""

    name: str
    options: tuple[str, ...]
    order: Order

    def command(self, address: tuple[str, int]) -> list[str]:
        """Return the command that attacks the gateway at *address*."""
        url = "http://{}:{}{}".format(*address, self.order.target("open", "attack"))
        shape = ("-c", str(ATTACKERS), "-r", str(ATTACKERS // 3), "-l", str(SECONDS), "-p", "3")
        return ["slowhttptest", *self.options, *shape, "-u", url]


ATTACKS: Final = (
    Attack("slow headers", ("-H", "-i", "2", "-x", "24"), Order(size=200)),
    Attack("slow body", ("-B", "-i", "2", "-x", "24", "-s", "8192"), Order(size=200, body=8192)),
    Attack("slow read", ("-X", "-w", "16", "-y", "64", "-n", "2", "-z", "8"), Order(size=400_000)),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured during one attack; *strangers* are statuses that new clients got.

    *was_ended* says that the gateway closed every connection of the attack.
    """

    quiet_seconds: float
    attacked_seconds: float
    peak_connections: int
    strangers: Counter[int]
    was_ended: bool

    @property
    def limit_seconds(self) -> float:
        """Return the p99 that is allowed: twice the quiet one, or the floor."""
        return max(2 * self.quiet_seconds, FLOOR_SECONDS)

    def faults(self, room: int) -> list[str]:
        """Return what does not hold on a gateway with *room* for so many connections."""
        found = []
        if self.attacked_seconds > self.limit_seconds:
            found.append("a healthy client waits too long")
        if self.peak_connections < min(ATTACKERS, room) * 0.8:
            found.append("the attack did not take place")
        if not self.was_ended:
            found.append("the attack lasted as long as the attacker liked")
        allowed = {200} if room > 2 * ATTACKERS else {200, 503}
        if not self.strangers or set(self.strangers) - allowed:
            found.append(f"new clients got other answers than {allowed}")
        return found

    def line(self) -> str:
        """Return the figures as they are printed."""
        strangers = ", ".join(f"{count} × {status}" for status, count in self.strangers.items())
        return (
            f"p99 {self.quiet_seconds * 1000:.1f} ms quiet, "
            f"{self.attacked_seconds * 1000:.1f} ms attacked "
            f"(allowed {self.limit_seconds * 1000:.1f}); "
            f"{self.peak_connections} connections at the peak; new clients: {strangers}"
        )


class Siege:
    """One gateway under attack."""

    def __init__(self, gateway: GatewayProcess, tokens: Tokens) -> None:
        self._gateway = gateway
        self._tokens = tokens

    async def measure(self, attack: Attack) -> Figures:
        """Return the figures of *attack*."""
        client = HealthyClient(self._gateway.address, self._tokens)
        await client.open(_KEPT)
        try:
            quiet, *_ = await self._watch(client, asyncio.sleep(_QUIET_SECONDS))
            command = attack.command(self._gateway.address)
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
            said = asyncio.ensure_future(process.communicate())
            try:
                seen = await self._watch(client, said)
                p99, peak, left, strangers = seen
                was_ended = left <= _KEPT + 1 or _ALL_CLOSED in said.result()[0]
                return Figures(quiet, p99, peak, strangers, was_ended)
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        finally:
            client.close()
            await self._wait_empty()

    async def _watch(
        self, client: HealthyClient, period: Awaitable[object]
    ) -> tuple[float, int, int, Counter[int]]:
        """Return p99, most connections, the last ones, and what new clients got within *period*.

        Looking on costs the gateway something, so it is done in the same way in quiet times.
        """
        ending = asyncio.Event()
        asking = asyncio.ensure_future(client.ask_until(ending))
        ended = asyncio.ensure_future(period)
        peak, left, strangers = 0, 0, Counter[int]()
        try:
            while not ended.done() and not asking.done():
                await asyncio.wait((ended, asking), timeout=0.5, return_when="FIRST_COMPLETED")
                left = int(await self._gateway.metric("gateway_connections_open"))
                peak = max(peak, left)
                strangers[await self._ask_as_stranger()] += 1
        finally:
            ending.set()
            ended.cancel()
        return percentile_99(await asking), peak, left, strangers

    async def _ask_as_stranger(self) -> int:
        """Return the status that a client gets on a new connection."""
        wire = await connect(self._gateway.address)
        try:
            wire.send(whole_of(Ask("stranger", order=Order(size=200)), self._tokens))
            return (await read_answer(wire)).status
        finally:
            wire.close()

    async def _wait_empty(self) -> None:
        async with asyncio.timeout(60):
            # Another process counts them, and tells nobody.
            while await self._gateway.metric("gateway_connections_open"):  # noqa: ASYNC110
                await asyncio.sleep(0.2)


async def besiege(folder: Path) -> int:
    """Run every attack on both gateways, print the figures; return the number of faults."""
    count = 0
    tokens = make_tokens()
    async with Fleet(folder) as fleet:
        for room in (4 * ATTACKERS, ATTACKERS):
            config = config_for(
                folder, fleet, {"limits": {"connections": room}, "timeouts": TIMEOUTS}
            )
            async with GatewayProcess(config, folder) as gateway:
                for attack in ATTACKS:
                    figures = await Siege(gateway, tokens).measure(attack)
                    faults = figures.faults(room)
                    verdict = "; ".join(faults) or "holds"
                    print(f"{attack.name}, room for {room}: {figures.line()}: {verdict}")  # noqa: T201
                    count += len(faults)
                count += len(gateway.unexpected())
    return count


def main() -> int:
    """Return the exit status: 0 where every attack was borne."""
    if shutil.which("slowhttptest") is None:
        sys.stdout.write("slow attacks: not run for want of slowhttptest\n")
        return 0
    sys.stdout.write(f"slow attacks: {ATTACKERS} connections, {SECONDS} seconds each at most\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="slow-") as folder:
        return 1 if uvloop.run(besiege(Path(folder))) else 0


if __name__ == "__main__":
    sys.exit(main())
