"""Recognise other kinds of JWT from the same issuer, which must not pass as access tokens.

RFC 8725 §3.12: if no type distinguishes them, their claims do.
"""

from collections.abc import Mapping

from gateway.decision.policy import ID_TOKEN_CLAIMS, OTHER_KINDS, Issuer

_NAMES = (*OTHER_KINDS, *ID_TOKEN_CLAIMS)

# Keycloak's `typ`; `Bearer` is an access token.
_KEYCLOAK_KINDS = ("ID", "Refresh", "Offline", "Logout")


def find_other_kind(
    payload: Mapping[str, object],
    issuer: Issuer,
    audiences: frozenset[str],
    scopes: tuple[str, ...],
) -> str | None:
    """Return the claim or the signal by which this is another kind of JWT, or None.

    Claims of ID tokens and events count by their names alone: a null nonce does not turn an ID
    token into an access token.
    """
    if not issuer.kind_claims.isdisjoint(payload):
        return next(name for name in _NAMES if name in payload and name in issuer.kind_claims)
    signals = issuer.id_token_signals
    if payload.get("token_use") == "id" and "token_use" in signals:
        return "token_use"
    # A tuple, not a set: the claim may be a list.
    if payload.get("typ") in _KEYCLOAK_KINDS and "typ" in signals:
        return "typ"
    if not scopes and "azp" in signals and _is_of_client(payload, audiences):
        return "azp"
    return None


def _is_of_client(payload: Mapping[str, object], audiences: frozenset[str]) -> bool:
    """Return whether the only audience is the client itself (OpenID Connect Core §2)."""
    if len(audiences) != 1:
        return False
    return not audiences.isdisjoint(
        client
        for client in (payload.get("azp"), payload.get("client_id"))
        if isinstance(client, str)
    )
