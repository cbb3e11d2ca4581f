"""Which client sends a request, and whether it proves it (RFC 6749 §2.3, RFC 7523)."""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

import jwt

from gateway.issuer.clients import Client
from gateway.issuer.expiring import ExpiringTable
from gateway.issuer.requests.parameters import OAuthError, Parameters

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHM = "ES256"

# An assertion is made for one request: minutes cover clocks that differ.
_MAX_ASSERTION_SECONDS = 600
_MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Credentials:
    client_id: str
    secret: str | None = field(default=None, repr=False)
    by_header: bool = False


class ClientAuthenticator:
    """Finds the client of a request among *clients*.

    *audiences* are what an assertion may be addressed to: the issuer or one of its endpoints.
    *clock* returns seconds since the epoch.
    """

    def __init__(
        self,
        clients: Mapping[str, Client],
        audiences: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        self._clients = clients
        self._audiences = tuple(audiences)
        self._clock = clock
        self._used_assertions = ExpiringTable[tuple[str, str], bool](_MAX_REMEMBERED, clock)

    def authenticate(
        self, authorization: Sequence[str], parameters: Parameters
    ) -> Client | OAuthError:
        """Return the client, or the error of RFC 6749 §5.2.

        *authorization* holds every Authorization field. A public client only names itself.
        """
        assertion = parameters.get("client_assertion")
        if assertion is None:
            credentials = _read_credentials(authorization, parameters)
            if isinstance(credentials, OAuthError):
                return credentials
            return self._check_secret(credentials)
        if authorization or parameters.get("client_secret") is not None:
            return _TWO_METHODS
        if parameters.get("client_assertion_type") != ASSERTION_TYPE:
            return OAuthError("invalid_request", "client_assertion_type is not supported")
        return self._check_assertion(assertion, parameters.get("client_id"))

    def _check_secret(self, credentials: _Credentials) -> Client | OAuthError:
        client = self._clients.get(credentials.client_id)
        if client is not None and client.is_public and credentials.secret is None:
            return client
        known = client.secret if client else None
        same = hmac.compare_digest((known or "").encode(), (credentials.secret or "").encode())
        if client is None or known is None or not same:
            return _invalid_client("the client or its secret is not known", credentials.by_header)
        return client

    def _check_assertion(self, assertion: str, client_id: str | None) -> Client | OAuthError:
        """Check a JWT of the client (RFC 7523 §3); each is good for one request."""
        client = self._clients.get(client_id or _read_issuer(assertion))
        if client is None or client.public_key is None:
            return _invalid_client("the client or its key is not known")
        try:
            claims = jwt.decode(
                assertion,
                client.public_key,
                algorithms=[ASSERTION_ALGORITHM],
                issuer=client.client_id,
                audience=self._audiences,
                subject=client.client_id,
                # The clock is the issuer's own, so that tests can move it.
                options={
                    "require": ["iss", "sub", "aud", "exp", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError:
            return _invalid_client("client_assertion does not verify")
        remaining_seconds = _seconds_until(claims["exp"], self._clock())
        if not 0 < remaining_seconds <= _MAX_ASSERTION_SECONDS:
            return _invalid_client("client_assertion has expired, or lives too long")
        used = (client.client_id, str(claims["jti"]))
        if self._used_assertions.get(used):
            return _invalid_client("client_assertion was used before")
        self._used_assertions.put(used, True, remaining_seconds)
        return client


_TWO_METHODS = OAuthError("invalid_request", "the client authenticates more than once")


def _read_credentials(
    authorization: Sequence[str], parameters: Parameters
) -> _Credentials | OAuthError:
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if len(authorization) > 1 or (authorization and secret is not None):
        # RFC 6749 §2.3: no more than one authentication method in a request.
        return _TWO_METHODS
    if not authorization:
        if client_id is None:
            return _invalid_client("the client does not authenticate")
        return _Credentials(client_id, secret)
    credentials = _read_basic(authorization[0])
    if credentials is None:
        return _invalid_client("not of the form: Basic <credentials>", by_header=True)
    if client_id not in (None, credentials.client_id):
        return OAuthError("invalid_request", "client_id is not the one that authenticates")
    return credentials


def _read_basic(authorization: str) -> _Credentials | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    client_id, colon, secret = text.partition(":")
    if not colon:
        return None
    # RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    return _Credentials(unquote_plus(client_id), unquote_plus(secret), by_header=True)


def _read_issuer(assertion: str) -> str:
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return ""
    return str(claims.get("iss", ""))


def _seconds_until(expiry: object, now: float) -> float:
    return expiry - now if isinstance(expiry, int | float) else 0.0


def _invalid_client(description: str, by_header: bool = False) -> OAuthError:
    return OAuthError("invalid_client", description, status=401, challenge=by_header)
