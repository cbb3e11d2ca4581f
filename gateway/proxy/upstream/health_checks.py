"""Check the health of an upstream's servers, each in its own time."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from functools import partial
from time import monotonic

from gateway.balancing.health import after_check, first_check_at, next_check_at, postpone
from gateway.decision.reason import Reason
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.connection import NEVER, ConnectionOwner, ServerConnection
from gateway.proxy.upstream.lease import TunnelPeer
from gateway.proxy.upstream.members import Member, Members
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.settings.values.balancing import HealthCheck
from gateway.tls.no_connection import describe_no_connection

_log = logging.getLogger(__name__)


class HealthChecks:
    """Checks every member periodically, and has *members* use the healthy ones."""

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
        failure = await check_health(member.pool, self._check, self._tls)
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


async def check_health(
    pool: ServerPool, check: HealthCheck, tls: ssl.SSLContext | None
) -> str | None:
    """Return why the server of *pool* is unhealthy, or None if it is healthy.

    The check is sent like a request, by the same TLS and the same response reader, but on a
    connection of its own: whether one more can be opened is a part of the check.
    """
    requester = _CheckRequest()
    owner: ConnectionOwner = _CheckOwner(pool.write_buffer)
    server: ServerConnection | None = None
    try:
        async with asyncio.timeout(check.timeout_seconds):
            server = await pool.open(owner, tls)
            server.send(requester, _request(pool.server.authority, check), 0.0, NEVER)
            failure = await requester.done
    except TimeoutError:
        if server is not None:
            return f"no response to its health check within {check.timeout_seconds:g} s"
        return f"no connection in {check.timeout_seconds:g} s"
    except OSError as error:
        return describe_no_connection(error, check.timeout_seconds)
    finally:
        if server is not None:
            server.close()
    if failure is not None:
        return f"its health check failed: {failure}"
    if check.accepts(requester.status):
        return None
    return f"its health check got {requester.status}, not {_wanted(check)}"


def _request(authority: str, check: HealthCheck) -> bytes:
    lines = (
        f"GET {check.path} HTTP/1.1",
        f"Host: {authority}",
        "User-Agent: jwt-gateway",
        "Accept: */*",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _wanted(check: HealthCheck) -> str:
    ranges = (str(a) if a == b else f"{a}-{b}" for a, b in check.statuses)
    return ", ".join(ranges)


class _CheckRequest:
    """The request of one check: it waits for the whole response, and drops the body."""

    is_head = wants_upgrade = sends_body = takes_trailers = False
    sent_at = 0.0  # nobody measures a check

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.status = 0
        self.done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def request_complete(self) -> bool:
        """Return True: it has no body."""
        return True

    def server_blocked(self) -> None:
        """Do nothing: there is nothing more to send."""

    def server_ready(self) -> None:
        """Do nothing: there is nothing more to send."""

    def interim_received(self, status: int, fields: bytes) -> None:
        """Wait for the final response."""

    def login_received(self) -> None:
        """Do nothing: the connection is not shared anyway."""

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        """Remember the status."""
        self.status = status

    def trailers_received(self, fields: bytes) -> None:
        """Ignore the trailers."""

    def response_continued(self) -> None:
        """Drop what has come of the body."""
        self.out.clear()

    def response_ended(self) -> None:
        """Settle: the response is complete."""
        self._settle(None)

    def protocol_switched(
        self, protocol: bytes, lines: list[bytes], rest: bytes
    ) -> TunnelPeer | None:
        """Refuse a protocol that was not asked for."""
        self._settle("the upstream switched to another protocol")
        return None

    def is_repeatable(self) -> bool:
        """Return False: the next check comes anyway."""
        return False

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool, stale: bool) -> None:
        """Settle: there will be no response."""
        self._settle(detail)

    def give_up(self) -> None:
        """Settle after an unexpected error."""
        self._settle("an error inside the gateway; stderr has the traceback")

    def _settle(self, failure: str | None) -> None:
        if not self.done.done():
            self.done.set_result(failure)


class _CheckOwner:
    """The owner of a connection for one check, which it never goes back to."""

    authority = ""
    is_distrusted = False
    body_seconds = NEVER  # the check has a timeout itself

    def __init__(self, write_buffer: WriteBuffer) -> None:
        self.write_buffer = write_buffer

    def observe(self, method: str, status: int, seconds: float) -> None:
        """Do not count it."""

    def distrust(self) -> None:
        """Do nothing: it is closed in any case."""

    def put(self, server: ServerConnection) -> None:
        """Close it."""
        server.close()

    def forget(self, server: ServerConnection) -> None:
        """Keep no list."""

    def fail(self, sent_at: float) -> None:
        """Do not count it."""

    def abandon(self, sent_at: float) -> None:
        """Do not count it."""
