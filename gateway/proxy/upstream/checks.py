"""Check the health of an upstream's servers, each in its own time."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from functools import partial
from time import monotonic

from gateway.balancing.health import after_check, first_check_at, next_check_at, postpone
from gateway.proxy.transport.unexpected_errors import report_bug
from gateway.proxy.upstream.connection import NEVER
from gateway.proxy.upstream.health_check import ask_whether_well
from gateway.proxy.upstream.member import Member
from gateway.proxy.upstream.members import Members
from gateway.settings.values.balancing import HealthCheck

_log = logging.getLogger(__name__)


class Checks:
    """Asks every member whether it is well, and has *members* use those that are."""

    def __init__(
        self,
        upstream_name: str,
        check: HealthCheck,
        members: Members,
        tls: ssl.SSLContext | None,
        chance: Callable[[], float],
    ) -> None:
        self._upstream_name = upstream_name
        self._check = check
        self._members = members
        self._tls = tls
        self._chance = chance
        self._running: set[asyncio.Task[None]] = set()

    def sweep(self, now: float) -> None:
        """Begin the checks whose time it is."""
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
        report_bug("a bug ended a health check", task.exception())
        member.health = postpone(member.health, self._next())

    def _next(self) -> float:
        return next_check_at(self._check, monotonic(), self._chance())

    async def _run(self, member: Member) -> None:
        failure = await ask_whether_well(member.pool, self._check, self._tls)
        tally = member.pool.tally
        tally.checks += 1
        tally.failed_checks += failure is not None
        before = member.health
        member.health = after_check(before, self._check, failure, self._next())
        if member.health.is_well == before.is_well:
            return
        if failure is None:
            _log.warning("upstream %s: %s is well again", self._upstream_name, member.name)
        else:
            _log.warning(
                "upstream %s: %s is not well: %s", self._upstream_name, member.name, failure
            )
        self._members.choose()

    def close(self) -> None:
        """Check nothing any more."""
        for task in tuple(self._running):
            task.cancel()
