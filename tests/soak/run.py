"""One soak: a mixed load for so many seconds, and what must hold at its end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

from tests.soak.caller import Caller
from tests.soak.fleet import Fleet, open_files, resident_bytes
from tests.soak.judge import Violation
from tests.soak.ledger import Ledger
from tests.soak.long_wire import PATIENCE_SECONDS
from tests.soak.plan import Plan, plan_connection
from tests.soak.stage import GatewayProcess, config_for, make_tokens

# Between the two moments at which memory is measured the tokens are the same, every cache is in
# use, and nothing is under way: what may differ is how scattered the allocator's free pages lie
# after another order of the same load. That was 1 MiB when it was measured. A request that
# leaves 2 KiB behind is over the bound within the minute of `make test`.
MAX_GROWTH_BYTES: Final = 8 * 1024 * 1024

_WARM_UP_SHARE: Final = 0.3

# The pool lets go of idle connections after 2 seconds. Far less than the patience of a service,
# which would otherwise give up and hide a connection that the gateway forgot.
_STILL_SECONDS: Final = PATIENCE_SECONDS / 3


@dataclass(frozen=True, slots=True)
class Load:
    """How much, for how long, and by which plan; *only* repeats one connection of the plan."""

    seed: str
    seconds: float
    workers: int = 16
    pause_seconds: float = 0.1
    only: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a soak came to; *faults* is empty where all held."""

    faults: tuple[str, ...]
    connections: int
    requests: int
    troubles: int
    growth_bytes: int
    resident_bytes: int
    cpu_seconds: float


class Soak:
    """The load on one gateway."""

    def __init__(self, load: Load, fleet: Fleet, gateway: GatewayProcess) -> None:
        self._load = load
        self._fleet = fleet
        self._gateway = gateway
        self._ledger = Ledger()
        self._caller = Caller(gateway.address, make_tokens(), self._ledger)
        self._next = [0] * load.workers
        self._faults: list[str] = []
        self._connections = 0

    async def run(self) -> Outcome:
        """Load the gateway, and return what became of it."""
        gateway, load = self._gateway, self._load
        files_before = open_files(gateway.pid)
        await self._phase(load.seconds * _WARM_UP_SHARE)
        await self._become_still()
        warm_bytes = resident_bytes(gateway.pid)
        if not self._faults:
            await self._phase(load.seconds * (1 - _WARM_UP_SHARE))
        await self._become_still()
        last_bytes = resident_bytes(gateway.pid)
        cpu_seconds = gateway.cpu_seconds
        self._hold("no more memory", last_bytes - warm_bytes <= MAX_GROWTH_BYTES,
                   f"{warm_bytes} bytes after the warm-up, {last_bytes} at the end")  # fmt: skip
        files = open_files(gateway.pid)
        self._hold("every file closed", files <= files_before, f"{files_before}, now {files}")
        await self._stop()
        return Outcome(
            tuple(self._faults), self._connections, len(self._ledger.entries),
            self._fleet.crashes, last_bytes - warm_bytes, last_bytes, cpu_seconds,
        )  # fmt: skip

    async def _phase(self, seconds: float) -> None:
        until = monotonic() + seconds
        shaking = asyncio.ensure_future(self._fleet.shake(self._load.seed))
        try:
            await asyncio.gather(
                *(self._work(worker, until) for worker in range(self._load.workers))
            )
        finally:
            shaking.cancel()
            await asyncio.gather(shaking, return_exceptions=True)

    async def _work(self, worker: int, until: float) -> None:
        load = self._load
        pace = Random(f"{load.seed}/{worker}/pace")
        while monotonic() < until and not self._faults:
            number = self._next[worker]
            self._next[worker] += 1
            if load.only is None:
                plan = plan_connection(load.seed, worker, number)
            else:
                plan = plan_connection(load.seed, *load.only, run=f".{worker}.{number}")
            await self._carry_out(plan)
            await asyncio.sleep(pace.uniform(0, 2 * load.pause_seconds))

    async def _carry_out(self, plan: Plan) -> None:
        self._connections += 1
        try:
            async with asyncio.timeout(2 * PATIENCE_SECONDS):
                await self._caller.carry_out(plan)
        except Violation as violation:
            self._faults.append(f"connection {plan.number}: {violation}\n  by the plan {plan}")
        except Exception as error:  # a hang, or a connection refused
            self._faults.append(f"connection {plan.number}: {error!r}\n  by the plan {plan}")

    # --- what holds when all is quiet

    async def _become_still(self) -> None:
        """Wait until nothing is left of the load."""
        gateway, fleet = self._gateway, self._fleet

        async def open_at_gateway() -> float:
            metrics = await gateway.metrics()
            return metrics["gateway_connections_open"] + metrics["gateway_tunnels_open"]

        async def open_at_services() -> float:
            return fleet.connections()

        await self._come_to_nothing("client connections and tunnels", open_at_gateway)
        # All that is left are the pool's, and they grow old together.
        await self._come_to_nothing("connections to services", open_at_services)

    # Nobody tells of it: it is the kernel's count, or that of another process.
    async def _come_to_nothing(self, what: str, count: Callable[[], Awaitable[float]]) -> None:
        deadline = monotonic() + _STILL_SECONDS
        while (left := await count()) and monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)
        self._hold(f"no {what} left", left == 0, f"{left}")

    async def _stop(self) -> None:
        status = await self._gateway.stop()
        self._hold("an orderly end", status == 0, f"exit status {status}")
        said = self._gateway.unexpected()
        self._hold("nothing to report", not said, "\n".join(said))
        self._hold("no connection outlives the gateway", self._fleet.connections() == 0, "")
        lines = self._gateway.access_log.read_text().splitlines()
        notes = self._fleet.notes.read_text().splitlines()
        self._faults += self._ledger.faults(lines, notes)

    def _hold(self, rule: str, holds: bool, found: str) -> None:
        if not holds:
            self._faults.append(f"{rule}: {found}")


async def soak(load: Load, folder: Path) -> Outcome:
    """Run *load* on a gateway and services of its own, all in *folder*."""
    async with Fleet(folder) as fleet, GatewayProcess(config_for(folder, fleet), folder) as gateway:
        return await Soak(load, fleet, gateway).run()
