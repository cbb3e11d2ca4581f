"""What all connections of the data port share."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from secrets import token_hex
from typing import Protocol
from weakref import WeakSet

from gateway.decision.browser import BrowserFields
from gateway.decision.head import RequestHead, SessionCredential
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.remembered import Remembered
from gateway.decision.routes.routing import Match, Route
from gateway.decision.token import SignedToken
from gateway.decision.verdict import (
    Allow,
    Deny,
    NeedCredentials,
    Needed,
    Publish,
    Settled,
    Verdict,
    WantedKey,
)
from gateway.http.host_cors import HostCors
from gateway.http.login_calls import LoginCall
from gateway.http.reading.credentials import reads_elsewhere
from gateway.http.reading.forwarding import Networks, client_address
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import Request
from gateway.http.ticket_calls import TicketCall
from gateway.proxy.logins.browser_logins import BrowserLogins
from gateway.proxy.streams.client import Client
from gateway.proxy.streams.open_streams import OpenStreams
from gateway.proxy.streams.upload import Upload
from gateway.proxy.transport.unexpected_errors import report_unexpected_error
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.pool import Pool
from gateway.settings.values.configuration import HalfClose, Limits, Timeouts, UnderscoreNames
from gateway.settings.values.route_options import RouteOptions
from gateway.telemetry.logs.access_log import AccessLog
from gateway.telemetry.logs.quoting import NULL, Json, quote
from gateway.telemetry.logs.recent_refusals import RecentRefusals
from gateway.telemetry.metrics.counters import Histogram
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.routes import RouteMetrics
from gateway.telemetry.tracing.tracer import Tracer
from gateway.tickets.ticket import Tickets

# In addition to those that routes name. A client can make up Host values: they must not fill the
# memory.
_REMEMBERED_HOSTS = 4096


class Vouched(Protocol):
    """An exchange whose caller the gateway vouches for."""

    id: bytes
    port: "Port"
    client: Client
    request: Request


SignAssertion = Callable[[SignedToken, str, Vouched], bytes]
r"""Returns the line ``Name: value\r\n`` about the caller with a token, for an upstream's name."""


BeforeRoutes = Callable[[Request, str], Publish | LoginCall | TicketCall | Deny | None]
"""Returns what answers a request, with its canonical host, before any route; else None."""


class Decider(Protocol):
    """Decides about requests: ``admission.Admission`` in the gateway."""

    def decide(self, head: RequestHead) -> Verdict:
        """Decide with the keys at hand."""

    def decide_for(self, head: RequestHead, match: Match) -> Verdict:
        """Decide about a request that belongs to the route of *match*, which is in no table."""

    def decide_by_session(
        self,
        head: RequestHead,
        browser: BrowserFields,
        session: SessionCredential,
        match: Match | None = None,
    ) -> Settled | Needed | NeedCredentials:
        """Decide about a request without a token, for which there is this *session*."""
        ...

    def decide_with_answers(self, head: RequestHead) -> Verdict:
        """Decide with the keys and the answers of issuers at hand."""

    async def decide_after(
        self, head: RequestHead, need: Needed, match: Match | None = None
    ) -> Settled:
        """Decide after asking the issuer for its keys, or about the token."""

    def find_revocation(self, token: SignedToken) -> Deny | None:
        """Return why *token* is revoked by now, or None."""


class HostNames(Remembered[bytes, str | None]):
    """The canonical form of every Host value in use; None for what is not a host.

    *known* are the hosts that routes name: they are never evicted, whatever strangers make up.
    """

    __slots__ = ()

    def __init__(self, known: Iterable[str] = ()) -> None:
        values = [host.encode() for host in known]
        super().__init__(_REMEMBERED_HOSTS, {value: canonical_host(value) for value in values})

    def __missing__(self, value: bytes) -> str | None:
        host = self.recall(value)
        if host is None:
            host = canonical_host(value)
            if host is not None:
                self.keep(value, host)
        return host


def new_pseudonym() -> bytes:
    """Return a name that no other gateway has, for all processes of this one."""
    return b"jwt-gateway-" + token_hex(4).encode()


# --- the limits of a route, and the exchanges that they hold back


class Measured(Protocol):
    """An exchange whose upstream may have begun to respond."""

    sent_at: float
    status: int
    upstream_seconds: float | None
    upload: Upload | None


class HeldSlots(Protocol):
    """The concurrency limits in which an exchange holds a slot."""

    def release(self, exchange: Measured) -> None:
        """Release the slots of *exchange*."""


class Limited(Measured, Protocol):
    """An exchange whose request is allowed, if the limits of its route admit it."""

    port: "Port"
    client: Client
    request: Request
    allow: Allow | None
    slots: HeldSlots | None  # from when it has entered; once it is over, none
    limit_fields: bytes
    waited: bool
    is_over: bool

    def dispatch(self, allow: Allow) -> None:
        """Send the request, which is within its limits."""

    def refuse(self, deny: Deny) -> None:
        """Respond with the refusal *deny*."""

    def give_up(self) -> None:
        """Fail after an unexpected error."""


class RouteLimits(Protocol):
    """The limits of a route on rates, or on requests in flight."""

    def begin(self, exchange: Limited, allow: Allow) -> None:
        """Dispatch *exchange* or refuse it, now or later."""


# --- routes


class RouteRecord:
    """What records of requests need of their route, or of having none: counts and JSON names."""

    __slots__ = ("metrics", "name", "names", "upstream")

    def __init__(self, name: Json, upstream: Json, metrics: RouteMetrics) -> None:
        self.metrics = metrics
        self.name = name
        self.upstream = upstream
        self.names = b'"route":%b,"upstream":%b' % (name, upstream)


class RouteState(RouteRecord):
    """What the data port keeps for one route, also its pool and its limits."""

    __slots__ = (
        "body_bytes",
        "edits_responses",
        "limits",
        "options",
        "pool",
        "response_seconds",
        "stall_seconds",
        "total_seconds",
    )

    def __init__(
        self, route: Route, options: RouteOptions, pool: Pool, metrics: RouteMetrics
    ) -> None:
        super().__init__(quote(route.name), quote(route.upstream), metrics)
        self.pool = pool
        self.response_seconds = options.response_timeout_seconds
        self.stall_seconds = options.stall_timeout_seconds
        self.total_seconds = options.total_seconds
        self.body_bytes = options.body_bytes
        self.options = options
        self.edits_responses = options.edits_responses or reads_elsewhere(route)
        self.limits: RouteLimits | None = None


def _largest(limits: Iterable[int | None]) -> int | None:
    """Return the largest of *limits*; None is no limit."""
    largest = 0
    for limit in limits:
        if limit is None:
            return None
        largest = max(largest, limit)
    return largest


# --- the port


@dataclass(frozen=True, slots=True, eq=False)
class RequestLog:
    """Where requests are recorded, and what their lines say.

    *json* or *combined* is the access log, if it is written in that format. *recent* keeps the
    last refusals in any case. *issuer_names* are those of all issuers as JSON. *explain_key*
    says which key a token wanted, and which there were. *overhead* is the time that requests
    spend in the gateway.
    """

    json: AccessLog | None
    combined: AccessLog | None
    recent: RecentRefusals
    issuer_names: Mapping[str, Json]
    explain_key: Callable[[WantedKey], str]
    overhead: Histogram


class Port:
    """The collaborators of every client connection, and the few facts about all of them.

    *routes* is indexed by ``Route.index``; *hosts* are those that they name, and *token_fields* the
    fields that they read for tokens alone. Without a *tracer*
    traces only pass through. *has_logins* says that this configuration or one before it had logins;
    *logins* are those of this one.

    What each request reads several times is an attribute of its own: a group around it would
    cost a look-up each time. The rest comes in groups: *limits*, *timeouts*, and the *log*, which a
    request reads once, at its end. Slots, because CPython finds the attributes of an object with
    more than thirty of them in a dictionary only by searching it.
    """

    __slots__ = (
        "__weakref__",
        "_all",
        "_successor",
        "_tasks",
        "admission",
        "before_routes",
        "decide",
        "edits_responses",
        "forward_token",
        "host_cors",
        "hosts",
        "is_draining",
        "limits",
        "log",
        "logins",
        "metrics",
        "most_body_bytes",
        "names",
        "no_route",
        "pseudonym",
        "removes_own_cookies",
        "request_ids",
        "routes",
        "serves_grpc_web",
        "serves_half_closed",
        "serves_http2",
        "sign_assertion",
        "streams",
        "tickets",
        "timeouts",
        "tracer",
        "trusted_proxies",
        "via",
        "write_buffer",
    )

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        *,
        admission: Decider,
        routes: list[RouteState],
        hosts: Iterable[str],
        identity_aliases: frozenset[bytes],
        has_logins: bool,
        token_fields: frozenset[bytes],
        underscore_names: UnderscoreNames,
        upgrades: frozenset[bytes],
        forward_token: bool,
        timeouts: Timeouts,
        limits: Limits,
        trusted_proxies: Networks,
        half_close: HalfClose,
        http2: bool,
        write_buffer: WriteBuffer,
        streams: OpenStreams,
        metrics: Metrics,
        log: RequestLog,
        tracer: Tracer | None,
    ) -> None:
        self.admission = admission
        self.decide = admission.decide
        self.routes = routes
        self.no_route = RouteRecord(NULL, NULL, metrics.no_route)
        self.names = RequestNames(
            identity_aliases,
            underscore_names,
            upgrades,
            has_logins=has_logins,
            credentials=token_fields,
        )
        self.hosts = HostNames(hosts)
        self.forward_token = forward_token
        self.sign_assertion: SignAssertion | None = None
        self.before_routes: BeforeRoutes | None = None
        self.logins: BrowserLogins | None = None
        self.tickets: Tickets | None = None
        self.host_cors = HostCors((), ())
        self.timeouts = timeouts
        self.limits = limits
        # Once there were logins, no service may set a cookie of theirs.
        self.removes_own_cookies = has_logins
        self.edits_responses = has_logins or any(one.edits_responses for one in routes)
        self.most_body_bytes = _largest([limits.body_bytes, *(one.body_bytes for one in routes)])
        self.trusted_proxies = trusted_proxies
        self.serves_http2 = http2
        self.serves_grpc_web = any(one.options.grpc_web for one in routes)
        self.serves_half_closed = half_close is HalfClose.ANSWER
        self.write_buffer = write_buffer
        self.streams = streams
        self.metrics = metrics
        self.log = log
        self.tracer = tracer
        self.is_draining = False
        self.use_pseudonym(new_pseudonym())
        # 14 random digits of this process and 9 counted ones. By `map`: no Python code runs for it.
        id_format = token_hex(7).encode() + b"-%09x"
        self.request_ids = map(id_format.__mod__, count(1))
        self._tasks: set[asyncio.Task[None]] = set()
        self._all: WeakSet[Port] = WeakSet((self,))  # those of this process that are in use
        self._successor: Port | None = None

    def use_pseudonym(self, pseudonym: bytes) -> None:
        """Use *pseudonym* in Via; a request that has it there already goes in circles."""
        self.pseudonym = pseudonym
        self.via = b"1.1 " + pseudonym

    def succeed(self, former: "Port") -> None:
        """Replace *former* after a reload, and take over what belongs to the process."""
        former._successor = self
        self.use_pseudonym(former.pseudonym)
        self.request_ids = former.request_ids
        self.is_draining = former.is_draining
        self._tasks = former._tasks
        self._all = former._all
        self._all.add(self)
        if self.removes_own_cookies:
            for port in self._all:  # of requests in flight
                port.removes_own_cookies = port.edits_responses = True

    def cap_idle_timeout(self, seconds: float) -> None:
        """Cap the idle timeout at *seconds*; open connections have to be notified."""
        idle_seconds = min(self.timeouts.idle_seconds, seconds)
        self.timeouts = replace(self.timeouts, idle_seconds=idle_seconds)

    def latest(self) -> "Port":
        """Return the last port that replaced this one by a reload; often itself."""
        port = self
        while port._successor is not None:
            port = port._successor
        return port

    def address_of(self, client: Client, request: Request) -> bytes:
        """Return the peer's address, or the one that trusted proxies report."""
        incoming = request.fields.incoming
        if incoming is None or not self.trusted_proxies:
            return client.peer.address_bytes
        return client_address(client.peer.address, incoming.x_for, self.trusted_proxies).encode()

    def spawn(self, work: Coroutine[None, None, None], on_error: Callable[[], None]) -> None:
        """Run *work* as a task; the event loop alone would not keep it alive.

        An unexpected error in it is reported, and *on_error* ends whatever waits for it.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

        def end(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if task.cancelled() or task.exception() is None:
                return
            report_unexpected_error("a request failed", task.exception())
            on_error()

        task.add_done_callback(end)
