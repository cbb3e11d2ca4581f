"""Build the upstreams from their settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.settings.build.checks import refuse_repeated, require_exactly_one
from gateway.settings.build.clients.credentials import TokenServers, build_credentials
from gateway.settings.build.sections import Named
from gateway.settings.build.tls import build_upstream_tls, refuse_plain_servers
from gateway.settings.schema.balancing import (
    BalancingModel,
    BreakerModel,
    EjectionModel,
    HealthModel,
    QueueModel,
)
from gateway.settings.schema.models import UpstreamModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.values.addresses import parse_server
from gateway.settings.values.balancing import (
    Balance,
    Balancing,
    BreakerLimits,
    EjectionLimits,
    HealthCheck,
    QueueLimits,
    RetryLimits,
)
from gateway.settings.values.configuration import Server, Upstream, UpstreamProtocol


def build_upstreams(
    named: Sequence[Named[UpstreamModel]], tokens: TokenServers, disk: Disk, faults: list[Fault]
) -> dict[str, Upstream]:
    """Return the valid upstreams by name; *tokens* are where their tokens can be got."""
    built: dict[str, Upstream] = {}
    for one in named:
        if one.model is None:
            continue
        part = one.part.child("servers")
        parsed = [parse_server(text) for text in one.model.servers]
        faults.extend(
            part.child(index).fault(Code.BAD_VALUE, server)
            for index, server in enumerate(parsed)
            if isinstance(server, str)
        )
        servers = tuple(server for server in parsed if isinstance(server, Server))
        meant = [
            text if isinstance(server, str) else server
            for text, server in zip(one.model.servers, parsed, strict=True)
        ]
        refuse_repeated(one.model.servers, part, faults, meant)
        at_tls = one.part.child("tls")
        if at_tls.raw is not None:
            refuse_plain_servers(part, faults)
        protocol = UpstreamProtocol(one.model.protocol)
        _refuse_other_scheme(protocol, parsed, part, faults)
        if one.model.grpc_web:
            _require_http2(protocol, one.part.child("grpc_web"), faults)
        tls = build_upstream_tls(one.model.tls, at_tls, one.directory, disk, faults)
        tls = replace(tls, http2=protocol is UpstreamProtocol.H2)
        built[one.name] = Upstream(
            one.name,
            servers,
            one.model.connect_timeout,
            one.model.response_timeout,
            one.model.idle_timeout,
            tls if any(server.tls for server in servers) else None,
            _balancing(one.model, protocol, one.part, faults),
            one.model.stall_timeout,
            build_credentials(
                one.model.credentials,
                one.part.child("credentials"),
                one.directory,
                tokens,
                disk,
                faults,
            ),
            protocol,
            one.model.grpc_web,
        )
    return built


def _refuse_other_scheme(
    protocol: UpstreamProtocol, servers: Sequence[Server | str], part: Part, faults: list[Fault]
) -> None:
    """Refuse servers that cannot be spoken to by *protocol*; *part* lists the *servers*."""
    if protocol is UpstreamProtocol.HTTP1:
        return
    wants_tls = protocol is UpstreamProtocol.H2
    for index, server in enumerate(servers):
        if not isinstance(server, Server) or server.tls is wants_tls:
            continue
        if wants_tls:
            message = (
                "`protocol: h2` is HTTP/2 over TLS, and this server is plain http: write https, or"
                " `protocol: h2c`"
            )
        else:
            message = (
                "`protocol: h2c` is HTTP/2 without TLS, and this server is https: write http, or"
                " `protocol: h2`"
            )
        faults.append(part.child(index).fault(Code.CONFLICTING_KEYS, message))


def _require_http2(protocol: UpstreamProtocol, part: Part, faults: list[Fault]) -> None:
    """Refuse the key *part*, which is about gRPC, without HTTP/2."""
    if protocol is UpstreamProtocol.HTTP1:
        message = (
            "gRPC needs HTTP/2: write `protocol: h2c` for http servers, or `protocol: h2` for"
            " https ones"
        )
        faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))


def refuse_upgrades(
    routes: Sequence[Named[RouteModel]], upstreams: Mapping[str, Upstream], faults: list[Fault]
) -> None:
    """Refuse routes that allow upgrades to an upstream of HTTP/2: its connections are shared."""
    for one in routes:
        if one.model is None or not one.model.upgrades:
            continue
        upstream = upstreams.get(one.model.upstream)
        if upstream is None or not upstream.is_http2:
            continue
        message = (
            f"`{upstream.name}` has `protocol: {upstream.protocol.value}`, and an upgrade takes a"
            " connection of HTTP/1.1: remove `upgrades`, or use an upstream with"
            " `protocol: http1` for this route"
        )
        faults.append(one.part.child("upgrades").key_fault(Code.CONFLICTING_KEYS, message))


def _balancing(
    model: BalancingModel, protocol: UpstreamProtocol, part: Part, faults: list[Fault]
) -> Balancing:
    """Return the balancing options in *model*; contradictions are faults."""
    if model.queue is not None and model.max_connections is None:
        message = "`queue` has no effect without `max_connections`"
        faults.append(part.child("queue").key_fault(Code.MISSING_KEY, message))
    return Balancing(
        balance=Balance(model.balance),
        resolve_seconds=model.resolve,
        health=_health(model.health, protocol, part.child("health"), faults),
        failure_statuses=frozenset(
            status
            for first, last in model.failure_statuses or ()
            for status in range(first, last + 1)
        ),
        ejection=_ejection(model.ejection, part.child("ejection"), faults),
        retries=RetryLimits(
            frozenset(model.retries.methods or ()),
            model.retries.budget,
            model.retries.kept_connections,
        ),
        max_connections=model.max_connections,
        queue=_queue(model.queue),
        breaker=_breaker(model.breaker),
        target_seconds=None if model.overload is None else model.overload.target,
    )


def _health(
    model: HealthModel | None, protocol: UpstreamProtocol, part: Part, faults: list[Fault]
) -> HealthCheck | None:
    if model is None:
        return None
    require_exactly_one(part, "path", "grpc", faults)
    if model.grpc is not None:
        _require_http2(protocol, part.child("grpc"), faults)
        if part.child("statuses").raw is not None:
            message = "`statuses` are of HTTP: remove them, `grpc` asks whether it is SERVING"
            faults.append(part.child("statuses").key_fault(Code.CONFLICTING_KEYS, message))
    return HealthCheck(
        path=model.path or "/",
        interval_seconds=model.interval,
        timeout_seconds=model.timeout,
        unhealthy_after=model.unhealthy_after,
        healthy_after=model.healthy_after,
        statuses=tuple(model.statuses),
        panic_below=model.panic_below,
        grpc_service=model.grpc,
    )


def _ejection(model: EjectionModel, part: Part, faults: list[Fault]) -> EjectionLimits:
    if model.max_time < model.time:
        message = "`max_time` must not be shorter than `time`"
        at = "max_time" if part.child("max_time").raw is not None else "time"
        faults.append(part.child(at).fault(Code.BAD_VALUE, message))
    return EjectionLimits(model.after, model.time, model.max_time, model.max_share)


def _queue(model: QueueModel | None) -> QueueLimits:
    return QueueLimits() if model is None else QueueLimits(model.size, model.timeout)


def _breaker(model: BreakerModel | None) -> BreakerLimits | None:
    if model is None:
        return None
    return BreakerLimits(model.failures, model.requests, model.window, model.open)
