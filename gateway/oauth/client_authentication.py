"""Authenticate as a client: by secret, by signature, or not at all (RFC 6749 §2.3, RFC 7523)."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import floor
from typing import Final, assert_never
from urllib.parse import quote_plus

from gateway.assertion.signer import signer
from gateway.oauth.form import Form
from gateway.settings.values.clients import ClientAuthentication, OAuthClient

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# RFC 7523bis §4 (draft-ietf-oauth-rfc7523bis): nobody takes it for another kind of token.
TYPE: Final = "client-authentication+jwt"

# It is used at once; the rest is for clocks that differ.
LIFETIME_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves a client to the server: header fields, parameters, and what of it is secret."""

    headers: Mapping[str, str] = field(repr=False)
    form: Form = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


def authenticate(
    client: OAuthClient, issuer: str, now: float, make_id: Callable[[], str]
) -> Credentials:
    """Return the credentials of *client* for one request at *now* to the server *issuer*.

    *make_id* makes the `jti` of an assertion. A client that does not authenticate says its
    `client_id` (RFC 6749 §3.2.1); one that does uses one method only (§2.3).
    """
    match client.method:
        case ClientAuthentication.NONE:
            return Credentials({}, (("client_id", client.client_id),), ())
        case ClientAuthentication.BASIC:
            return _basic(client.client_id, client.secret or "")
        case ClientAuthentication.POST:
            secret = client.secret or ""
            form = (("client_id", client.client_id), ("client_secret", secret))
            return Credentials({}, form, (secret,))
        case ClientAuthentication.PRIVATE_KEY_JWT:
            return _signed(client, issuer, now, make_id)
        case _:
            assert_never(client.method)


def _basic(client_id: str, secret: str) -> Credentials:
    # RFC 6749 §2.3.1: each half is form-encoded first; without it a colon in the client ID, or a
    # plus sign in the secret, would mean something else.
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    value = b64encode(pair.encode("ascii")).decode("ascii")
    return Credentials({"Authorization": f"Basic {value}"}, (), (secret, value))


def _signed(
    client: OAuthClient, issuer: str, now: float, make_id: Callable[[], str]
) -> Credentials:
    """Return an assertion signed with the client's key.

    Its audience is the issuer identifier alone, and not the URL of an endpoint as RFC 7523 §3 has
    it: metadata of a hostile server could name another server's endpoint, and have us sign what
    proves us there (RFC 7523bis §4).
    """
    assert client.key is not None  # noqa: S101 - the configuration has one for this method
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": issuer,
        "iat": floor(now),
        "exp": floor(now) + LIFETIME_SECONDS,
        "jti": make_id(),
    }
    assertion = signer(client.key, TYPE)(claims).decode("ascii")
    form = (("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion))
    return Credentials({}, form, (assertion,))
