"""The facets of a login: who may log in, for which pages, and how long that lasts."""

from hashlib import sha256

from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import Settings
from gateway.settings.values.login import LoginSettings, SessionSettings, SessionStoreKind
from gateway.suites.differences.facet import Facet, Judge, Kind, listed
from gateway.suites.differences.judges import always, grows, harmless, part, rises, weakens

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
