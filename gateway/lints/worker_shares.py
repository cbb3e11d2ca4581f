"""Find limits that cannot be divided among the workers, for there are more of these."""

from collections.abc import Iterator

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings


def find_limits_below_workers(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each limit that is less than the number of workers.

    Each takes at least one: a worker that may not send a request at all would refuse whatever
    comes to it. With ``workers: auto`` only the machine knows how many there are.
    """
    workers = settings.workers or 1
    for limit, part in _divided(settings, places):
        if limit is not None and limit < workers:
            message = f"each of the {workers} workers takes at least one: {workers} in all"
            yield part.warning(Code.LIMIT_BELOW_WORKERS, message)


def _divided(settings: Settings, places: Places) -> Iterator[tuple[int | None, Part]]:
    """Yield what ``share_of`` divides, and where it stands."""
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
