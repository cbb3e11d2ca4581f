"""Limit how many requests are in flight, and refuse all others at once."""

from collections.abc import Mapping
from time import monotonic
from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny
from gateway.limits.adaptive_limit import AdaptiveLimit
from gateway.limits.concurrency_limit import ConcurrencyLimit
from gateway.proxy.port import Limited, Measured, Port, RouteLimits
from gateway.settings.values.configuration import Settings
from gateway.settings.values.route_options import Priority
from gateway.telemetry.metrics.counts import Metrics

GATEWAY: Final = "gateway"
ROUTE: Final = "route"
SERVICE: Final = "service"

# The statuses with which an upstream, or one behind it, says that it is overloaded.
_OVERLOADED: Final = frozenset((503, 504))

Limits = Mapping[tuple[str, str], ConcurrencyLimit]
"""All limits, by kind and name."""


class ConcurrencyLimits:
    """The *limits* that hold the requests of one route, by kind.

    A request takes a slot in each of them or in none. *rate_limits* come after that, so that a
    request refused here uses up no rate.
    """

    __slots__ = ("_adaptive", "_limits", "_priority", "_rate_limits", "_shed")

    def __init__(
        self,
        limits: Mapping[str, ConcurrencyLimit],
        priority: Priority,
        rate_limits: RouteLimits | None,
        metrics: Metrics,
    ) -> None:
        self._limits = tuple(limits.items())
        self._priority = priority
        self._rate_limits = rate_limits
        self._shed = metrics.shed
        own = limits.get(SERVICE)
        self._adaptive = own if isinstance(own, AdaptiveLimit) else None

    def begin(self, exchange: Limited, allow: Allow) -> None:
        """Take the slots and dispatch *exchange*, or refuse it."""
        for kind, limit in self._limits:
            if not limit.has_room(self._priority):
                self._shed[kind] = self._shed.get(kind, 0) + 1
                detail = f"{kind} concurrency limit reached"
                exchange.refuse(Deny(Reason.OVERLOADED, detail, allow.route, allow.token))
                return
        for _, limit in self._limits:
            limit.taken += 1
        exchange.slots = self
        if self._rate_limits is None:
            exchange.dispatch(allow)
        else:
            self._rate_limits.begin(exchange, allow)

    def release(self, exchange: Measured) -> None:
        """Release the slots of *exchange*, and learn from how fast its upstream was."""
        if self._adaptive is not None:
            _learn(self._adaptive, exchange, monotonic(), self._priority)
        for _, limit in self._limits:
            limit.taken -= 1


def _learn(limit: AdaptiveLimit, exchange: Measured, now: float, priority: Priority) -> None:
    # Time counts from the end of the body, which the client may have sent slowly.
    upload, sent_at = exchange.upload, exchange.sent_at
    since = sent_at if upload is None else upload.sent_at
    if not sent_at or not since:
        return
    if exchange.upstream_seconds is None:
        seconds = now - since
        if seconds > limit.target_seconds:  # else it failed for another reason than time
            limit.learn(seconds, now, priority)
        return
    seconds = max(0.0, sent_at + exchange.upstream_seconds - since)
    if exchange.status in _OVERLOADED:
        seconds = max(seconds, 2 * limit.target_seconds)
    limit.learn(seconds, now, priority)


# --- which route has which limits


def apply_concurrency_limits(
    port: Port, settings: Settings, former: Limits, metrics: Metrics
) -> Limits:
    """Set the limits of the routes of *port* to those of *settings*; return all of them.

    A limit that *former* has, from before a reload, goes on with the slots that are taken in it.
    """
    builder = _LimitsBuilder(former)
    route_options, routes = settings.route_options, settings.policy.routes.routes
    every = {options.priority for options in route_options}
    common = builder.add(GATEWAY, "", settings.limits.requests, every)
    services = {}
    for name, upstream in settings.upstreams.items():
        used = {route_options[one.index].priority for one in routes if one.upstream == name}
        services[name] = builder.add_adaptive(name, upstream.balancing.target_seconds, used)
    for route in routes:
        options, state = route_options[route.index], port.routes[route.index]
        own = builder.add(ROUTE, route.name, options.requests, {options.priority})
        limits = common | own | services[route.upstream]
        if limits:
            state.limits = ConcurrencyLimits(limits, options.priority, state.limits, metrics)
    return builder.limits


class _LimitsBuilder:
    """Collects *limits*: those of *former* that go on, and new ones."""

    def __init__(self, former: Limits) -> None:
        self._former = former
        self.limits: dict[tuple[str, str], ConcurrencyLimit] = {}

    def add(
        self, kind: str, name: str, slots: int | None, used: set[Priority]
    ) -> dict[str, ConcurrencyLimit]:
        """Return the limit of *slots* by its kind, or nothing if there is none."""
        if slots is None:
            return {}
        limit = self._former.get((kind, name)) or ConcurrencyLimit(slots)
        limit.use(slots, used)
        self.limits[kind, name] = limit
        return {kind: limit}

    def add_adaptive(
        self, name: str, target_seconds: float | None, used: set[Priority]
    ) -> dict[str, ConcurrencyLimit]:
        """Return the limit of the upstream *name*, which should respond in *target_seconds*."""
        if target_seconds is None:
            return {}
        known = self._former.get((SERVICE, name))
        limit = known if isinstance(known, AdaptiveLimit) else AdaptiveLimit(target_seconds)
        limit.aim(target_seconds, used)
        self.limits[SERVICE, name] = limit
        return {SERVICE: limit}


def report_adaptive_limits(limits: Limits, metrics: Metrics) -> None:
    """Write the current limit of each upstream into *metrics*."""
    for (_, name), limit in limits.items():
        if isinstance(limit, AdaptiveLimit) and name in metrics.upstreams:
            metrics.upstreams[name].allowed = limit.limit
