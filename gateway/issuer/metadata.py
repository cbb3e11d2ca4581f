"""Describe the development issuer in the documents clients discover it by."""

from gateway.issuer.personas import all_scopes
from gateway.issuer.signing_keys import SigningAlgorithm

# The two places that gateways look at: OpenID Connect Discovery §4, RFC 8414 §3.
OPENID_PATH = "/.well-known/openid-configuration"
OAUTH_PATH = "/.well-known/oauth-authorization-server"
JWKS_PATH = "/jwks"
TOKEN_PATH = "/token"  # noqa: S105 - a path, not a secret


def oauth_metadata(issuer: str) -> dict[str, object]:
    """Return the authorization server metadata of RFC 8414 §2."""
    return {
        "issuer": issuer,
        "jwks_uri": issuer + JWKS_PATH,
        "token_endpoint": issuer + TOKEN_PATH,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": list(all_scopes()),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }


def openid_metadata(issuer: str) -> dict[str, object]:
    """Return the provider metadata of OpenID Connect Discovery §3.

    No authorization endpoint: nobody can log in here, so there is no page for it.
    """
    return {
        **oauth_metadata(issuer),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [name.value for name in SigningAlgorithm],
    }
