"""Choose the requests that both configurations are asked about."""

from collections.abc import Iterable
from itertools import chain, zip_longest

from gateway.settings.values import Settings
from gateway.suites.differences.side import Side
from gateway.suites.request import AskedRequest
from gateway.suites.samples.sample_requests import METHODS, representatives


def choose_requests(old: Side, new: Side, asked: Iterable[AskedRequest]) -> list[AskedRequest]:
    """Return *asked*, and one request for each host and method of every route of both; each once.

    A route for all methods is asked in the usual ones, and in those that some route names.
    """
    methods = _methods(old.loaded.settings, new.loaded.settings)
    each = [
        [one.request for one in representatives(route, side.loaded.settings.policy, methods)]
        for side in (new, old)
        for route in side.loaded.settings.policy.routes.routes
    ]
    # One of each route, then the second of each: where the last are too many, no route is.
    turns = chain.from_iterable(zip_longest(*each))
    return list(dict.fromkeys((*asked, *(one for one in turns if one is not None))))


def _methods(*settings: Settings) -> list[str]:
    named = {
        method for one in settings for route in one.policy.routes.routes for method in route.methods
    }
    return [*METHODS, *sorted(named.difference(METHODS))]
