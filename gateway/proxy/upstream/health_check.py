"""Ask a server whether it is well."""

import asyncio
import ssl

from gateway.decision.reason import Reason
from gateway.proxy.transport.write_buffer import Outbox
from gateway.proxy.upstream.connection import NEVER, ServerConnection
from gateway.proxy.upstream.roles import Far, Home
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.settings.values.balancing import HealthCheck
from gateway.telemetry.metrics.response_times import ResponseTimes
from gateway.tls.no_connection import describe_no_connection


async def ask_whether_well(
    pool: ServerPool, check: HealthCheck, tls: ssl.SSLContext | None
) -> str | None:
    """Return why the server of *pool* is not well, or None where it is.

    It is asked as requests are sent, by the same TLS and the same reader of answers, on a
    connection of its own: whether one more can be opened is a part of the question.
    """
    asker = _Asker()
    home: Home = _NoHome(pool.outbox)
    server: ServerConnection | None = None
    try:
        async with asyncio.timeout(check.timeout_seconds):
            server = await pool.open(home, tls)
            server.send(asker, _request(pool.server.authority, check), 0.0, NEVER)
            failure = await asker.done
    except TimeoutError:
        if server is not None:
            return f"its check was not answered within {check.timeout_seconds:g} s"
        return f"no connection in {check.timeout_seconds:g} s"
    except OSError as error:
        return describe_no_connection(error, check.timeout_seconds)
    finally:
        if server is not None:
            server.close()
    if failure is not None:
        return f"its check failed: {failure}"
    if check.accepts(asker.status):
        return None
    return f"its check was answered with {asker.status}, not {_wanted(check)}"


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


class _Asker:
    """Waits for the whole answer; its body goes nowhere."""

    is_head = wants_upgrade = False
    sent_at = 0.0  # a check is no request, and nobody asks

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.status = 0
        self.done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def request_complete(self) -> bool:
        """Say that all was sent."""
        return True

    def server_blocked(self) -> None:
        """Send nothing more anyway."""

    def server_ready(self) -> None:
        """Send nothing more anyway."""

    def interim_received(self, status: int, fields: bytes) -> None:
        """Wait for the final one."""

    def login_received(self) -> None:
        """Share the connection with nobody anyway."""

    def head_received(self, status: int, fields: bytes, length: int | None, has_body: bool) -> None:
        """Remember what it says."""
        self.status = status

    def response_continued(self) -> None:
        """Forget what came of the body."""
        self.out.clear()

    def response_ended(self) -> None:
        """Take that it was whole."""
        self._settle(None)

    def protocol_switched(self, protocol: bytes, lines: list[bytes], rest: bytes) -> Far | None:
        """Refuse what was not asked for."""
        self._settle("the service switched to another protocol")
        return None

    def is_repeatable(self) -> bool:
        """Say that another check comes anyway."""
        return False

    def server_failed(self, reason: Reason, detail: str, *, unsent: bool, stale: bool) -> None:
        """Take why there is no answer."""
        self._settle(detail)

    def give_up(self) -> None:
        """Take that an error of ours ended it."""
        self._settle("an error inside the gateway; stderr has the traceback")

    def _settle(self, failure: str | None) -> None:
        if not self.done.done():
            self.done.set_result(failure)


class _NoHome:
    """Where the connection of a check comes from, and never goes back to."""

    authority = ""
    is_distrusted = False
    body_seconds = NEVER  # the check has a limit itself

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.times = ResponseTimes()

    @property
    def counts(self) -> "_NoHome":
        """Return what counts for nobody."""
        return self

    def distrust(self) -> None:
        """Close it in any case."""

    def put(self, server: ServerConnection) -> None:
        """Close it."""
        server.close()

    def forget(self, server: ServerConnection) -> None:
        """Keep no list."""

    def fail(self, sent_at: float) -> None:
        """Count no request."""

    def abandon(self, sent_at: float) -> None:
        """Count no request."""
