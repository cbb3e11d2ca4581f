"""Check the health of an upstream's servers, each in its own time."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from time import monotonic

from gateway.balancing.health import after_check, first_check_at, next_check_at, postpone
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.upstream.connection import NEVER
from gateway.proxy.upstream.health_check import check_health
from gateway.proxy.upstream.members import Member, Members
from gateway.settings.values.balancing import HealthCheck

_log = logging.getLogger(__name__)


class HealthChecks:
    """Checks every member periodically, and has *members* use the healthy ones."""

    def __init__(
        self,
        upstream_name: str,
        check: HealthCheck,
        members: Members,
        chance: Callable[[], float],
    ) -> None:
        self._upstream_name = upstream_name
        self._check = check
        self._members = members
        self._chance = chance
        self._running: set[asyncio.Task[None]] = set()

    def sweep(self, now: float) -> None:
        """Start the checks that are due."""
        for member in self._members.all:
            if not member.health.due_at:
                first = first_check_at(self._check, now, self._chance())
                member.health = postpone(member.health, first)
            if member.health.due_at > now:
                continue
            member.health = postpone(member.health, NEVER)  # until this one is over
            task = asyncio.get_running_loop().create_task(self._run(member))
            self._running.add(task)
            task.add_done_callback(partial(self._end, member))

    def _end(self, member: Member, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        report_unexpected_error("unexpected error in a health check", task.exception())
        member.health = postpone(member.health, self._next())

    def _next(self) -> float:
        return next_check_at(self._check, monotonic(), self._chance())

    async def _run(self, member: Member) -> None:
        failure = await check_health(member.pool, self._check)
        tally = member.pool.tally
        tally.checks += 1
        tally.failed_checks += failure is not None
        before = member.health
        member.health = after_check(before, self._check, failure, self._next())
        if member.health.is_healthy == before.is_healthy:
            return
        if failure is None:
            _log.warning("upstream %s: %s is healthy again", self._upstream_name, member.name)
        else:
            _log.warning(
                "upstream %s: %s is unhealthy: %s", self._upstream_name, member.name, failure
            )
        self._members.choose()

    def close(self) -> None:
        """Stop all checks."""
        for task in tuple(self._running):
            task.cancel()
