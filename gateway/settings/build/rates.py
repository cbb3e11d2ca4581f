"""Build the rate limits, those of each route, and the Redis that counts them."""

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_names import parse_claim_name
from gateway.settings.build.checks import (
    refuse_repeated,
    refuse_unknown,
    refuse_without,
)
from gateway.settings.build.secrets import Outside
from gateway.settings.build.sections import Named
from gateway.settings.schema.models import ConfigFile
from gateway.settings.schema.rates import ClaimKeyModel, RateLimitModel, RedisModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.suggestions import Names
from gateway.settings.values.addresses import is_loopback
from gateway.settings.values.rates import (
    KeyPart,
    OnFailure,
    PartKind,
    RateLimit,
    RateLimiting,
    Redis,
)

_OF_CALLERS = frozenset({PartKind.SUBJECT, PartKind.CLIENT, PartKind.CLAIM})

_PACKAGE = "redis"  # what the extra installs
_WRITE_IT = "write it like redis://10.0.0.5:6379/0, rediss:// for TLS, unix:///run/redis.sock"

_URL_KEYS = ("url", "url_env", "url_file")


def build_rate_limiting(  # noqa: PLR0913, PLR0917 - every source of limits
    model: ConfigFile,
    root: Part,
    named: Sequence[Named[RouteModel]],
    routes: Sequence[Route],
    outside: Outside,
    faults: list[Fault],
) -> RateLimiting:
    """Return all limits, and those of each of *routes*; *named* are the routes as written."""
    at_limits = root.child("rate_limits")
    limits = _build_limits(model.rate_limits, at_limits, faults)
    # Limits with faults count as known: their faults are reported already.
    known = Names(at_limits.raw if isinstance(at_limits.raw, dict) else limits)
    _check_routes(named, limits, known, faults)
    _warn_about_unused(named, limits, at_limits, faults)
    names = {one.name: one.model.rate_limits or () for one in named if one.model is not None}
    return RateLimiting(
        limits=limits,
        routes=tuple(
            tuple(limits[name] for name in names[route.name] if name in limits) for route in routes
        ),
        redis=build_redis(model.redis, root.child("redis"), outside, faults),
    )


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
                message = "this is already in the list"
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
    """Refuse unknown limits, and limits by caller on routes that know no caller."""
    for one in routes:
        if one.model is None or one.model.rate_limits is None:
            continue
        at_names = one.part.child("rate_limits")
        refuse_repeated(one.model.rate_limits, at_names, faults)
        for number, name in enumerate(one.model.rate_limits):
            refuse_unknown("rate limit", name, known, at_names.child(number), faults)
            if one.model.public and name in limits and _is_of_callers(limits[name]):
                message = (
                    f"`{name}` counts by caller, but a public route reads no token: count by"
                    " address or by route"
                )
                faults.append(at_names.child(number).fault(Code.BAD_VALUE, message))


def _is_of_callers(limit: RateLimit) -> bool:
    return any(part.kind in _OF_CALLERS for part in limit.key)


def _warn_about_unused(
    named: Sequence[Named[RouteModel]],
    limits: Mapping[str, RateLimit],
    part: Part,
    faults: list[Fault],
) -> None:
    if not named or not all(route.sound for route in named):
        return  # a route with faults may use any of them
    used = {name for one in named if one.model for name in one.model.rate_limits or ()}
    for name in limits:
        if name not in used:
            message = f"no route uses the rate limit `{name}`"
            faults.append(part.child(name).key_warning(Code.UNUSED_RATE_LIMIT, message))


def build_redis(
    model: RedisModel | None,
    part: Part,
    outside: Outside,
    faults: list[Fault],
    package: str = _PACKAGE,
) -> Redis | None:
    """Return the Redis that gateways share, or None without one or with a faulty one.

    *package* must be installed for it. No message repeats the URL: it may hold a password.
    """
    if model is None:
        return None
    before = len(faults)
    refuse_without(package, "redis", "Redis needs", part, faults)
    found = _url(model, part, outside, faults)
    if found is None or len(faults) > before:
        return None
    at, url = found
    _warn_about_password(url, at, faults)
    return Redis(url, model.timeout, OnFailure(model.on_failure), model.prefix)


def _url(
    model: RedisModel, part: Part, outside: Outside, faults: list[Fault]
) -> tuple[Part, str] | None:
    written = [key for key in _URL_KEYS if part.child(key).raw is not None]
    if not written:
        message = f"one of {', '.join(f'`{key}`' for key in _URL_KEYS)} is required"
        faults.append(part.key_fault(Code.MISSING_KEY, message))
    if model.url is not None and len(written) > 1:
        message = f"`url` and `{written[1]}` are mutually exclusive"
        faults.append(part.child(written[1]).key_fault(Code.CONFLICTING_KEYS, message))
        return None
    inside = model.url is not None
    found = (part.child("url"), model.url) if model.url else outside.read(part, "url", faults)
    if found is None:
        return None
    at, url = found
    split = _split(url)
    if split is None:
        what = "not" if inside else "what is there is not"
        faults.append(at.fault(Code.BAD_VALUE, f"{what} a Redis URL: {_WRITE_IT}"))
    elif inside and split.password:
        message = (
            "a password does not belong in this file: put the URL in a variable or a file, and"
            " name it in `url_env` or `url_file`"
        )
        faults.append(at.fault(Code.BAD_VALUE, message))
    return at, url


def _split(url: str) -> SplitResult | None:
    """Return the parts of a Redis URL, or None if *url* is not one or has other parts."""
    try:
        split = urlsplit(url)
        is_whole = split.port is None or split.port > 0
    except ValueError:
        return None
    if split.query or split.fragment or not is_whole or not url.isascii() or " " in url:
        return None
    if split.scheme == "unix":
        return split if not split.netloc and len(split.path) > 1 else None
    database = split.path.strip("/")
    is_one = split.scheme in {"redis", "rediss"} and split.hostname
    return split if is_one and (not database or database.isdecimal()) else None


def _warn_about_password(url: str, part: Part, faults: list[Fault]) -> None:
    """Warn about a password that is sent in clear text."""
    split = urlsplit(url)
    if split.scheme == "redis" and split.password and not is_loopback(split.hostname or ""):
        message = "the password is sent in clear text: use rediss://"
        faults.append(part.warning(Code.INSECURE_URL, message))
