"""Build the rate limits, and say which of them each route has."""

from collections.abc import Collection, Mapping, Sequence

from gateway.decision.claim_names import parse_claim_name
from gateway.decision.routing import Route
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.issuers import refuse_repeated
from gateway.settings.models import ConfigFile
from gateway.settings.rate_models import ClaimKeyModel, RateLimitModel
from gateway.settings.rate_values import KeyPart, PartKind, RateLimit, RateLimiting
from gateway.settings.redis import build_redis
from gateway.settings.route_models import RouteModel
from gateway.settings.routes import refuse_unknown
from gateway.settings.sections import Named
from gateway.settings.suggest import Names

_OF_CALLERS = frozenset({PartKind.SUBJECT, PartKind.CLIENT, PartKind.CLAIM})


def _build_limits(
    models: Mapping[str, RateLimitModel], part: Part, faults: list[Fault]
) -> dict[str, RateLimit]:
    """Return the limits by name."""
    return {
        name: RateLimit(
            name=name,
            requests=model.rate[0],
            period_us=model.rate[1],
            burst=model.burst or model.rate[0],
            key=_key(model, part.child(name).child("key"), faults),
        )
        for name, model in models.items()
    }


def _key(model: RateLimitModel, part: Part, faults: list[Fault]) -> tuple[KeyPart, ...]:
    if not isinstance(model.key, list):
        return _key_part(model.key, part, faults)
    found: dict[KeyPart, None] = {}
    for number, one in enumerate(model.key):
        for key_part in _key_part(one, part.child(number), faults):
            if key_part in found:
                message = "the list has this already"
                faults.append(part.child(number).fault(Code.DUPLICATE_VALUE, message))
            found[key_part] = None
    return tuple(found)


def _key_part(model: str | ClaimKeyModel, part: Part, faults: list[Fault]) -> tuple[KeyPart, ...]:
    if isinstance(model, str):
        return (KeyPart(PartKind(model)),)
    try:
        return (KeyPart(PartKind.CLAIM, parse_claim_name(model.claim)),)
    except ValueError as error:
        faults.append(part.child("claim").fault(Code.BAD_VALUE, str(error)))
        return ()


def _check_routes(
    routes: Sequence[Named[RouteModel]],
    limits: Mapping[str, RateLimit],
    known: Collection[str],
    faults: list[Fault],
) -> None:
    """Refuse names of limits that there are not, and limits that tell nobody apart."""
    for one in routes:
        if one.model is None or one.model.rate_limits is None:
            continue
        at_names = one.part.child("rate_limits")
        refuse_repeated(one.model.rate_limits, at_names, faults)
        for number, name in enumerate(one.model.rate_limits):
            refuse_unknown("rate limit", name, known, at_names.child(number), faults)
            if one.model.public and name in limits and _is_of_callers(limits[name]):
                message = (
                    f"`{name}` counts by who is calling, but on a public route no token is read: "
                    "count by address or by route"
                )
                faults.append(at_names.child(number).fault(Code.BAD_VALUE, message))


def _warn_about_unused(
    named: Sequence[Named[RouteModel]],
    limits: Mapping[str, RateLimit],
    part: Part,
    faults: list[Fault],
) -> None:
    if not named or not all(route.sound for route in named):
        return  # a route that could not be read may have any of them
    used = {name for one in named if one.model for name in one.model.rate_limits or ()}
    for name in limits:
        if name not in used:
            message = f"no route has the rate limit `{name}`: it holds nothing"
            faults.append(part.child(name).key_warning(Code.UNUSED_RATE_LIMIT, message))


def _is_of_callers(limit: RateLimit) -> bool:
    return any(part.kind in _OF_CALLERS for part in limit.key)


def build_rate_limiting(  # noqa: PLR0913, PLR0917 - all that speaks of limits
    model: ConfigFile,
    root: Part,
    named: Sequence[Named[RouteModel]],
    routes: Sequence[Route],
    environ: Mapping[str, str],
    faults: list[Fault],
) -> RateLimiting:
    """Return all limits, and which of them each of *routes* has, as it is *named* in the files."""
    at_limits = root.child("rate_limits")
    limits = _build_limits(model.rate_limits, at_limits, faults)
    # Those with faults, too: that they are not known would be no news.
    known = Names(at_limits.raw if isinstance(at_limits.raw, dict) else limits)
    _check_routes(named, limits, known, faults)
    _warn_about_unused(named, limits, at_limits, faults)
    names = {one.name: one.model.rate_limits or () for one in named if one.model is not None}
    return RateLimiting(
        limits=limits,
        routes=tuple(
            tuple(limits[name] for name in names[route.name] if name in limits) for route in routes
        ),
        redis=build_redis(model.redis, root.child("redis"), environ, faults),
    )
