"""Make everything that stands for one configuration, and is replaced with it."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from gateway.admission import Admission, Keys
from gateway.decision.identity import identity_aliases
from gateway.decision.memo import TokenMemo
from gateway.decision.revocation import RevocationLists
from gateway.proxy.outbox import Outbox
from gateway.proxy.pool import Pool
from gateway.proxy.port import Port, RouteState
from gateway.proxy.streams import MACHINE_CLOCKS, Clocks, Streams
from gateway.settings.values import Settings
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.quoting import quote
from gateway.telemetry.spans import Span
from gateway.telemetry.tracer import Tracer
from gateway.tls.client_context import ClientContexts
from gateway.tls.server_context import make_server_context


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """How requests are served under *settings*; *tls* is what the data port speaks, if any."""

    settings: Settings
    tls: ssl.SSLContext | None
    memo: TokenMemo
    pools: tuple[Pool, ...]
    port: Port


def make_serving(  # noqa: PLR0913, PLR0917 - each is a part of what is made
    settings: Settings,
    keys: Keys,
    lists: RevocationLists,
    metrics: Metrics,
    access_log: AccessLog,
    former: Serving | None = None,
    clocks: Clocks = MACHINE_CLOCKS,
    pseudonym: bytes | None = None,
    export: Callable[[Span], None] | None = None,
) -> Serving:
    """Return what serves under *settings*; *metrics* counts for them from now on.

    *export* takes spans, if anybody does.
    Of *former* nothing is used again but the counts, and the streams that end with their
    token: what it remembers of tokens and its connections belong to its policy and its
    upstreams.
    """
    memo = TokenMemo()
    if former is not None:
        memo.hits, memo.misses = former.memo.hits, former.memo.misses
    metrics.use([route.name for route in settings.policy.routes.routes], list(settings.upstreams))
    metrics.connections_limit = settings.limits.connections
    outbox = Outbox(asyncio.get_running_loop()) if former is None else former.port.outbox
    streams = Streams(clocks) if former is None else former.port.streams
    contexts = ClientContexts()
    pools = {
        name: Pool(
            upstream,
            settings.timeouts,
            outbox,
            metrics.upstreams[name],
            contexts.get(upstream.tls) if any(one.tls for one in upstream.servers) else None,
        )
        for name, upstream in settings.upstreams.items()
    }
    admission = Admission(settings.policy, keys, lists, memo, clocks.wall)
    tracing = settings.tracing
    tracer = None if tracing is None or export is None else Tracer(tracing, export)
    port = _make_port(
        settings, admission, keys, pools, outbox, streams, metrics, access_log, tracer
    )
    if pseudonym is not None:
        port.call_itself(pseudonym)
    return Serving(settings, _make_tls(settings, former), memo, tuple(pools.values()), port)


def _make_tls(settings: Settings, former: Serving | None) -> ssl.SSLContext | None:
    tls = settings.listen.tls
    if tls is None:
        return None
    if former is not None and former.settings.listen.tls == tls:
        return former.tls  # so that clients can take up their sessions again
    return make_server_context(tls)


def _make_port(  # noqa: PLR0913, PLR0917 - each is a part of what is made
    settings: Settings,
    admission: Admission,
    keys: Keys,
    pools: dict[str, Pool],
    outbox: Outbox,
    streams: Streams,
    metrics: Metrics,
    access_log: AccessLog,
    tracer: Tracer | None,
) -> Port:
    policy = settings.policy
    return Port(
        admission=admission,
        routes=[
            RouteState(route, pools[route.upstream], metrics.routes[route.index])
            for route in policy.routes.routes
        ],
        issuer_names={name: quote(name) for name in settings.issuers},
        explain_key=keys.explain,
        identity_aliases=identity_aliases(policy.identity),
        underscore_names=settings.underscore_names,
        forward_token=policy.identity.forward_token,
        timeouts=settings.timeouts,
        limits=settings.limits,
        trusted_proxies=settings.trusted_proxies,
        outbox=outbox,
        streams=streams,
        metrics=metrics,
        access_log=access_log,
        access_log_format=settings.access_log_format,
        is_tls=settings.listen.tls is not None,
        tracer=tracer,
    )
