"""Divide the limits of the gateway among its workers."""

from dataclasses import replace

from gateway.settings.values.balancing import Balancing
from gateway.settings.values.configuration import Settings


def share_of(settings: Settings, index: int, workers: int) -> Settings:
    """Return *settings* with the limits of the worker *index*, from 0, of *workers*.

    The limits of all workers add up to ``limits.connections``, ``limits.requests``, ``requests`` of
    each route, ``max_connections`` and its queue for each server, and ``tracing.asked_per_second``.
    A limit below the number of workers still gives each worker one, except for tracing.
    """
    connections = _share(settings.limits.connections, index, workers)
    upstreams = {
        name: replace(one, balancing=_balancing(one.balancing, index, workers))
        for name, one in settings.upstreams.items()
    }
    requests = _share_or_none(settings.limits.requests, index, workers)
    limits = replace(settings.limits, connections=connections, requests=requests)
    route_options = tuple(
        replace(one, requests=_share_or_none(one.requests, index, workers))
        for one in settings.route_options
    )
    tracing = settings.tracing
    if tracing is not None:
        asked = _part(tracing.asked_per_second, index, workers)
        tracing = replace(tracing, asked_per_second=asked)
    return replace(
        settings, limits=limits, upstreams=upstreams, route_options=route_options, tracing=tracing
    )


def _balancing(balancing: Balancing, index: int, workers: int) -> Balancing:
    if balancing.max_connections is None:
        return balancing
    return replace(
        balancing,
        max_connections=_share(balancing.max_connections, index, workers),
        queue=replace(balancing.queue, size=_share(balancing.queue.size, index, workers)),
    )


def _share_or_none(count: int | None, index: int, workers: int) -> int | None:
    return None if count is None else _share(count, index, workers)


def _share(count: int, index: int, workers: int) -> int:
    return max(1, _part(count, index, workers))


def _part(count: int, index: int, workers: int) -> int:
    each, rest = divmod(count, workers)
    return each + (index < rest)
