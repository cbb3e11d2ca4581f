"""Warn about what no route refers to."""

from collections.abc import Sequence

from gateway.settings.fault import Code, Fault
from gateway.settings.issuer_models import IssuerModel
from gateway.settings.models import UpstreamModel
from gateway.settings.route_models import RouteModel
from gateway.settings.sections import Named


def warn_about_unused(
    issuers: Sequence[Named[IssuerModel]],
    upstreams: Sequence[Named[UpstreamModel]],
    routes: Sequence[Named[RouteModel]],
    faults: list[Fault],
) -> None:
    """Warn about issuers whose tokens no route accepts, and upstreams that no route goes to."""
    models = [route.model for route in routes if route.model is not None]
    if not routes or not all(route.sound for route in routes):
        return  # a route that could not be read may use any of them
    used = {model.upstream for model in models}
    for upstream in upstreams:
        if upstream.name not in used:
            message = f"no route uses the upstream `{upstream.name}`"
            faults.append(upstream.part.key_warning(Code.UNUSED_UPSTREAM, message))
    requires = [model.require for model in models if model.require is not None]
    accepted = {name for require in requires for name in require.issuers or ()}
    if any(require.issuers is None for require in requires):
        return
    for issuer in issuers:
        if issuer.name not in accepted:
            message = f"no route accepts tokens of the issuer `{issuer.name}`"
            faults.append(issuer.part.key_warning(Code.UNUSED_ISSUER, message))
