"""The closed list of reasons for refusing a request.

A reason's code is a contract: it appears in logs, metrics, responses and users' own tests. Adding
one changes the contract, and is documented in ``docs/reasons.md``.
"""

from enum import Enum


class Reason(Enum):
    """One reason: *code* (stable, lower_snake), *status* (HTTP), *title* (public text)."""

    PATH_REJECTED = ("path_rejected", 400, "The path is not in canonical form")
    REQUEST_MALFORMED = ("request_malformed", 400, "The request is malformed")
    TOKEN_REPEATED = ("token_repeated", 400, "More than one credential was sent")
    LOGIN_FAILED = ("login_failed", 400, "The login did not succeed")

    TOKEN_MISSING = ("token_missing", 401, "An access token is required")
    LOGIN_REQUIRED = ("login_required", 401, "A login is required")
    TOKEN_MALFORMED = ("token_malformed", 401, "The access token is malformed")
    ALGORITHM_NOT_ALLOWED = ("algorithm_not_allowed", 401, "The token's algorithm is not allowed")
    KEY_UNKNOWN = ("key_unknown", 401, "The token's key is not known")
    SIGNATURE_INVALID = ("signature_invalid", 401, "The token's signature is not valid")
    TOKEN_EXPIRED = ("token_expired", 401, "The access token has expired")
    TOKEN_NOT_YET_VALID = ("token_not_yet_valid", 401, "The access token is not valid yet")
    ISSUER_UNKNOWN = ("issuer_unknown", 401, "The token's issuer is not trusted here")
    AUDIENCE_MISMATCH = ("audience_mismatch", 401, "The token is meant for another audience")
    TOKEN_TYPE_MISMATCH = ("token_type_mismatch", 401, "The token is not an access token")
    CLAIM_MISSING = ("claim_missing", 401, "The token lacks a required claim")
    CLAIM_MALFORMED = ("claim_malformed", 401, "A claim of the token is malformed")
    TOKEN_INACTIVE = ("token_inactive", 401, "The access token is not active")
    TOKEN_REVOKED = ("token_revoked", 401, "The access token was revoked")
    PROOF_INVALID = ("proof_invalid", 401, "The proof of possession is not valid")
    AUTHENTICATION_TOO_OLD = ("authentication_too_old", 401, "A fresh authentication is required")
    AUTHENTICATION_TOO_WEAK = (
        "authentication_too_weak",
        401,
        "A stronger authentication is required",
    )

    CSRF_REFUSED = ("csrf_refused", 403, "The request may come from another site's page")
    SCOPE_MISSING = ("scope_missing", 403, "The token lacks a required scope")
    CLAIM_RULE_FAILED = ("claim_rule_failed", 403, "The token does not satisfy a claim rule")
    TOKEN_EXCHANGE_REFUSED = (
        "token_exchange_refused",
        403,
        "The token may not be exchanged for one of the service",
    )
    ISSUER_NOT_ACCEPTED = ("issuer_not_accepted", 403, "The token's issuer is not accepted here")

    ROUTE_NOT_FOUND = ("route_not_found", 404, "No route matches the request")
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, "The method is not allowed here")
    REQUEST_TIMEOUT = ("request_timeout", 408, "The request did not arrive in time")
    BODY_TOO_LARGE = ("body_too_large", 413, "The request body is too large")
    TARGET_TOO_LONG = ("target_too_long", 414, "The request target is too long")
    LOGIN_MISDIRECTED = ("login_misdirected", 421, "Nobody can log in on this host")
    RATE_LIMITED = ("rate_limited", 429, "Too many requests")
    HEADERS_TOO_LARGE = ("headers_too_large", 431, "The request head is too large")

    INTERNAL_ERROR = ("internal_error", 500, "The gateway failed on this request")
    NOT_SUPPORTED = ("not_supported", 501, "The request asks for something not supported here")
    UPSTREAM_UNREACHABLE = ("upstream_unreachable", 502, "The service could not be reached")
    UPSTREAM_INVALID = ("upstream_invalid", 502, "The service sent an invalid response")
    UPSTREAM_UNAVAILABLE = ("upstream_unavailable", 503, "The service is not available")
    KEYS_UNAVAILABLE = ("keys_unavailable", 503, "The issuer's keys are not available")
    INTROSPECTION_UNAVAILABLE = (
        "introspection_unavailable",
        503,
        "The issuer does not say at the moment whether the token is active",
    )
    REVOCATIONS_UNAVAILABLE = (
        "revocations_unavailable",
        503,
        "Revoked tokens cannot be recognised at the moment",
    )
    SESSIONS_UNAVAILABLE = (
        "sessions_unavailable",
        503,
        "Sessions cannot be checked at the moment",
    )
    LOGIN_UNAVAILABLE = ("login_unavailable", 503, "The issuer does not respond at the moment")
    SERVICE_TOKEN_UNAVAILABLE = (
        "service_token_unavailable",
        503,
        "There is no token for the service at the moment",
    )
    TICKETS_UNAVAILABLE = ("tickets_unavailable", 503, "Tickets cannot be checked at the moment")
    LIMITS_UNAVAILABLE = ("limits_unavailable", 503, "Rate limits cannot be checked at the moment")
    OVERLOADED = ("overloaded", 503, "The gateway is overloaded")
    DRAINING = ("draining", 503, "The gateway is shutting down")
    UPSTREAM_TIMEOUT = ("upstream_timeout", 504, "The service did not respond in time")
    DEADLINE_EXCEEDED = ("deadline_exceeded", 504, "The deadline of the call has passed")

    def __init__(self, code: str, status: int, title: str) -> None:
        self.code = code
        self.status = status
        self.title = title

    # Reasons are compared by identity; Enum's own hash costs a Python call for every look-up of a
    # refusal.
    __hash__ = object.__hash__
