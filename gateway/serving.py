"""Build everything that belongs to one configuration, and is replaced with it."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from secrets import token_urlsafe

from gateway.admission import Admission, Keys
from gateway.assertion.signer import AssertionSigner
from gateway.assertion.transaction_tokens import TransactionTokens
from gateway.central import Central
from gateway.decision.token import SignedToken
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Deny, Publish
from gateway.fetching.resolver import Resolver
from gateway.http.cors import make_preflight
from gateway.http.host_cors import HostCors
from gateway.http.login_calls import LoginCall, LoginCalls
from gateway.http.reading.names import reserved_aliases, supported_upgrades, token_fields
from gateway.http.reading.request import Request
from gateway.http.ticket_calls import TicketCall, find_ticket_call
from gateway.limits.limiter import Limiter, MemoryLimiter
from gateway.login.requests import Logins
from gateway.proxy.concurrency.concurrency_limits import Limits, apply_concurrency_limits
from gateway.proxy.concurrency.rate_limits import apply_rate_limits
from gateway.proxy.credentials import apply_credentials
from gateway.proxy.logins.browser_logins import BrowserLogins
from gateway.proxy.logins.session_cache import SessionCache
from gateway.proxy.port import Port, RequestLog, RouteState, SignAssertion, Vouched
from gateway.proxy.streams.open_streams import MACHINE_CLOCKS, Clocks, OpenStreams
from gateway.proxy.transport.write_buffer import WriteBuffer
from gateway.proxy.upstream.pool import Pool
from gateway.settings.values.configuration import AccessLogFormat, AssertionSettings, Settings
from gateway.settings.values.tickets import TicketSettings
from gateway.telemetry.logs.access_log import AccessLog
from gateway.telemetry.logs.quoting import QuotedNames
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.tracing.spans import Span
from gateway.telemetry.tracing.tracer import Tracer
from gateway.tickets.ticket import Tickets
from gateway.tls.certificate import ServerTls
from gateway.tls.contexts import Contexts, make_contexts


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """What serves requests under *settings*; *tls* has a context for each address with TLS.

    *identity_names* are the aliases of the identity headers of all configurations so far, and
    *had_logins* says whether one of these has had logins.
    """

    settings: Settings
    tls: tuple[ssl.SSLContext | None, ...]
    memo: TokenMemo
    pools: tuple[Pool, ...]
    port: Port
    concurrency_limits: Limits
    identity_names: frozenset[bytes]
    had_logins: bool


def make_serving(  # noqa: PLR0913, PLR0917 - each is a part of what is made
    settings: Settings,
    central: Central,
    metrics: Metrics,
    access_log: AccessLog,
    former: Serving | None = None,
    clocks: Clocks = MACHINE_CLOCKS,
    pseudonym: bytes | None = None,
    export: Callable[[Span], None] | None = None,
    contexts: Contexts | None = None,
    limiter: Limiter | None = None,
    identity_names: frozenset[bytes] = frozenset(),
    had_logins: bool = False,
) -> Serving:
    """Return what serves under *settings*, with *central*; *metrics* counts from now on.

    *contexts* are what `make_tls` returns for them, if it was called before. *export* takes
    spans; without it there is no tracing. *limiter* counts requests, by default a new one in
    memory. *identity_names* are those of configurations before *former*, and *had_logins* says
    whether one of these had logins. Of *former* only the counts and the open streams are used
    again: its token memo and its connections belong to its policy and its upstreams.
    """
    memo = TokenMemo()
    if former is not None:
        memo.hits, memo.misses = former.memo.hits, former.memo.misses
    metrics.use([route.name for route in settings.policy.routes.routes], list(settings.upstreams))
    metrics.connections_limit = settings.limits.connections
    write_buffer = (
        WriteBuffer(asyncio.get_running_loop()) if former is None else former.port.write_buffer
    )
    streams = OpenStreams(clocks) if former is None else former.port.streams
    contexts = contexts or make_tls(settings, former)
    resolver = Resolver()
    pools = {
        name: Pool(
            upstream,
            settings.timeouts,
            write_buffer,
            metrics.upstreams[name],
            None if upstream.tls is None else contexts.clients[upstream.tls],
            resolver,
        )
        for name, upstream in settings.upstreams.items()
    }
    for pool in () if former is None else former.pools:
        if pool.name in pools:
            pools[pool.name].inherit(pool)
    policy = settings.policy
    admission = Admission(
        policy, central.keys, central.lists, memo, clocks.wall, central.introspection
    )
    tracing = settings.tracing
    tracer = None if tracing is None or export is None else Tracer(tracing, export)
    identity_names |= reserved_aliases(settings.policy)
    had_logins = had_logins or bool(settings.logins)
    if former is not None:
        identity_names |= former.identity_names
        had_logins = had_logins or former.had_logins
    port = _make_port(
        settings,
        admission,
        central.keys,
        pools,
        write_buffer,
        streams,
        metrics,
        access_log,
        tracer,
        identity_names,
        had_logins,
    )
    apply_credentials(
        port,
        settings.upstreams,
        central.service_tokens,
        settings.policy.max_token_bytes,
        clocks,
    )
    apply_rate_limits(port, settings.rate_limiting, limiter or MemoryLimiter(), metrics)
    limits = apply_concurrency_limits(
        port, settings, former.concurrency_limits if former else {}, metrics
    )
    if policy.introspecting:
        port.decide = admission.decide_with_answers
    port.sign_assertion = _make_assertion_signer(settings.assertion, clocks)
    port.host_cors = HostCors(settings.policy.routes.routes, settings.route_options)
    _set_logins(port, settings, central.logins, clocks, metrics)
    _set_tickets(port, settings.tickets, central.tickets)
    if pseudonym is not None:
        port.use_pseudonym(pseudonym)
    return Serving(
        settings,
        contexts.servers,
        memo,
        tuple(pools.values()),
        port,
        limits,
        identity_names,
        had_logins,
    )


def _set_logins(
    port: Port, settings: Settings, logins: Logins | None, clocks: Clocks, metrics: Metrics
) -> None:
    """Have *port* ask *logins* about browsers, and answer what comes before routes."""
    preflight = make_preflight(settings.policy, settings.route_options, port.host_cors)
    if not settings.logins or logins is None:
        port.before_routes = preflight
        return
    sessions = SessionCache(logins, clocks.wall, metrics)
    sessions.subscribe(port.streams.end_sessions)
    calls = LoginCalls(settings.logins, settings.policy)
    port.logins = BrowserLogins(calls, logins, sessions)
    if preflight is None:
        port.before_routes = calls.find
        return

    def find_first(request: Request, host: str) -> Publish | LoginCall | Deny | None:
        return calls.find(request, host) or preflight(request, host)

    port.before_routes = find_first


def _set_tickets(port: Port, settings: TicketSettings | None, tickets: Tickets | None) -> None:
    """Have *port* issue and take tickets, which *tickets* keeps."""
    if settings is None:
        return
    port.tickets, others = tickets, port.before_routes

    def find_first(request: Request, host: str) -> Publish | LoginCall | TicketCall | Deny | None:
        found = find_ticket_call(request, settings)
        return found if found is not None or others is None else others(request, host)

    port.before_routes = find_first


def _make_assertion_signer(
    assertion: AssertionSettings | None, clocks: Clocks
) -> SignAssertion | None:
    if assertion is None:
        return None
    wall = clocks.wall
    if assertion.trust_domain is not None:
        tokens = TransactionTokens(assertion)

        def sign_transaction(token: SignedToken, _upstream: str, exchange: Vouched) -> bytes:
            address = exchange.port.address_of(exchange.client, exchange.request)
            return tokens.issue(token, exchange.id.decode(), address.decode(), wall())

        return sign_transaction
    signer = AssertionSigner(assertion, partial(token_urlsafe, 16))

    def sign_assertion(token: SignedToken, upstream: str, _exchange: Vouched) -> bytes:
        return signer.vouch(token, upstream, wall())

    return sign_assertion


def make_tls(settings: Settings, former: Serving | None = None) -> Contexts:
    """Return the TLS contexts for *settings*, after *former*.

    May be called in another thread. Raises OSError, also as ssl.SSLError.
    """
    servers = [one.tls for one in settings.listen]
    clients = [one.tls for one in settings.upstreams.values() if one.tls is not None]
    # An unchanged context is used again, so that clients can resume their sessions.
    return make_contexts(servers, clients, {} if former is None else _contexts_of(former))


def _contexts_of(serving: Serving) -> dict[ServerTls, ssl.SSLContext]:
    pairs = zip(serving.settings.listen, serving.tls, strict=True)
    return {
        one.tls: context for one, context in pairs if one.tls is not None and context is not None
    }


def _make_port(  # noqa: PLR0913, PLR0917 - each is a part of what is made
    settings: Settings,
    admission: Admission,
    keys: Keys,
    pools: dict[str, Pool],
    write_buffer: WriteBuffer,
    streams: OpenStreams,
    metrics: Metrics,
    access_log: AccessLog,
    tracer: Tracer | None,
    identity_names: frozenset[bytes],
    has_logins: bool,
) -> Port:
    policy = settings.policy
    return Port(
        admission=admission,
        routes=[
            RouteState(
                route,
                settings.route_options[route.index],
                pools[route.upstream],
                metrics.routes[route.index],
            )
            for route in policy.routes.routes
        ],
        hosts=policy.routes.hosts,
        identity_aliases=identity_names,
        has_logins=has_logins,
        token_fields=token_fields(policy.routes.routes),
        underscore_names=settings.underscore_names,
        upgrades=supported_upgrades(policy.routes.routes),
        forward_token=policy.identity.forward_token,
        timeouts=settings.timeouts,
        limits=settings.limits,
        trusted_proxies=settings.trusted_proxies,
        half_close=settings.half_close,
        http2=settings.http2,
        write_buffer=write_buffer,
        streams=streams,
        metrics=metrics,
        log=_make_request_log(settings, keys, metrics, access_log),
        tracer=tracer,
    )


def _make_request_log(
    settings: Settings, keys: Keys, metrics: Metrics, access_log: AccessLog
) -> RequestLog:
    wanted = settings.access_log_format if access_log.enabled else None
    return RequestLog(
        json=access_log if wanted is AccessLogFormat.JSON else None,
        combined=access_log if wanted is AccessLogFormat.COMBINED else None,
        recent=access_log.recent,
        issuer_names=QuotedNames(settings.issuers),
        explain_key=keys.explain,
        overhead=metrics.load.overhead,
    )
