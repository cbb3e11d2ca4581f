"""Warn about limits that are lower than the number of workers."""

from collections.abc import Iterator

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings


def find_limits_below_workers(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each limit that is lower than the number of workers.

    Each worker gets at least one: with none it would refuse every request. With
    ``workers: auto`` the number is not known here.
    """
    workers = settings.workers or 1
    for limit, part in _divided(settings, places):
        if limit is not None and limit < workers:
            message = f"each of the {workers} workers gets at least one: {workers} in total"
            yield part.warning(Code.LIMIT_BELOW_WORKERS, message)


def _divided(settings: Settings, places: Places) -> Iterator[tuple[int | None, Part]]:
    """Yield each limit that ``share_of`` divides, with its part."""
    limits = places.main().child("limits")
    yield settings.limits.connections, limits.child("connections")
    yield settings.limits.requests, limits.child("requests")
    for route in settings.policy.routes.routes:
        part = places.route(route.name).child("limits").child("requests")
        yield settings.route_options[route.index].requests, part
    for name, upstream in settings.upstreams.items():
        balancing, part = upstream.balancing, places.upstream(name)
        yield balancing.max_connections, part.child("max_connections")
        if balancing.max_connections is not None:
            yield balancing.queue.size, part.child("queue").child("size")
