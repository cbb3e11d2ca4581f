"""Build how requests are spread over the servers of an upstream."""

from gateway.settings.balancing_models import (
    BalancingModel,
    BreakerModel,
    EjectionModel,
    HealthModel,
    QueueModel,
)
from gateway.settings.balancing_values import (
    Balance,
    Balancing,
    BreakerLimits,
    EjectionLimits,
    HealthCheck,
    QueueLimits,
    RetryLimits,
)
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault


def build_balancing(model: BalancingModel, part: Part, faults: list[Fault]) -> Balancing:
    """Return what *model* says; what does not go together is a fault."""
    if model.queue is not None and model.max_connections is None:
        message = "nobody ever waits: `max_connections` is missing"
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
        message = "shorter than `time`: the first time would be too long already"
        at = "max_time" if part.child("max_time").raw is not None else "time"
        faults.append(part.child(at).fault(Code.BAD_VALUE, message))
    return EjectionLimits(model.after, model.time, model.max_time, model.max_share)


def _queue(model: QueueModel | None) -> QueueLimits:
    return QueueLimits() if model is None else QueueLimits(model.size, model.timeout)


def _breaker(model: BreakerModel | None) -> BreakerLimits | None:
    if model is None:
        return None
    return BreakerLimits(model.failures, model.requests, model.window, model.open)
