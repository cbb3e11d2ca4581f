"""Reload a gateway again and again while clients ask without a pause."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.proxy.gateways import write_config
from tests.soak.reloads.caller import Callers, Moment
from tests.soak.reloads.policies import POLICIES, kinds, sections
from tests.soak.reloads.service import PolicyService, policy_service
from tests.soak.stage import GatewayProcess

_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Load:
    """How many reloads under how many clients, by a gateway of how many workers."""

    reloads: int
    clients: int
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; *faults* is empty where all held. *answers* is by policy and status."""

    faults: tuple[str, ...]
    answers: Mapping[tuple[str, int], int]
    applied: int
    workers: int


async def reload_under_load(load: Load, folder: Path) -> Outcome:
    """Run *load* on a gateway and two services of its own, all in *folder*."""
    async with (
        policy_service("a", is_other_reserved=False) as a,
        policy_service("b", is_other_reserved=True) as b,
    ):
        services = {"a": a, "b": b}
        config = _write(folder, services, "a", load)
        async with GatewayProcess(config, folder) as gateway:
            return await _Reloads(load, folder, services, gateway).run()


def _write(folder: Path, services: Mapping[str, PolicyService], policy: str, load: Load) -> Path:
    changes: dict[str, Any] = {} if load.workers == 1 else {"workers": load.workers}
    return write_config(folder, [], sections(policy, services[policy].url, **changes))


class _Reloads:
    def __init__(
        self,
        load: Load,
        folder: Path,
        services: Mapping[str, PolicyService],
        gateway: GatewayProcess,
    ) -> None:
        self._load = load
        self._folder = folder
        self._services = services
        self._gateway = gateway
        self._moment = Moment("a")
        self._callers = Callers(gateway.address, kinds(), self._moment)
        self._faults: list[str] = []

    async def run(self) -> Outcome:
        callers = [asyncio.create_task(self._callers.run(one)) for one in range(self._load.clients)]
        await self._let_ask("a")
        for number in range(1, self._load.reloads + 1):
            if self._callers.faults or self._faults:
                break
            await self._reload(POLICIES[number % 2], is_told_by_signal=number % 5 == 0)
        self._callers.is_over = True
        await asyncio.gather(*callers)
        metrics = await self._gateway.metrics()
        applied = int(metrics['gateway_config_reloads_total{outcome="applied"}'])
        self._hold("every worker lives", int(metrics["gateway_worker_restarts_total"]), 0)
        await self._end()
        faults = (*self._callers.faults, *self._faults)
        workers = int(metrics["gateway_workers"])
        return Outcome(faults, self._callers.answers, applied, workers)

    async def _reload(self, policy: str, *, is_told_by_signal: bool) -> None:
        _write(self._folder, self._services, policy, self._load)
        before = await self._gateway.config_status()
        former = self._services["b" if policy == "a" else "a"]
        if not former.is_other_reserved:
            former.is_other_reserved = None
        self._moment.change(None)
        if is_told_by_signal:
            self._gateway.hang_up()
            live = before["live_hash"]
            async with asyncio.timeout(_PATIENCE_SECONDS):
                # A signal is not answered: there is nothing to wait for.
                while (await self._gateway.config_status())["live_hash"] == live:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        else:
            report = await self._gateway.reload()
            if report["outcome"] != "applied":
                self._faults.append(f"a reload was refused: {report}")
                return
        self._moment.change(policy)
        await self._let_ask(policy)
        # What was forwarded under the former policy lay in its socket before the reload ended.
        former.is_other_reserved = True

    async def _let_ask(self, policy: str) -> None:
        """Wait until there were as many answers by *policy* as there are clients."""
        enough = self._callers.by(policy) + self._load.clients
        async with asyncio.timeout(_PATIENCE_SECONDS):
            # So many answers that an event for each would be most of what the callers do.
            while self._callers.by(policy) < enough and not self._callers.faults:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def _end(self) -> None:
        """Hold what was answered against what was logged and what services saw."""
        status = await self._gateway.stop()
        self._hold("an orderly end", status, 0)
        answers = self._callers.answers
        lines = self._gateway.access_log.read_text().count("\n")
        self._hold("a line of the log for each answer", lines, answers.total())
        for policy, service in self._services.items():
            self._faults += service.faults
            self._hold(f"requests of service {policy}", service.requests, answers[policy, 200])

    def _hold(self, rule: str, found: int, expected: int) -> None:
        if found != expected:
            self._faults.append(f"{rule}: {found}, not {expected}")
