"""The facets of a configuration besides its routes and issuers."""

import json
from collections.abc import Mapping
from dataclasses import replace

from gateway.settings.text.grants import Include, describe_grants
from gateway.settings.values.configuration import (
    AssertionSettings,
    FetchTimes,
    Listen,
    Resource,
    RevocationSettings,
    ServiceCredentials,
    Settings,
)
from gateway.suites.differences.facet import Facet
from gateway.suites.differences.identity_facets import header_facets
from gateway.suites.differences.issuer_facets import file_digest, proxy_facet
from gateway.suites.differences.login_facets import client_facets
from gateway.suites.differences.rate_facets import redis_facet
from gateway.suites.differences.route_facets import listed, show_rate
from gateway.suites.differences.tls_facets import authorities_facet


def identity_facets(settings: Settings) -> dict[str, Facet]:
    """Return what services learn about callers."""
    identity = settings.policy.identity
    facets = header_facets(identity)
    forwarded = "forwarded" if identity.forward_token else "not forwarded"
    facets |= _assertion_facets(settings.assertion)
    facets["the token"] = Facet(identity.forward_token, forwarded, ("identity", "forward_token"))
    return facets


def _assertion_facets(assertion: AssertionSettings | None) -> dict[str, Facet]:
    if assertion is None:
        return {}
    place = ("identity", "assertion")
    name = assertion.header.decode("latin-1").lower()
    claims = [claim for claim, _ in assertion.claims]
    domain = assertion.trust_domain
    what = (assertion.issuer, assertion.claims, assertion.lifetime_seconds, domain)
    kind = "an assertion" if domain is None else f"a transaction token for {domain}"
    kids = tuple(key.kid for key in assertion.keys)
    return {
        name: Facet(
            what,
            f"{kind} of {assertion.issuer}, valid for {assertion.lifetime_seconds:g} s, with "
            f"{listed(claims, 'nothing')}",
            place,
        ),
        f"the keys of {name}": Facet(kids, listed(kids, "none"), (*place, "keys")),
        f"the keys' place of {name}": Facet(
            assertion.jwks_path, assertion.jwks_path.decode("ascii"), (*place, "jwks_path")
        ),
    }


def scope_facets(settings: Settings) -> dict[str, Facet]:
    """Return all scopes that each scope implies."""
    return {
        scope: Facet(granted, f"grants {listed(granted, 'nothing')}", ("scope_implies", scope))
        for scope, granted in settings.policy.scope_implies.items()
    }


def revocation_facets(one: RevocationSettings, settings: Settings) -> dict[str, Facet]:
    """Return the facets of a revocation list."""
    issuers = one.rule.issuers
    failure = "refuse" if one.rule.refuses_without else "allow"
    location = file_digest(one.location) if one.is_file else one.location
    return {
        "location": Facet(location, one.location, ("file" if one.is_file else "url",)),
        "issuers": Facet(
            frozenset(settings.issuers[name].issuer.issuer for name in issuers),
            listed(issuers, "none"),
            ("issuers",),
        ),
        "on_failure": Facet(one.rule.refuses_without, failure, ("on_failure",)),
        "ca": authorities_facet(one.ca, "any", ("tls", "ca")),
        "proxy": proxy_facet(one.proxy),
    }


def resource_facets(one: Resource) -> dict[str, Facet]:
    """Return what is published about a resource, member by member."""
    members = json.loads(one.metadata)
    facets = {
        name: Facet(frozenset(value) if isinstance(value, list) else value, _show(value))
        for name, value in members.items()
    }
    return {**facets, "metadata": Facet(one.metadata_url, one.metadata_url)}


def include_facets(one: Include) -> dict[str, Facet]:
    """Return what the files of an entry of `include` may declare."""
    return {"may": Facet(one.meaning, f"declare {describe_grants(one)}")}


def _show(value: object) -> str:
    return listed(value, "none") if isinstance(value, list) else str(value)


def limit_facets(settings: Settings) -> dict[str, Facet]:
    """Return all limits, timeouts and general settings, and where the gateway listens."""
    timeouts, limits = settings.timeouts, settings.limits
    admin = settings.admin
    at = "none" if admin is None else f"{admin.address.host}:{admin.address.port}"
    proxies = frozenset(map(str, settings.trusted_proxies))
    watch = settings.reload.watch_seconds
    values: dict[tuple[str, ...], object] = {
        ("listen",): listed(map(show_listen, settings.listen), "none"),
        ("admin",): at,
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
        ("limits", "body"): "unlimited" if limits.body_bytes is None else limits.body_bytes,
        ("limits", "body_rate"): show_rate(limits.body_rate),
        ("limits", "read_rate"): show_rate(limits.read_rate),
        ("limits", "connections"): limits.connections,
        ("limits", "connections_per_address"): (
            "unlimited"
            if limits.connections_per_address is None
            else limits.connections_per_address
        ),
        ("limits", "requests"): "unlimited" if limits.requests is None else limits.requests,
        ("trusted_proxies",): listed(proxies, "none"),
        ("underscore_names",): settings.underscore_names.value,
        ("half_close",): settings.half_close.value,
        ("access_log",): settings.access_log.value,
        ("access_log", "format"): settings.access_log_format.value,
        ("reload", "watch"): "never" if watch is None else watch,
        ("reload", "suites"): settings.reload.runs_suites,
        ("reload", "wait"): settings.reload.wait_seconds,
    }
    facets = {
        ".".join(keys): Facet(value, show_amount(keys, value), keys)
        for keys, value in values.items()
    }
    facets |= {"drain": _drain_facet(settings), "tracing": _tracing_facet(settings)}
    facets["tickets"] = _tickets_facet(settings)
    return {**facets, "redis": redis_facet(settings.rate_limiting.redis)}


def show_listen(listen: Listen) -> str:
    """Return a listening address, and whether it uses TLS."""
    host, port = listen.address.host, listen.address.port
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return address if listen.tls is None else f"{address} with TLS"


def _tracing_facet(settings: Settings) -> Facet:
    """Return where spans go, and which; not the header fields for the collector."""
    tracing = settings.tracing
    if tracing is None:
        return Facet(None, "none", ("tracing",))
    value = (tracing.url, tracing.sample, tracing.asked_per_second, tracing.service_name)
    shown = (
        f"{tracing.sample:g} of all as {tracing.service_name} to {tracing.url}, "
        f"at most {tracing.asked_per_second} on request per second"
    )
    return Facet(value, shown, ("tracing",))


def _tickets_facet(settings: Settings) -> Facet:
    """Return where one-time tickets are issued, and for how long."""
    tickets = settings.tickets
    if tickets is None:
        return Facet(None, "none", ("tickets",))
    value = (tickets.path, tickets.lifetime_seconds, tickets.cors)
    pages = "" if tickets.cors is None else ", also for pages of other origins"
    shown = f"at {tickets.path.decode('ascii')} for {tickets.lifetime_seconds:g} s{pages}"
    return Facet(value, shown, ("tickets",))


def _drain_facet(settings: Settings) -> Facet:
    """Return how the gateway drains, without the defaults."""
    deadline, delay = settings.drain_seconds, settings.drain_delay_seconds
    streams = settings.drain_streams_seconds
    shown = f"{deadline:g} s"
    if delay:
        shown += f", {delay:g} s after reporting not ready"
    if streams != deadline / 2:
        shown += f", streams within {streams:g} s"
    return Facet((deadline, delay, streams), shown, ("drain",))


def show_amount(keys: tuple[str, ...], value: object) -> str:
    """Return *value* with the unit that its name implies."""
    if isinstance(value, float):
        return f"{value:g} s"
    bytes_of = {"head", "target", "token", "body"}
    if isinstance(value, int) and keys[0] == "limits" and keys[-1] in bytes_of:
        return f"{value} bytes"
    return str(value)


def fetch_facets(
    times: FetchTimes, is_required: bool, cooldown_seconds: float | None = None
) -> dict[str, Facet]:
    """Return how long fetched documents are kept, and whether readiness waits for them."""
    values = {
        "fresh": times.fresh_seconds,
        "stale": times.stale_seconds,
        "fetch_timeout": times.fetch_timeout_seconds,
    }
    if cooldown_seconds is not None:
        values["unknown_kid_cooldown"] = cooldown_seconds
    required = Facet(is_required, "true" if is_required else "false", ("required",))
    return {
        "required": required,
        **{name: Facet(value, f"{value:g} s", ("keys", name)) for name, value in values.items()},
    }


def upstream_facets(settings: Settings) -> Mapping[str, Mapping[str, Facet]]:
    """Return the timeouts of each upstream, by its name."""
    return {
        name: {
            key: Facet(value, f"{value:g} s", (key,))
            for key, value in (
                ("connect_timeout", one.connect_timeout_seconds),
                ("response_timeout", one.response_timeout_seconds),
                ("stall_timeout", one.stall_timeout_seconds),
                ("idle_timeout", one.idle_timeout_seconds),
            )
        }
        for name, one in settings.upstreams.items()
    }


def credential_facets(settings: Settings) -> Mapping[str, Mapping[str, Facet]]:
    """Return what each upstream receives as its token, by its name."""
    return {name: _facets(one.credentials, settings) for name, one in settings.upstreams.items()}


def _facets(asked: ServiceCredentials | None, settings: Settings) -> dict[str, Facet]:
    if asked is None:
        return {"credentials": Facet(None, "none", ("credentials",))}
    at = ("credentials", asked.grant.value)
    whose = "the caller's token, exchanged" if asked.exchanges else "a token of the gateway's own"
    server: object = asked.token_url
    shown = str(asked.token_url)
    if asked.issuer is not None:
        server = settings.issuers[asked.issuer].issuer.issuer
        shown = f"{asked.issuer} ({server})"
    scopes = frozenset(asked.scopes)
    facets = {
        "credentials": Facet(asked.grant, whose, at),
        "issuer": Facet(server, shown, (*at, "issuer" if asked.issuer else "token_url")),
        "scopes": Facet(scopes, listed(asked.scopes, "the default"), (*at, "scopes")),
        "audience": Facet(asked.audience, asked.audience or "none", (*at, "audience")),
        "resource": Facet(asked.resource, asked.resource or "none", (*at, "resource")),
        "token type": Facet(asked.token_type, asked.token_type or "any", at),
        "ca": authorities_facet(asked.ca, "any", (*at, "tls", "ca")),
    }
    for name, facet in client_facets(asked.client).items():
        facets[name] = replace(facet, keys=(*at, *facet.keys))
    return facets
