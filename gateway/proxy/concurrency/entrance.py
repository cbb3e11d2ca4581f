"""Let as many requests be under way as may be, and refuse all others at once."""

from collections.abc import Mapping
from time import monotonic
from typing import Final, Protocol

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny
from gateway.limits.adaptive import AdaptivePlaces
from gateway.limits.places import Places
from gateway.proxy.concurrency.limiting import Limited, RouteLimits
from gateway.proxy.streams.upload import Upload
from gateway.settings.values.route_options import Priority
from gateway.telemetry.metrics.counts import Metrics

GATEWAY: Final = "gateway"
ROUTE: Final = "route"
SERVICE: Final = "service"

# What a service, or one behind it, says that has too much to do.
_BUSY: Final = frozenset((503, 504))


class Measured(Protocol):
    """An exchange of which a service's answer has begun, or not."""

    sent_at: float
    status: int
    upstream_seconds: float | None
    upload: Upload | None


class Entering(Limited, Measured, Protocol):
    """An exchange that holds places from when it has entered; once it is over, none."""

    entrance: "Entrance | None"


class Entrance:
    """The way in to one route: *places* are of those limits that hold it, by their kind.

    A request takes one of each, or of none. *limits* are asked with the places taken, so that
    who is refused here has used up no rate.
    """

    __slots__ = ("_adaptive", "_limits", "_places", "_priority", "_shed")

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
        own = places.get(SERVICE)
        self._adaptive = own if isinstance(own, AdaptivePlaces) else None

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
            exchange.dispatch(allow)
        else:
            self._limits.begin(exchange, allow)

    def leave(self, exchange: Measured) -> None:
        """Give the places of *exchange* back, and learn how fast its service was."""
        if self._adaptive is not None:
            _learn(self._adaptive, exchange, monotonic(), self._priority)
        for _, places in self._places:
            places.taken -= 1


def _learn(places: AdaptivePlaces, exchange: Measured, now: float, priority: Priority) -> None:
    # From the end of a body: a client may take its time to send it.
    upload, sent_at = exchange.upload, exchange.sent_at
    since = sent_at if upload is None else upload.sent_at
    if not sent_at or not since:
        return
    if exchange.upstream_seconds is None:
        seconds = now - since
        if seconds > places.target_seconds:  # else it is no matter of time
            places.learn(seconds, now, priority)
        return
    seconds = max(0.0, sent_at + exchange.upstream_seconds - since)
    if exchange.status in _BUSY:
        seconds = max(seconds, 2 * places.target_seconds)
    places.learn(seconds, now, priority)
