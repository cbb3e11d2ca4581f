"""A protected resource in front of the recording service, and what clients are told of it."""

from typing import Any

from tests.proxy.gateways import AUDIENCE, ISSUER

HOST = "api.example.com"
WELL_KNOWN = "/.well-known/oauth-protected-resource"
RESOURCE = f"https://{HOST}/api"
METADATA = f"https://{HOST}{WELL_KNOWN}/api"
OTHER = f"https://{HOST}/other"

# The URL of the resource is what clients ask for (RFC 8707), AUDIENCE what they asked for before.
ISSUERS: dict[str, Any] = {
    "main": {
        "issuer": ISSUER,
        "jwks_file": "keys.json",
        "audiences": [RESOURCE, OTHER, AUDIENCE],
        "algorithms": ["ES256"],
    }
}

RESOURCES: dict[str, Any] = {
    "api": {"resource": RESOURCE, "authorization_servers": ["main"], "name": "Orders"}
}


def route(name: str, path: str, **require: Any) -> dict[str, Any]:
    """Return a route of the recording service; *path* is a prefix where it ends in a slash."""
    key = "path_prefix" if path.endswith("/") else "path"
    return {"name": name, "match": {key: path}, "upstream": "main", "require": require}


ROUTES: list[dict[str, Any]] = [
    route("api", "/api/", scopes=["api:read"]),
    route("admin", "/api/admin", scopes={"any": ["admin", {"all": ["api:read", "api:write"]}]}),
    {"name": "open", "match": {"path_prefix": "/open/"}, "upstream": "main", "public": True},
    route("apart", "/apart/", scopes=["api:read"]),
]

SECTIONS: dict[str, Any] = {"issuers": ISSUERS, "resources": RESOURCES, "routes": ROUTES}

DOCUMENT: dict[str, Any] = {
    "resource": RESOURCE,
    "authorization_servers": [ISSUER],
    "scopes_supported": ["api:read", "admin", "api:write"],
    "bearer_methods_supported": ["header"],
    "resource_name": "Orders",
}
