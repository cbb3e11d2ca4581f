"""Build the transport options of each route."""

from collections.abc import Mapping, Sequence

from gateway.decision.routes.routing import Route
from gateway.settings.build.routes.cors import for_grpc_web
from gateway.settings.schema.routes.route import RouteLimitsModel, RouteModel, RouteTimeoutsModel
from gateway.settings.values.configuration import Limits, Timeouts, Upstream
from gateway.settings.values.cors import Cors
from gateway.settings.values.rewrite import Rewrite
from gateway.settings.values.route_options import Priority, RouteOptions

_NO_TIMEOUTS = RouteTimeoutsModel()
_NO_LIMITS = RouteLimitsModel()


def build_route_options(  # noqa: PLR0913, PLR0917 - each is a part of what is built
    routes: Sequence[Route],
    models: Mapping[str, RouteModel],
    upstreams: Mapping[str, Upstream],
    rewrites: Mapping[str, Rewrite],
    cors: Mapping[str, Cors],
    timeouts: Timeouts,
    limits: Limits,
) -> tuple[RouteOptions, ...]:
    """Return the options of each of *routes*, in their order; the mappings are by name."""
    return tuple(
        _build(
            models[route.name],
            upstreams[route.upstream],
            rewrites.get(route.name),
            cors.get(route.name),
            timeouts,
            limits,
        )
        for route in routes
    )


def _build(  # noqa: PLR0913, PLR0917 - each is a part of what is built
    model: RouteModel,
    upstream: Upstream,
    rewrite: Rewrite | None,
    cors: Cors | None,
    timeouts: Timeouts,
    limits: Limits,
) -> RouteOptions:
    own_timeouts, own_limits = model.timeouts or _NO_TIMEOUTS, model.limits or _NO_LIMITS
    response, total, stall = own_timeouts.response, own_timeouts.total, own_timeouts.stall
    # None means unlimited, so whether a key is set must be looked up separately.
    own = own_timeouts.model_fields_set | own_limits.model_fields_set
    usual = upstream.response_timeout_seconds
    return RouteOptions(
        response_timeout_seconds=usual if response is None else response,
        total_seconds=timeouts.total_seconds if total is None else total,
        body_bytes=own_limits.body if "body" in own else limits.body_bytes,
        own=frozenset(own),
        rewrite=rewrite,
        cors=for_grpc_web(cors) if cors is not None and upstream.grpc_web else cors,
        requests=own_limits.requests,
        priority=Priority[model.priority.upper()],
        stall_timeout_seconds=upstream.stall_timeout_seconds if stall is None else stall,
        body_rate=own_limits.body_rate if "body_rate" in own else limits.body_rate,
        read_rate=own_limits.read_rate if "read_rate" in own else limits.read_rate,
        grpc_web=upstream.grpc_web,
    )
