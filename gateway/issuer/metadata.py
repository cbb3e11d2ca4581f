"""The metadata by which clients find the endpoints, and what these can do."""

from gateway.issuer.clients import GRANT_TYPES
from gateway.issuer.paths import (
    AUTHORIZATION_PATH,
    DEVICE_AUTHORIZATION_PATH,
    JWKS_PATH,
    LOGOUT_PATH,
    PUSHED_PATH,
    TOKEN_PATH,
)
from gateway.issuer.requests.authorization_request import ACR_LEVELS, PROMPTS
from gateway.issuer.requests.client_authentication import ASSERTION_ALGORITHM
from gateway.issuer.requests.granting import supported_scopes
from gateway.issuer.signing_keys import SigningAlgorithm


def oauth_metadata(issuer: str) -> dict[str, object]:
    """Return the authorization server metadata of RFC 8414 §2, RFC 8628 §4, RFC 9126 §5, RFC 9207.

    ``development_only`` is an addition of this issuer, for whoever reads it.
    """
    return {
        "issuer": issuer,
        "development_only": True,
        "authorization_endpoint": issuer + AUTHORIZATION_PATH,
        "token_endpoint": issuer + TOKEN_PATH,
        "device_authorization_endpoint": issuer + DEVICE_AUTHORIZATION_PATH,
        "pushed_authorization_request_endpoint": issuer + PUSHED_PATH,
        "jwks_uri": issuer + JWKS_PATH,
        "scopes_supported": list(supported_scopes()),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "require_pushed_authorization_requests": False,
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
            "none",
        ],
        "token_endpoint_auth_signing_alg_values_supported": [ASSERTION_ALGORITHM],
    }


def openid_metadata(issuer: str, algorithm: SigningAlgorithm) -> dict[str, object]:
    """Return the provider metadata of OpenID Connect Discovery §3, and of its logout extensions."""
    return {
        **oauth_metadata(issuer),
        "end_session_endpoint": issuer + LOGOUT_PATH,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [algorithm.value],
        "acr_values_supported": list(ACR_LEVELS),
        "prompt_values_supported": list(PROMPTS),
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "sid", "at_hash"),
            *("name", "preferred_username", "tenant"),
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
