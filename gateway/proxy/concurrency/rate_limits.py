"""Hold allowed requests to the rate limits of their route."""

from collections.abc import Sequence

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny
from gateway.limits.bucket_key import bucket_key
from gateway.limits.fields import render_policy, render_retry, render_standing
from gateway.limits.gcra import Rate, Taken, Wanted
from gateway.limits.limiter import Limiter, Outcome, Uncounted
from gateway.proxy.port import Limited, Port, RouteLimits
from gateway.settings.values.rates import PartKind, RateLimit, RateLimiting
from gateway.telemetry.metrics.counts import Metrics


class RateLimits:
    """The rate limits of one route; *limiter* counts. *rest* is what applies after them."""

    def __init__(
        self,
        limits: Sequence[RateLimit],
        limiter: Limiter,
        metrics: Metrics,
        rest: RouteLimits | None = None,
    ) -> None:
        self._limits = tuple((one, Rate(one.interval_us, one.burst)) for one in limits)
        self._rates = [rate for _, rate in self._limits]
        self._names = [one.name.encode() for one in limits]
        self._policy = render_policy(limits)
        self._by_address = any(part.kind is PartKind.ADDRESS for one in limits for part in one.key)
        self._limiter = limiter
        self._limited = metrics.rate_limited
        self._rest = rest

    def begin(self, exchange: Limited, allow: Allow) -> None:
        """Dispatch *exchange* or refuse it; later, if the limiter has to be asked."""
        wanted = self._wanted(exchange, allow)
        outcome = self._limiter.take(wanted)
        if outcome is None:
            exchange.waited = True
            exchange.port.spawn(self._ask(exchange, allow, wanted), exchange.give_up)
        else:
            self._act(exchange, allow, outcome)

    def _wanted(self, exchange: Limited, allow: Allow) -> tuple[Wanted, ...]:
        address = b""
        if self._by_address:
            address = exchange.port.address_of(exchange.client, exchange.request)
        route, token = allow.route, allow.token
        return tuple(
            [Wanted(bucket_key(one, route, token, address), rate) for one, rate in self._limits]
        )

    async def _ask(self, exchange: Limited, allow: Allow, wanted: tuple[Wanted, ...]) -> None:
        outcome = await self._limiter.ask(wanted)
        if not exchange.is_over:
            self._act(exchange, allow, outcome)

    def _act(self, exchange: Limited, allow: Allow, outcome: Outcome) -> None:
        if outcome is Uncounted.ALLOWED:
            if self._rest is None:
                exchange.dispatch(allow)
            else:
                self._rest.begin(exchange, allow)
        elif outcome is Uncounted.REFUSED:
            detail = "rate limiter unavailable and `on_failure: refuse`"
            exchange.refuse(Deny(Reason.LIMITS_UNAVAILABLE, detail, allow.route, allow.token))
        else:
            self._act_on_count(exchange, allow, outcome)

    def _act_on_count(self, exchange: Limited, allow: Allow, taken: Taken) -> None:
        fields = self._policy + render_standing(self._names, self._rates, taken)
        if taken.refused is None:
            exchange.limit_fields += fields
            if self._rest is None:
                exchange.dispatch(allow)
            else:
                self._rest.begin(exchange, allow)
            return
        name = self._limits[taken.refused][0].name
        self._limited[name] = self._limited.get(name, 0) + 1
        exchange.limit_fields += fields + render_retry(self._rates, taken)
        detail = f"rate limit `{name}` exceeded"
        exchange.refuse(Deny(Reason.RATE_LIMITED, detail, allow.route, allow.token))


def apply_rate_limits(
    port: Port, settings: RateLimiting, limiter: Limiter, metrics: Metrics
) -> None:
    """Set the limits of the routes of *port* to those of *settings*; *limiter* counts."""
    for state, limits in zip(port.routes, settings.routes, strict=True):
        if limits:
            state.limits = RateLimits(limits, limiter, metrics, state.limits)
