"""The facets of what is limited: times, sizes, rates, and who may reach which port."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address
from math import inf
from urllib.parse import urlsplit

from gateway.decision.rules.claim_names import format_claim_name
from gateway.settings.values.balancing import Balancing
from gateway.settings.values.configuration import (
    AccessLogTarget,
    Admin,
    FetchTimes,
    Listen,
    Settings,
    UnderscoreNames,
    Upstream,
)
from gateway.settings.values.rates import KeyPart, OnFailure, PartKind, RateLimit, Redis
from gateway.suites.differences.facet import Facet, Judge, Kind, Kinds, listed
from gateway.suites.differences.judges import (
    CLOSED,
    NOTHING,
    always,
    comes_and_goes,
    falls,
    grows,
    harmless,
    part,
    rises,
    switches_on,
    weakens,
)
from gateway.suites.differences.route_facets import cors_facets, show_rate
from gateway.suites.differences.tls_facets import ASKED, asked_of_clients

_LOOSENED: Kinds = frozenset({Kind.LOOSENED})
_MOVED: Kinds = frozenset({Kind.MOVED})


def limit_facets(settings: Settings) -> dict[str, Facet]:
    """Return all limits, timeouts and general settings, and where the gateway listens."""
    timeouts, limits = settings.timeouts, settings.limits
    longer = {
        ("timeouts", "head"): timeouts.head_seconds,
        ("timeouts", "idle"): timeouts.idle_seconds,
        ("timeouts", "body"): timeouts.body_seconds,
        ("timeouts", "tunnel"): timeouts.tunnel_seconds,
        ("timeouts", "total"): timeouts.total_seconds,
        ("timeouts", "token_grace"): timeouts.token_grace_seconds,
        ("limits", "head"): limits.head_bytes,
        ("limits", "fields"): limits.head_fields,
        ("limits", "target"): limits.target_bytes,
        ("limits", "token"): settings.policy.max_token_bytes,
        ("limits", "body"): limits.body_bytes,
        ("limits", "connections"): limits.connections,
        ("limits", "connections_per_address"): limits.connections_per_address,
        ("limits", "requests"): limits.requests,
    }
    facets = {
        ".".join(keys): Facet(
            inf if value is None else value, show_amount(keys, value), rises(), keys
        )
        for keys, value in longer.items()
    }
    for name, rate in (("body_rate", limits.body_rate), ("read_rate", limits.read_rate)):
        facets[f"limits.{name}"] = Facet(rate or 0, show_rate(rate), falls(), ("limits", name))
    return {
        "listen": _listen_facet(settings.listen),
        **_admin_facets(settings.admin),
        **facets,
        **_general_facets(settings),
        "drain": _drain_facet(settings),
        "tracing": _tracing_facet(settings),
        **_ticket_facets(settings),
        "redis": redis_facet(settings.rate_limiting.redis),
    }


def _general_facets(settings: Settings) -> dict[str, Facet]:
    proxies, reload = settings.trusted_proxies, settings.reload
    workers = "auto" if settings.workers is None else str(settings.workers)
    watch = "never" if reload.watch_seconds is None else f"{reload.watch_seconds:g} s"
    names = tuple(one.value for one in (UnderscoreNames.REJECT, UnderscoreNames.DROP))
    suites = len(settings.suites) if reload.runs_suites else 0
    values: dict[tuple[str, ...], tuple[object, str, Judge]] = {
        ("workers",): (workers, workers, harmless("how many processes do the same")),
        ("trusted_proxies",): (
            _merged(proxies),
            listed(map(str, proxies), "none"),
            _judge_proxies,
        ),
        ("underscore_names",): (
            settings.underscore_names.value,
            settings.underscore_names.value,
            weakens((*names, UnderscoreNames.KEEP.value)),
        ),
        ("half_close",): (
            settings.half_close.value,
            settings.half_close.value,
            harmless("only when a request of which the client has gone is cancelled"),
        ),
        ("http2",): (
            settings.http2,
            "yes" if settings.http2 else "no",
            harmless("only by which protocol clients send the same requests"),
        ),
        ("access_log",): (
            settings.access_log.value,
            settings.access_log.value,
            _judge_log,
        ),
        ("access_log", "format"): (
            settings.access_log_format.value,
            settings.access_log_format.value,
            harmless("the format of what is logged"),
        ),
        ("reload", "watch"): (watch, watch, harmless("when a configuration is loaded")),
        ("reload", "suites"): (suites, f"{suites} must pass" if suites else "none", falls()),
        ("reload", "wait"): (
            reload.wait_seconds,
            f"{reload.wait_seconds:g} s",
            harmless("how long the previous configuration stays"),
        ),
    }
    return {
        ".".join(keys): Facet(value, text, judge, keys)
        for keys, (value, text, judge) in values.items()
    }


def _judge_log(old: object, new: object) -> Kinds:
    """Judge whether there is an access log: without it nobody sees who had access."""
    if AccessLogTarget.NONE.value not in {old, new}:
        return NOTHING
    return CLOSED if old == AccessLogTarget.NONE.value else _LOOSENED


def _judge_proxies(old: object, new: object) -> Kinds:
    """Judge networks whose word about a client's address is taken."""
    if not isinstance(old, frozenset) or not isinstance(new, frozenset):
        return _LOOSENED
    is_narrower = all(any(_is_part(one, other) for other in old) for one in new)
    return CLOSED if is_narrower else _LOOSENED


def _merged(networks: Iterable[object]) -> frozenset[object]:
    """Return the fewest networks with the same addresses."""
    four = [one for one in networks if isinstance(one, IPv4Network)]
    six = [one for one in networks if isinstance(one, IPv6Network)]
    return frozenset((*collapse_addresses(four), *collapse_addresses(six)))


def _is_part(network: object, other: object) -> bool:
    if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
        return network.subnet_of(other)
    if isinstance(network, IPv6Network) and isinstance(other, IPv6Network):
        return network.subnet_of(other)
    return False


def show_listen(listen: Listen) -> str:
    """Return a listening address, and whether it uses TLS."""
    host, port = listen.address.host, listen.address.port
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return address if listen.tls is None else f"{address} with TLS"


@dataclass(frozen=True, slots=True)
class _Listening:
    """The *addresses*: host, port, and whether with TLS.

    *asked* is an index of ``ASKED`` for each of them: what clients must present is compared as a
    part of TLS, but for an address that is new.
    """

    addresses: frozenset[tuple[str, int, bool]]
    asked: Mapping[tuple[str, int, bool], int] = field(compare=False)


def _listen_facet(every: tuple[Listen, ...]) -> Facet:
    asked = {
        (one.address.host, one.address.port, one.tls is not None): ASKED.index(
            asked_of_clients(one.tls)
        )
        for one in every
    }
    text = listed(map(show_listen, every), "none")
    return Facet(_Listening(frozenset(asked), asked), text, _judge_listen, ("listen",))


def _judge_listen(old: object, new: object) -> Kinds:
    """Judge addresses by their hosts, TLS and client certificates: ports do not matter."""
    if not isinstance(old, _Listening) or not isinstance(new, _Listening):
        return _LOOSENED
    before, after = ({(host, secure) for host, _, secure in one.addresses} for one in (old, new))
    kinds: Kinds = CLOSED if before - after else NOTHING
    if any(not _is_reached(*one, before) for one in after):
        kinds |= _LOOSENED
    weakest = max(old.asked.values())
    if any(new.asked[one] > weakest for one in new.addresses - old.addresses):
        kinds |= {Kind.OPENED}
    return kinds


def _is_reached(host: str, secure: bool, before: Collection[tuple[str, bool]]) -> bool:
    """Return whether all who reach *host* could reach the gateway *before* in the same way."""
    everywhere = "::" if ":" in host else "0.0.0.0"  # noqa: S104 - compared, not bound
    return (host, secure) in before or (everywhere, secure) in before


def _admin_facets(admin: Admin | None) -> dict[str, Facet]:
    if admin is None:
        return {"admin": Facet(None, "none", _judge_admin, ("admin",))}
    host = admin.address.host
    digest = "" if admin.token is None else sha256(admin.token.encode()).hexdigest()
    text = f"{host}:{admin.address.port}"
    return {
        "admin": Facet((host, admin.address.port), text, _judge_admin, ("admin",)),
        "admin.token": Facet(
            digest,
            "a token" if digest else "none",
            part(_judge_admin_token),
            ("admin", "token_env"),
        ),
    }


def _judge_admin(old: object, new: object) -> Kinds:
    """Judge the address of the admin port: whoever reaches it sees and changes the gateway."""
    if not isinstance(new, tuple):
        return CLOSED
    if not isinstance(old, tuple):
        return NOTHING if _is_local(new[0]) else _LOOSENED
    if old[0] == new[0]:
        return NOTHING  # another port of the same machine
    return CLOSED if _is_local(new[0]) else _LOOSENED


def _judge_admin_token(old: object, new: object) -> Kinds:
    if not old or not new:
        return CLOSED if new else frozenset({Kind.OPENED})
    return frozenset({Kind.KEYS})


def _is_local(host: str) -> bool:
    """Return whether *host* is reached from the same machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tracing_facet(settings: Settings) -> Facet:
    """Return where spans go, and which; the header fields for the collector are not shown."""
    tracing = settings.tracing
    if tracing is None:
        return Facet(None, "none", comes_and_goes(_MOVED, NOTHING, _judge_tracing), ("tracing",))
    rest = (tracing.sample, tracing.asked_per_second, tracing.service_name, tracing.headers)
    shown = (
        f"{tracing.sample:g} of all as {tracing.service_name} to {tracing.url}, "
        f"at most {tracing.asked_per_second} on request per second"
    )
    judge = comes_and_goes(_MOVED, NOTHING, _judge_tracing)
    return Facet((tracing.url, rest), shown, judge, ("tracing",))


def _judge_tracing(old: object, new: object) -> Kinds:
    """Judge who learns about requests; how many are traced does not matter."""
    is_same = isinstance(old, tuple) and isinstance(new, tuple) and old[0] == new[0]
    return NOTHING if is_same else _MOVED


def _ticket_facets(settings: Settings) -> dict[str, Facet]:
    """Return where one-time tickets are issued, for how long, and to which pages."""
    tickets, keys = settings.tickets, ("tickets",)
    by_routes = harmless("routes say whether they take tickets, and requests are compared")
    if tickets is None:
        return {"tickets": Facet(None, "none", by_routes, keys)}
    path, seconds = tickets.path.decode("ascii"), tickets.lifetime_seconds
    cors = cors_facets(tickets.cors, "tickets")
    return {
        "tickets": Facet(path, f"at {path}", by_routes, keys),
        "tickets.lifetime": Facet(seconds, f"{seconds:g} s", part(rises()), (*keys, "lifetime")),
        **{f"tickets.{name}": facet for name, facet in cors.items()},
    }


def _drain_facet(settings: Settings) -> Facet:
    """Return how the gateway drains, without the defaults."""
    deadline, delay = settings.drain_seconds, settings.drain_delay_seconds
    streams = settings.drain_streams_seconds
    shown = f"{deadline:g} s"
    if delay:
        shown += f", {delay:g} s after reporting not ready"
    if streams != deadline / 2:
        shown += f", streams within {streams:g} s"
    judge = harmless("how the gateway ends")
    return Facet((deadline, delay, streams), shown, judge, ("drain",))


def show_amount(keys: tuple[str, ...], value: float | None) -> str:
    """Return *value* with the unit that its name implies."""
    if value is None:
        return "unlimited"
    if isinstance(value, float):
        return f"{value:g} s"
    bytes_of = {"head", "target", "token", "body"}
    return f"{value} bytes" if keys[0] == "limits" and keys[-1] in bytes_of else str(value)


def fetch_facets(
    times: FetchTimes, is_required: bool, cooldown_seconds: float | None = None
) -> dict[str, Facet]:
    """Return how long fetched documents are kept, and whether readiness waits for them."""
    values: dict[str, tuple[float, Judge]] = {
        # What was withdrawn meanwhile still counts.
        "fresh": (times.fresh_seconds, rises()),
        "stale": (times.stale_seconds, rises()),
        "fetch_timeout": (times.fetch_timeout_seconds, harmless("how long a fetch may take")),
    }
    if cooldown_seconds is not None:
        # Made-up key IDs cause more fetches.
        values["unknown_kid_cooldown"] = (cooldown_seconds, falls())
    ready = harmless("only when the gateway is ready; tokens are refused without keys anyway")
    required = Facet(is_required, "true" if is_required else "false", ready, ("required",))
    return {
        "required": required,
        **{
            name: Facet(value, f"{value:g} s", judge, ("keys", name))
            for name, (value, judge) in values.items()
        },
    }


@dataclass(frozen=True, slots=True)
class _Protocol:
    """How servers are spoken to, in a *word*; *is_capped* if connections to them are limited."""

    is_http2: bool
    word: str
    is_capped: bool = field(compare=False)


def _judge_protocol(old: object, new: object) -> Kinds:
    """Judge how many requests a limited number of connections brings to a server at once."""
    if not isinstance(old, _Protocol) or not isinstance(new, _Protocol):
        return _LOOSENED
    if old.is_http2 is new.is_http2 or not (old.is_capped and new.is_capped):
        return NOTHING
    return _LOOSENED if new.is_http2 else CLOSED


def upstream_facets(one: Upstream) -> dict[str, Facet]:
    """Return the timeouts, the protocol and the balancing of an upstream."""
    kept = harmless("how long an idle connection is kept")
    times = {
        key: Facet(value, f"{value:g} s", judge, (key,))
        for key, value, judge in (
            ("connect_timeout", one.connect_timeout_seconds, rises()),
            ("response_timeout", one.response_timeout_seconds, rises()),
            ("stall_timeout", one.stall_timeout_seconds, rises()),
            ("idle_timeout", one.idle_timeout_seconds, kept),
        )
    }
    spoken = _Protocol(one.is_http2, one.protocol.value, one.balancing.max_connections is not None)
    protocol = Facet(spoken, spoken.word, part(_judge_protocol), ("protocol",))
    by_pages = harmless("in which form a call may come, of the same callers")
    web = Facet(one.grpc_web, "yes" if one.grpc_web else "no", by_pages, ("grpc_web",))
    shown = {"protocol": protocol, "grpc_web": web}
    return times | shown | _balancing_facets(one.balancing)


def _balancing_facets(how: Balancing) -> dict[str, Facet]:
    """Return how requests are balanced, and what protects the servers from too many."""
    chosen = harmless("which of the same servers gets a request, and when it rests")
    protects = comes_and_goes(CLOSED, _LOOSENED, always(Kind.LOOSENED))
    queue, retries, ejection, breaker = how.queue, how.retries, how.ejection, how.breaker
    most = how.max_connections
    statuses = listed(map(str, how.failure_statuses), "none")
    ejected = (
        f"after {ejection.after} failures for {ejection.first_seconds:g} s to"
        f" {ejection.longest_seconds:g} s, {ejection.max_share:.0%} at most"
    )
    target = how.target_seconds
    return {
        "balance": Facet(how.balance, how.balance.value, chosen, ("balance",)),
        "resolve": Facet(how.resolve_seconds, f"{how.resolve_seconds:g} s", chosen, ("resolve",)),
        "health": Facet(how.health, _show_health(how), chosen, ("health",)),
        "failure_statuses": Facet(how.failure_statuses, statuses, chosen, ("failure_statuses",)),
        "ejection": Facet(ejection, ejected, chosen, ("ejection",)),
        # A request that is retried may act twice.
        "retries.methods": Facet(
            retries.methods,
            listed(retries.methods, "none"),
            grows(Kind.LOOSENED),
            ("retries", "methods"),
        ),
        "retries.budget": Facet(
            retries.budget, f"{retries.budget:g}", rises(), ("retries", "budget")
        ),
        "retries.kept_connections": Facet(
            retries.kept_connections,
            "yes" if retries.kept_connections else "no",
            switches_on(Kind.LOOSENED),
            ("retries", "kept_connections"),
        ),
        "max_connections": Facet(
            inf if most is None else most,
            "unlimited" if most is None else str(most),
            rises(),
            ("max_connections",),
        ),
        "queue.size": Facet(queue.size, str(queue.size), rises(), ("queue", "size")),
        "queue.timeout": Facet(
            queue.timeout_seconds, f"{queue.timeout_seconds:g} s", rises(), ("queue", "timeout")
        ),
        "breaker": Facet(
            breaker,
            "none"
            if breaker is None
            else f"{breaker.failures:.0%} of {breaker.requests} in {breaker.window_seconds:g} s,"
            f" open for {breaker.open_seconds:g} s",
            protects,
            ("breaker",),
        ),
        "overload": Facet(
            target,
            "none" if target is None else f"{target:g} s",
            comes_and_goes(CLOSED, _LOOSENED, rises()),
            ("overload",),
        ),
    }


def _show_health(how: Balancing) -> str:
    health = how.health
    if health is None:
        return "none"
    statuses = ", ".join(f"{low}-{high}" for low, high in health.statuses)
    asked = f"{health.path}", statuses
    if health.grpc_service is not None:
        asked = f"gRPC {health.grpc_service}".rstrip(), "SERVING"
    return (
        f"{asked[0]} every {health.interval_seconds:g} s within {health.timeout_seconds:g} s:"
        f" {asked[1]}, {health.unhealthy_after} to fail, {health.healthy_after} to recover,"
        f" all below {health.panic_below:.0%}"
    )


def rate_limit_facets(limit: RateLimit) -> dict[str, Facet]:
    """Return the facets of one limit: 60 in a minute equal one in a second."""
    seconds = limit.period_us / 1_000_000
    key = " and ".join(map(_show_part, limit.key))
    return {
        "rate": Facet(limit.interval_us, f"{limit.requests} in {seconds:g} s", falls(), ("rate",)),
        "burst": Facet(limit.burst, str(limit.burst), rises(), ("burst",)),
        "key": Facet(frozenset(limit.key), key, _judge_key, ("key",)),
    }


def _judge_key(old: object, new: object) -> Kinds:
    """Judge what is counted separately: only a part of the same key counts more together."""
    is_part = isinstance(old, frozenset) and isinstance(new, frozenset) and new < old
    return CLOSED if is_part else _LOOSENED


def _show_part(part: KeyPart) -> str:
    if part.kind is PartKind.CLAIM:
        return f"the claim {format_claim_name(part.claim)}"
    return str(part.kind.value)


def redis_facet(redis: Redis | None) -> Facet:
    """Return the Redis that counts, without its password."""
    if redis is None:
        return Facet(None, "none", _judge_redis, ("redis",))
    parts = urlsplit(redis.url)
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    shown = (
        f"{where}, keys {redis.prefix}…, within {redis.timeout_seconds:g} s, "
        f"else {redis.on_failure.value}"
    )
    value = (where, redis.on_failure, redis.prefix, redis.timeout_seconds)
    return Facet(value, shown, _judge_redis, ("redis",))


_WITHOUT_REDIS = (OnFailure.REFUSE, OnFailure.MEMORY, OnFailure.ALLOW)


def _judge_redis(old: object, new: object) -> Kinds:
    """Judge where requests are counted and sessions are kept, and what happens without it."""
    if not isinstance(old, tuple) or not isinstance(new, tuple):
        # Gateways count together from now on, or each for itself.
        return CLOSED if old is None else _LOOSENED
    kinds = _MOVED if old[0] != new[0] else NOTHING
    if old[1] is not new[1]:
        kinds |= weakens(_WITHOUT_REDIS)(old[1], new[1])
    return kinds
