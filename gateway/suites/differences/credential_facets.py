"""The facets of an upstream's credentials: which token it receives, and whose."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.settings.values.configuration import ServiceCredentials, Settings
from gateway.suites.differences.facet import Facet
from gateway.suites.differences.login_facets import client_facets
from gateway.suites.differences.route_facets import listed
from gateway.suites.differences.tls_facets import authorities_facet


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
