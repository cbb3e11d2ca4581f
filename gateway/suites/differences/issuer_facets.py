"""The facets of issuers, whose tokens are accepted, and of logins at them."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from gateway.decision.policy import Issuer
from gateway.decision.rules.claim_names import format_claim_name
from gateway.decision.tenants import Tenants
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import (
    IntrospectionSettings,
    IssuerSettings,
    KeySource,
    Proxy,
    Settings,
    SourceKind,
)
from gateway.settings.values.login import LoginSettings, SessionSettings, SessionStoreKind
from gateway.suites.differences.facet import Facet, Judge, Kind, listed
from gateway.suites.differences.judges import (
    always,
    by_requests,
    grows,
    harmless,
    part,
    rises,
    switches_on,
    weakens,
)
from gateway.suites.differences.route_facets import normal_rule
from gateway.suites.differences.tls_facets import authorities_facet

_SHOWN_TENANTS = 5
_FILES = (SourceKind.JWKS_FILE, SourceKind.PEM_FILE)

# From the strongest to the weakest: a key is never sent, BASIC is not in bodies that are logged.
_METHODS = tuple(
    method.value
    for method in (
        ClientAuthentication.PRIVATE_KEY_JWT,
        ClientAuthentication.BASIC,
        ClientAuthentication.POST,
        ClientAuthentication.NONE,
    )
)

# What a browser keeps itself cannot be ended for it.
_STORES = (SessionStoreKind.MEMORY, SessionStoreKind.REDIS, SessionStoreKind.COOKIE)


def issuer_facets(name: str, settings: IssuerSettings) -> dict[str, Facet]:
    """Return the facets of an issuer, its *name* included; it is identified by its `iss`."""
    issuer = settings.issuer
    mode = "report" if issuer.reports else "enforce"
    is_insecure = settings.source.is_insecure
    return {
        "name": Facet(name, name, harmless("an issuer is identified by its `iss`")),
        "keys": _keys(settings.source),
        "ca": authorities_facet(settings.source.ca, "any", ("tls", "ca")),
        "proxy": proxy_facet(settings.source.proxy),
        "insecure": Facet(
            is_insecure,
            "yes" if is_insecure else "no",
            # Whoever is between the gateway and an insecure issuer can replace its keys.
            switches_on(Kind.OPENED),
            ("insecure",),
        ),
        **_checks(issuer),
        "mode": Facet(mode, mode, weakens(("enforce", "report"), Kind.OPENED), ("mode",)),
        **_introspection(settings.introspection),
    }


def _checks(issuer: Issuer) -> dict[str, Facet]:
    """Return what every token of *issuer* must satisfy.

    Tokens that fail the checks of an issuer that only reports pass without identity, and those
    that pass them are subject to the rules of the route. So any change lets other tokens pass.
    """
    judge: Judge = always(Kind.OPENED) if issuer.reports else by_requests
    audiences = "unchecked" if issuer.audiences is None else listed(issuer.audiences, "none")
    profile = issuer.profile.value
    signals = issuer.id_token_signals
    rules = frozenset(normal_rule(rule, {}) for rule in issuer.claims)
    rules_text = " and ".join(sorted(rule.text for rule in issuer.claims)) or "none"
    scopes_from = frozenset(issuer.scopes_from)
    tenants = issuer.tenants
    names = issuer.also_issued_as if tenants is None else tenants.patterns[1:]
    said: dict[str, tuple[object, str]] = {
        "audiences": (issuer.audiences, audiences),
        "algorithms": (issuer.algorithms, listed(issuer.algorithms, "none")),
        "profile": (profile, profile),
        "require": (rules, rules_text),
        "scopes_from": (scopes_from, _show_scopes_from(issuer)),  # the order is for services
        "id_token_signals": (signals, listed(signals, "none")),
        "leeway": (issuer.leeway_seconds, f"{issuer.leeway_seconds:g} s"),
        "tenants": _tenants(tenants),
        "also_issued_as": (frozenset(names), listed(names, "none")),
    }
    return {name: Facet(value, text, judge, (name,)) for name, (value, text) in said.items()}


_USES_KEYS, _ASKS = "its keys", "its answers"


def _introspection(asked: IntrospectionSettings | None) -> dict[str, Facet]:
    """Return how an issuer is asked about its tokens."""
    under = "introspection"
    who = _USES_KEYS if asked is None else _ASKS
    # Without being asked, the issuer can no longer end a token before it expires.
    judge = weakens((_ASKS, _USES_KEYS))
    decides = Facet(who, who, lambda old, new: judge(old, new) | {Kind.KEYS}, (under,))
    if asked is None:
        return {"judged by": decides}
    answers = "jwt" if asked.signed else "json"
    client = client_facets(asked.client, under)
    return {
        "judged by": decides,
        **{name: replace(one, judge=part(one.judge)) for name, one in client.items()},
        "introspection.url": Facet(
            asked.url or "",
            asked.url or "the metadata's",
            part(always(Kind.KEYS)),
            (under, "url"),
        ),
        "introspection.response": Facet(
            answers, answers, part(weakens(("jwt", "json"))), (under, "response")
        ),
        "introspection.cache": Facet(
            asked.cache_seconds, f"{asked.cache_seconds:g} s", part(rises()), (under, "cache")
        ),
        "introspection.timeout": Facet(
            asked.timeout_seconds,
            f"{asked.timeout_seconds:g} s",
            harmless("without an answer no token is accepted"),
            (under, "timeout"),
        ),
    }


def _show_scopes_from(issuer: Issuer) -> str:
    return ", ".join(
        f"{format_claim_name(path)}{f' as {prefix}…' if prefix else ''}"
        for path, prefix in issuer.scopes_from
    )


def proxy_facet(proxy: Proxy | None, *keys: str) -> Facet:
    """Return the facet of a proxy; its user and password are compared, and never shown."""
    shown = "none" if proxy is None else proxy.url
    return Facet(proxy or "", shown, always(Kind.KEYS), (*keys, "proxy"))


def _tenants(tenants: Tenants | None) -> tuple[object, str]:
    if tenants is None:
        return None, "none"
    claim = format_claim_name(tenants.claim)
    value = (tenants.claim, tenants.allowed)
    if tenants.allowed is None:
        return value, f"any tenant in {claim}"
    names = sorted(tenants.allowed)
    more = f" and {len(names) - _SHOWN_TENANTS} more" if len(names) > _SHOWN_TENANTS else ""
    return value, f"{', '.join(names[:_SHOWN_TENANTS]) or 'no tenant'}{more} in {claim}"


def _keys(source: KeySource) -> Facet:
    kind = source.kind
    text, judge = f"{kind.value} {source.location}", always(Kind.KEYS)
    if source.is_secret:
        # Compared by value, wherever it comes from, and never shown.
        return Facet(source.secret, f"a secret in {source.location}", judge, (kind.value,))
    if kind in _FILES:
        return Facet(file_digest(source.location), text, judge, (kind.value,))
    return Facet((kind, source.location), text, judge, (kind.value,))


def file_digest(name: str) -> bytes | str:
    """Return a digest of the file *name*, which may have been moved; its name if unreadable."""
    try:
        return sha256(Path(name).read_bytes()).digest()
    except OSError:
        return name


def login_facets(login: LoginSettings, settings: Settings) -> dict[str, Facet]:
    """Return the facets of *login* in *settings*; secrets are compared, and never shown."""
    origins = frozenset(origin.text for origin in login.origins)
    params = ", ".join(f"{name}={value}" for name, value in sorted(login.extra_params.items()))
    issuer = settings.issuers[login.issuer].issuer.issuer
    loosens = always(Kind.LOOSENED)
    said: dict[str, tuple[object, str, Judge]] = {
        "issuer": (issuer, f"{login.issuer} ({issuer})", always(Kind.KEYS)),
        "origins": (origins, listed(origins, "none"), grows(Kind.OPENED)),
        # Sessions may get other rights with these, or logging in may be easier.
        "scopes": (frozenset(login.scopes), listed(login.scopes, "none"), grows(Kind.LOOSENED)),
        "resource": (login.resource, login.resource or "none", loosens),
        "extra_params": (params, params or "none", loosens),
        "claims": (frozenset(login.claims), listed(login.claims, "none"), grows(Kind.LOOSENED)),
        "after_logout": (
            login.after_logout,
            login.after_logout,
            harmless("the session has ended by then"),
        ),
        "prefix": (login.prefix, login.prefix, harmless("requests to these paths are compared")),
    }
    facets = {key: Facet(value, text, judge, (key,)) for key, (value, text, judge) in said.items()}
    return {**facets, **client_facets(login.client), **_session(login.session)}


def client_facets(client: OAuthClient, *keys: str) -> dict[str, Facet]:
    """Return the facets of a client of an authorization server; a secret is never shown.

    Its settings are below *keys*.
    """
    method = client.method.value
    credential: object = ""
    shown = "none"
    if client.secret is not None:
        credential, shown = sha256(client.secret.encode()).digest(), "a secret"
    elif client.key is not None:
        credential, shown = client.key.kid, f"the key {client.key.kid}"
    others = always(Kind.KEYS)
    return {
        "client_id": Facet(client.client_id, client.client_id, others, (*keys, "client_id")),
        "client_auth": Facet(method, method, weakens(_METHODS), (*keys, "client_auth")),
        "credential": Facet(credential, shown, others, keys),
    }


def _session(session: SessionSettings) -> dict[str, Facet]:
    idle, total, under = session.idle_seconds, session.total_seconds, "session"
    keys = tuple(sha256(key).digest() for key in session.keys)
    store, size = session.store, session.cookie_bytes
    facets = {
        "session.store": Facet(store, store.value, weakens(_STORES), (under, "store")),
        "session.idle": Facet(idle, f"{idle:g} s", rises(), (under, "idle")),
        "session.total": Facet(total, f"{total:g} s", rises(), (under, "total")),
    }
    if keys:
        shown = f"a ring of {len(keys)}"
        facets["session.keys"] = Facet(keys, shown, part(always(Kind.KEYS)), (under,))
        facets["session.cookie_bytes"] = Facet(
            size,
            f"{size} bytes",
            harmless("a session that is too large is not kept"),
            (under, "cookie_bytes"),
        )
    return facets
