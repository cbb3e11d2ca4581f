"""What all connections of the data port share."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Protocol

from gateway.decision.head import RequestHead
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.remembered import Remembered
from gateway.decision.routes.routing import Route
from gateway.decision.token import SignedToken
from gateway.decision.verdict import Deny, NeedKeys, Settled, Verdict, WantedKey
from gateway.http.cors import Preflight
from gateway.http.host_sharing import HostSharing
from gateway.http.reading.forwarding import Networks
from gateway.http.reading.names import RequestNames
from gateway.proxy.streams.streams import Streams
from gateway.proxy.transport.unexpected_errors import report_bug
from gateway.proxy.transport.write_buffer import Outbox
from gateway.proxy.upstream.pool import Pool
from gateway.settings.values.configuration import (
    AccessLogFormat,
    HalfClose,
    Limits,
    Timeouts,
    UnderscoreNames,
)
from gateway.settings.values.route_options import RouteOptions
from gateway.telemetry.logs.access_log import AccessLog
from gateway.telemetry.logs.quoting import NULL, Json, quote
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.routes import RouteMetrics
from gateway.telemetry.tracing.tracer import Tracer

if TYPE_CHECKING:  # it imports this
    from gateway.limits.places import Places
    from gateway.proxy.concurrency.entrance import Entrance
    from gateway.proxy.concurrency.limiting import RouteLimits

# Beside those that routes name. Hosts come from the outside: a client that makes them up must
# not fill the memory.
_REMEMBERED_HOSTS = 4096


Vouch = Callable[[SignedToken, str], bytes]
r"""Makes the line ``Name: value\r\n`` about the caller with a token, for the service so named."""


class Admits(Protocol):
    """Whoever decides: ``admission.Admission`` in the gateway."""

    def decide(self, head: RequestHead) -> Verdict:
        """Answer from what is at hand."""

    async def decide_with_keys(self, head: RequestHead, need: NeedKeys) -> Settled:
        """Answer after asking the issuer for keys."""

    def find_revocation(self, token: SignedToken) -> Deny | None:
        """Return why *token* is revoked by now, or None."""


class HostNames(Remembered[bytes, str | None]):
    """The canonical form of every Host value in use; None for what is no host.

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
    """Return a name for a gateway, in all of its processes, that no other has."""
    return b"jwt-gateway-" + token_hex(4).encode()


class Unrouted:
    """The counts of requests without a route, and what the log says for its names."""

    __slots__ = ("metrics", "name", "names", "upstream")

    def __init__(self, name: Json, upstream: Json, metrics: RouteMetrics) -> None:
        self.metrics = metrics
        self.name = name
        self.upstream = upstream
        self.names = b'"route":%b,"upstream":%b' % (name, upstream)


class RouteState(Unrouted):
    """What the data port keeps for one route: its pool, its counts, its names as JSON."""

    __slots__ = (
        "answer_seconds",
        "body_bytes",
        "limits",
        "options",
        "pool",
        "stall_seconds",
        "total_seconds",
    )

    def __init__(
        self, route: Route, options: RouteOptions, pool: Pool, metrics: RouteMetrics
    ) -> None:
        super().__init__(quote(route.name), quote(route.upstream), metrics)
        self.pool = pool
        self.answer_seconds = options.response_timeout_seconds
        self.stall_seconds = options.stall_timeout_seconds
        self.total_seconds = options.total_seconds
        self.body_bytes = options.body_bytes
        self.options = options
        self.limits: RouteLimits | Entrance | None = None


def _most(limits: Iterable[int | None]) -> int | None:
    """Return the largest of *limits*; None is no limit."""
    most = 0
    for limit in limits:
        if limit is None:
            return None
        most = max(most, limit)
    return most


class Port:
    """The collaborators of every client connection, and the few facts about all of them.

    *routes* is indexed by ``Route.index``, *hosts* are those that they name. *explain_key* says for
    the log which key a token wanted, and which there were. Without a *tracer* traces only pass
    through.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        *,
        admission: Admits,
        routes: list[RouteState],
        hosts: Iterable[str],
        issuer_names: Mapping[str, Json],
        explain_key: Callable[[WantedKey], str],
        identity_aliases: frozenset[bytes],
        underscore_names: UnderscoreNames,
        upgrades: frozenset[bytes],
        forward_token: bool,
        timeouts: Timeouts,
        limits: Limits,
        trusted_proxies: Networks,
        half_close: HalfClose,
        outbox: Outbox,
        streams: Streams,
        metrics: Metrics,
        access_log: AccessLog,
        access_log_format: AccessLogFormat,
        tracer: Tracer | None,
    ) -> None:
        self.admission = admission
        self.decide = admission.decide
        self.routes = routes
        self.no_route = Unrouted(NULL, NULL, metrics.no_route)
        self.issuer_names = issuer_names
        self.explain_key = explain_key
        self.names = RequestNames(identity_aliases, underscore_names, upgrades)
        self.hosts = HostNames(hosts)
        self.forward_token = forward_token
        self.vouch: Vouch | None = None
        self.preflight: Preflight | None = None
        self.sharing = HostSharing((), ())
        self.places: Mapping[tuple[str, str], Places] = {}
        self.timeouts = timeouts
        self.limits = limits
        self.edits_answers = any(one.options.edits_answers for one in routes)
        self.most_body_bytes = _most([limits.body_bytes, *(one.body_bytes for one in routes)])
        self.trusted_proxies = trusted_proxies
        self.answers_half_closed = half_close is HalfClose.ANSWER
        self.outbox = outbox
        self.streams = streams
        self.metrics = metrics
        self.overhead = metrics.load.overhead
        self.access_log = access_log
        # The same, if lines are written in this format: each request asks whether they are.
        wanted = access_log_format if access_log.enabled else None
        self.json_log = access_log if wanted is AccessLogFormat.JSON else None
        self.combined_log = access_log if wanted is AccessLogFormat.COMBINED else None
        self.tracer = tracer
        self.is_draining = False
        self.call_itself(new_pseudonym())
        # A request id is 14 random digits of this process and 9 counted ones.
        self.id_prefix = token_hex(7).encode() + b"-"
        self.ids = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._successor: Port | None = None

    def call_itself(self, pseudonym: bytes) -> None:
        """Take this *pseudonym*: seen in Via, it says that a request goes in circles."""
        self.pseudonym = pseudonym
        self.via = b"1.1 " + pseudonym

    def succeed(self, former: "Port") -> None:
        """Take the place of *former* after a reload: what is the process's own goes on."""
        former._successor = self
        self.call_itself(former.pseudonym)
        self.id_prefix, self.ids = former.id_prefix, former.ids
        self.is_draining = former.is_draining
        self._tasks = former._tasks

    def bound_idleness(self, seconds: float) -> None:
        """Let no connection be idle for longer, from when it is told."""
        idle_seconds = min(self.timeouts.idle_seconds, seconds)
        self.timeouts = replace(self.timeouts, idle_seconds=idle_seconds)

    def latest(self) -> "Port":
        """Return the port that took this one's place in the end; often itself."""
        port = self
        while port._successor is not None:
            port = port._successor
        return port

    def spawn(self, work: Coroutine[None, None, None], on_error: Callable[[], None]) -> None:
        """Run *work* beside the connections; the event loop alone would forget it.

        An error in it is a bug of ours: it is reported, and *on_error* ends what waits for it.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

        def end(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if task.cancelled() or task.exception() is None:
                return
            report_bug("a bug ended a request", task.exception())
            on_error()

        task.add_done_callback(end)
