"""Check the health of one server, by HTTP or by gRPC."""

import asyncio
import re
from typing import Final

from gateway.decision.reason import Reason
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.address_pool import AddressPool, LoneConnection
from gateway.proxy.upstream.connection import NEVER, ServerConnection
from gateway.proxy.upstream.grpc_health import (
    MAX_ANSWER_BYTES,
    METHOD,
    encode_check,
    judge_answer,
    judge_call,
)
from gateway.proxy.upstream.h2_connection import H2ServerConnection
from gateway.proxy.upstream.lease import TunnelPeer
from gateway.settings.values.balancing import HealthCheck
from gateway.tls.no_connection import describe_no_connection

_GRPC_STATUS: Final = re.compile(
    rb"\r\ngrpc-status:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n|\Z)", re.IGNORECASE
)
_OK: Final = 200


async def check_health(pool: AddressPool, check: HealthCheck) -> str | None:
    """Return why the server of *pool* is unhealthy, or None if it is healthy.

    The check is sent like a request, by the same TLS and the same response reader, but on a
    connection of its own: whether one more can be opened is a part of the check.
    """
    service = check.grpc_service
    requester = _CheckRequest(b"" if service is None else encode_check(service))
    connection: LoneConnection | None = None
    try:
        async with asyncio.timeout(check.timeout_seconds):
            connection = await pool.open_alone(_CheckOwner(pool.write_buffer))
            requester.send(connection, _head(pool.server.authority, check))
            failure = await requester.done
    except TimeoutError:
        if connection is not None:
            return f"no response to its health check within {check.timeout_seconds:g} s"
        return f"no connection in {check.timeout_seconds:g} s"
    except OSError as error:
        return describe_no_connection(error, check.timeout_seconds)
    finally:
        if connection is not None:
            connection.close()
    if failure is not None:
        return f"its health check failed: {failure}"
    return _judge(requester, check)


def _head(authority: str, check: HealthCheck) -> bytes:
    if check.grpc_service is not None:
        lines = (
            f"POST {METHOD} HTTP/1.1",
            f"Host: {authority}",
            "User-Agent: jwt-gateway",
            "Content-Type: application/grpc",
            "Transfer-Encoding: chunked",
        )
    else:
        lines = (
            f"GET {check.path} HTTP/1.1",
            f"Host: {authority}",
            "User-Agent: jwt-gateway",
            "Accept: */*",
            "Connection: close",
        )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _judge(answered: "_CheckRequest", check: HealthCheck) -> str | None:
    """Return what is wrong with a complete response."""
    if check.grpc_service is None:
        if check.accepts(answered.status):
            return None
        return f"its health check got {answered.status}, not {_wanted(check)}"
    if answered.status != _OK:
        return f"its health check got {answered.status}, not {_OK} as a call of gRPC does"
    return judge_call(answered.grpc_status) or judge_answer(bytes(answered.body))


def _wanted(check: HealthCheck) -> str:
    ranges = (str(a) if a == b else f"{a}-{b}" for a, b in check.statuses)
    return ", ".join(ranges)


class _CheckRequest:
    """The request of one check: it waits for the whole response.

    It has *content* as its body, if any. Only the beginning of the response's body is kept.
    """

    is_head = wants_upgrade = False
    takes_trailers = True
    sent_at = 0.0  # nobody measures a check

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.sends_body = bool(content)
        self.out: list[bytes] = []
        self.body = bytearray()
        self.status = 0
        self.grpc_status: bytes | None = None
        self.done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def send(self, connection: LoneConnection, head: bytes) -> None:
        """Send it, with *head*."""
        lease = connection.lease()
        lease.send(self, head, 0.0, NEVER)
        if self._content:
            lease.write_chunk(self._content)
            lease.expect_response()

    def request_complete(self) -> bool:
        """Return True: it is sent at once."""
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
        self.trailers_received(fields)  # a call that fails at once has them here

    def trailers_received(self, fields: bytes) -> None:
        """Remember the status of gRPC."""
        found = _GRPC_STATUS.search(fields)
        if found is not None:
            self.grpc_status = found[1]

    def response_continued(self) -> None:
        """Keep what has come of the body, up to a limit."""
        for piece in self.out:
            if len(self.body) <= MAX_ANSWER_BYTES:
                self.body += piece
        self.out.clear()

    def response_ended(self) -> None:
        """Settle: the response is complete."""
        self.response_continued()
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

    def room_changed(self, server: H2ServerConnection) -> None:
        """Do nothing: nothing else is sent there."""

    def lost(self, server: H2ServerConnection) -> None:
        """Keep no list."""

    def fail(self, sent_at: float) -> None:
        """Do not count it."""

    def abandon(self, sent_at: float) -> None:
        """Do not count it."""
