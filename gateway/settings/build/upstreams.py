"""Build the upstreams from their settings."""

from collections.abc import Sequence

from gateway.settings.build.checks import refuse_repeated
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
from gateway.settings.values.configuration import Server, Upstream


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
        tls = build_upstream_tls(one.model.tls, at_tls, one.directory, disk, faults)
        built[one.name] = Upstream(
            one.name,
            servers,
            one.model.connect_timeout,
            one.model.response_timeout,
            one.model.idle_timeout,
            tls if any(server.tls for server in servers) else None,
            _balancing(one.model, one.part, faults),
            one.model.stall_timeout,
            build_credentials(
                one.model.credentials,
                one.part.child("credentials"),
                one.directory,
                tokens,
                disk,
                faults,
            ),
        )
    return built


def _balancing(model: BalancingModel, part: Part, faults: list[Fault]) -> Balancing:
    """Return the balancing options in *model*; contradictions are faults."""
    if model.queue is not None and model.max_connections is None:
        message = "`queue` has no effect without `max_connections`"
        faults.append(part.child("queue").key_fault(Code.MISSING_KEY, message))
    return Balancing(
        balance=Balance(model.balance),
        resolve_seconds=model.resolve,
        health=_health(model.health),
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


def _health(model: HealthModel | None) -> HealthCheck | None:
    if model is None:
        return None
    return HealthCheck(
        path=model.path,
        interval_seconds=model.interval,
        timeout_seconds=model.timeout,
        unhealthy_after=model.unhealthy_after,
        healthy_after=model.healthy_after,
        statuses=tuple(model.statuses),
        panic_below=model.panic_below,
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
