"""Let as many requests be under way as may be, and refuse all others at once."""

from collections.abc import Mapping
from typing import Protocol

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny
from gateway.limits.places import Places
from gateway.proxy.limiting import Limited, RouteLimits
from gateway.proxy.port import Port
from gateway.settings.carriage_values import Priority
from gateway.settings.values import Settings
from gateway.telemetry.metrics import Metrics


class Entering(Limited, Protocol):
    """An exchange that holds places from when it has entered; once it is over, none."""

    entrance: "Entrance | None"


class Entrance:
    """The way in to one route: *places* are of those limits that hold it, by their kind.

    A request takes one of each, or of none. *limits* are asked with the places taken, so that
    who is refused here has used up no rate.
    """

    __slots__ = ("_limits", "_places", "_priority", "_shed")

    def __init__(
        self,
        places: Mapping[str, Places],
        priority: Priority,
        limits: RouteLimits | None,
        metrics: Metrics,
    ) -> None:
        self._places = tuple(places.items())
        self._priority = priority
        self._limits = limits
        self._shed = metrics.shed

    def begin(self, exchange: Entering, allow: Allow) -> None:
        """Send the request of *exchange* on, or refuse it."""
        for kind, places in self._places:
            if not places.has_room(self._priority):
                self._shed[kind] = self._shed.get(kind, 0) + 1
                detail = f"as many requests are under way as the {kind} takes"
                exchange.refuse(Deny(Reason.OVERLOADED, detail, allow.route, allow.token))
                return
        for _, places in self._places:
            places.taken += 1
        exchange.entrance = self
        if self._limits is None:
            exchange.forward(allow, is_within=True)
        else:
            self._limits.begin(exchange, allow)

    def leave(self) -> None:
        """Give the places of one request back."""
        for _, places in self._places:
            places.taken -= 1


GATEWAY, ROUTE = "gateway", "route"

Kept = Mapping[tuple[str, str], Places]
"""The places of each limit, by its kind and name."""


def guard_routes(port: Port, settings: Settings, former: Kept, metrics: Metrics) -> Kept:
    """Have an entrance where *settings* limit how many requests are under way.

    The places of *former*, before a reload, stay those of the same limit.
    """
    kept: dict[tuple[str, str], Places] = {}
    every = {carriage.priority for carriage in settings.carriages}

    def keep(kind: str, name: str, limit: int | None, used: set[Priority]) -> dict[str, Places]:
        if limit is None:
            return {}
        places = kept.get((kind, name)) or former.get((kind, name)) or Places(limit)
        places.use(limit, used)
        kept[kind, name] = places
        return {kind: places}

    common = keep(GATEWAY, "", settings.limits.requests, every)
    for route in settings.policy.routes.routes:
        carriage, state = settings.carriages[route.index], port.routes[route.index]
        found = common | keep(ROUTE, route.name, carriage.requests, {carriage.priority})
        if found:
            limits = state.limits
            assert limits is None or isinstance(limits, RouteLimits)  # noqa: S101 - for mypy
            state.limits = Entrance(found, carriage.priority, limits, metrics)
    return kept
