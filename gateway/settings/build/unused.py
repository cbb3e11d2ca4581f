"""Warn about what no route refers to."""

from collections.abc import Sequence

from gateway.settings.build.issuer_reach import IssuerReach
from gateway.settings.build.sections import Named
from gateway.settings.schema.issuers import IssuerModel
from gateway.settings.schema.models import UpstreamModel
from gateway.settings.schema.routes import RouteModel
from gateway.settings.text.fault import Code, Fault


def warn_about_unused(
    issuers: Sequence[Named[IssuerModel]],
    upstreams: Sequence[Named[UpstreamModel]],
    routes: Sequence[Named[RouteModel]],
    reach: IssuerReach,
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
    accepted: set[str] = set()
    for route in routes:
        if route.model is None or route.model.require is None:
            continue
        own = reach.accepted(route.model.require, route.part.document)
        if own is None:
            return
        accepted |= own
    for issuer in issuers:
        if issuer.name not in accepted:
            message = f"no route accepts tokens of the issuer `{issuer.name}`"
            faults.append(issuer.part.key_warning(Code.UNUSED_ISSUER, message))
