"""Show what refuses nobody, so that nobody forgets that it does not."""

from collections.abc import Mapping

from gateway.settings.values.configuration import Settings


def report_only(settings: Settings) -> Mapping[str, object]:
    """Return what ``/status`` shows of routes and issuers that only report."""
    routes = settings.policy.routes.routes
    return {
        "routes": [route.name for route in routes if route.reports],
        "issuers": [name for name, one in settings.issuers.items() if one.issuer.reports],
    }
