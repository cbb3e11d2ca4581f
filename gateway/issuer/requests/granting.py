"""What a client is granted of what it wishes."""

from dataclasses import replace

from gateway.issuer.clients import Client
from gateway.issuer.personas import Persona, all_scopes
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.requests.wishes import DEFAULT_LIFETIME_SECONDS, Wishes
from gateway.issuer.tokens.grant import Authentication, Grant

OFFLINE_ACCESS = "offline_access"

# Scopes that any person may grant; they open no service.
IDENTITY_SCOPES = ("openid", "profile", OFFLINE_ACCESS)


def supported_scopes() -> tuple[str, ...]:
    """Return every scope that somebody may be granted here."""
    return (*IDENTITY_SCOPES, *all_scopes())


def find_unknown_scopes(wishes: Wishes) -> OAuthError | None:
    """Return the error for scopes that nobody can be granted here."""
    if set(wishes.scopes or ()) <= set(supported_scopes()):
        return None
    return OAuthError("invalid_scope", "scope has a value that is not in scopes_supported")


def grant_to_client(client: Client, wishes: Wishes, default_audience: str) -> Grant | OAuthError:
    """Return what *client* gets by client credentials (RFC 6749 §4.4), or the error."""
    if client.persona is None:
        return OAuthError("unauthorized_client", "the client has no scopes of its own")
    scopes = client.persona.scopes if wishes.scopes is None else wishes.scopes
    if not set(scopes) <= set(client.persona.scopes):
        return OAuthError("invalid_scope", "the client may not have every scope it asks for")
    return Grant(
        client.client_id,
        client.persona,
        wishes.audiences or (default_audience,),
        scopes,
        wishes.lifetime_seconds or DEFAULT_LIFETIME_SECONDS,
    )


def grant_by_person(
    client: Client,
    persona: Persona,
    authentication: Authentication,
    wishes: Wishes,
    default_audience: str,
) -> Grant:
    """Return what *client* gets when *persona* allows it: of the scopes asked, those they hold."""
    allowed = (*IDENTITY_SCOPES, *persona.scopes)
    asked = persona.scopes if wishes.scopes is None else wishes.scopes
    return Grant(
        client.client_id,
        persona,
        wishes.audiences or (default_audience,),
        tuple(scope for scope in asked if scope in allowed),
        wishes.lifetime_seconds or DEFAULT_LIFETIME_SECONDS,
        authentication,
    )


def narrow(grant: Grant, wishes: Wishes) -> Grant | OAuthError:
    """Return *grant* with no more than a later token request wishes (RFC 6749 §6, RFC 8707 §2.2).

    Its lifetime may be chosen anew: that is what tests of expiry need.
    """
    scopes = grant.scopes if wishes.scopes is None else wishes.scopes
    if not set(scopes) <= set(grant.scopes):
        return OAuthError("invalid_scope", "scope is more than was granted")
    audiences = wishes.audiences or grant.audiences
    if not set(audiences) <= set(grant.audiences):
        return OAuthError("invalid_target", "resource is not one that was granted")
    lifetime_seconds = wishes.lifetime_seconds or grant.lifetime_seconds
    return replace(grant, scopes=scopes, audiences=audiences, lifetime_seconds=lifetime_seconds)
