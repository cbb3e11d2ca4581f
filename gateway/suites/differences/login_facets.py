"""The facets of a login: who may log in, for which pages, and how long that lasts."""

from hashlib import sha256

from gateway.settings.values.clients import OAuthClient
from gateway.settings.values.configuration import Settings
from gateway.settings.values.login import LoginSettings, SessionSettings
from gateway.suites.differences.facet import Facet
from gateway.suites.differences.route_facets import listed


def login_facets(login: LoginSettings, settings: Settings) -> dict[str, Facet]:
    """Return the facets of *login* in *settings*; secrets are compared, and never shown."""
    origins = frozenset(origin.text for origin in login.origins)
    params = ", ".join(f"{name}={value}" for name, value in sorted(login.extra_params.items()))
    issuer = settings.issuers[login.issuer].issuer.issuer
    return {
        "issuer": Facet(issuer, f"{login.issuer} ({issuer})", ("issuer",)),
        "origins": Facet(origins, listed(origins, "none"), ("origins",)),
        **client_facets(login.client),
        "scopes": Facet(frozenset(login.scopes), listed(login.scopes, "none"), ("scopes",)),
        "resource": Facet(login.resource, login.resource or "none", ("resource",)),
        "extra_params": Facet(params, params or "none", ("extra_params",)),
        "claims": Facet(frozenset(login.claims), listed(login.claims, "none"), ("claims",)),
        "after_logout": Facet(login.after_logout, login.after_logout, ("after_logout",)),
        "prefix": Facet(login.prefix, login.prefix, ("prefix",)),
        **_session(login.session),
    }


def client_facets(client: OAuthClient, *keys: str) -> dict[str, Facet]:
    """Return the facets of a client of an authorization server; a secret is never shown.

    Its settings are below *keys*.
    """
    method = client.method.value
    credential: object = None
    shown = "none"
    if client.secret is not None:
        credential, shown = sha256(client.secret.encode()).digest(), "a secret"
    elif client.key is not None:
        credential, shown = client.key.kid, f"the key {client.key.kid}"
    return {
        "client_id": Facet(client.client_id, client.client_id, (*keys, "client_id")),
        "client_auth": Facet(method, method, (*keys, "client_auth")),
        "credential": Facet(credential, shown, keys),
    }


def _session(session: SessionSettings) -> dict[str, Facet]:
    idle, total = session.idle_seconds, session.total_seconds
    keys = tuple(sha256(key).digest() for key in session.keys)
    facets = {
        "session.store": Facet(session.store, session.store.value, ("session", "store")),
        "session.idle": Facet(idle, f"{idle:g} s", ("session", "idle")),
        "session.total": Facet(total, f"{total:g} s", ("session", "total")),
    }
    if keys:
        facets["session.keys"] = Facet(keys, f"a ring of {len(keys)}", ("session",))
        size = session.cookie_bytes
        facets["session.cookie_bytes"] = Facet(size, f"{size} bytes", ("session", "cookie_bytes"))
    return facets
