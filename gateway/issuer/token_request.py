"""Read a token request: return the grant, or the error of RFC 6749 §5.2."""

import binascii
import hmac
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from gateway.issuer.access_token import Grant
from gateway.issuer.personas import Persona, find_persona

DEFAULT_LIFETIME_SECONDS = 3600
MAX_LIFETIME_SECONDS = 24 * 3600

# RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by single spaces.
_SCOPE = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")

# RFC 8707 §2 allows `resource` more than once; nothing else may repeat (RFC 6749 §3.2).
_REPEATABLE = frozenset({"resource"})


@dataclass(frozen=True, slots=True)
class TokenError:
    """A refusal: *code* is from RFC 6749 §5.2 or RFC 8707 §2.

    *challenge* adds a ``WWW-Authenticate`` field, required if the client tried HTTP Basic.
    """

    code: str
    description: str
    status: int = 400
    challenge: bool = False


@dataclass(frozen=True, slots=True)
class _Credentials:
    client_id: str
    client_secret: str
    by_header: bool


def read_token_request(
    authorization: Sequence[str], form: Sequence[tuple[str, str]], default_audience: str
) -> Grant | TokenError:
    """Return the grant for a client credentials request (RFC 6749 §4.4), or the error.

    *authorization* holds every Authorization field, *form* the decoded body in order.
    """
    # RFC 6749 §3.2: a parameter without a value counts as not sent.
    sent = [(name, value) for name, value in form if value]
    names = [name for name, _ in sent if name not in _REPEATABLE]
    if len(names) != len(set(names)):
        return TokenError("invalid_request", "a parameter is repeated")
    parameters = dict(sent)
    persona = _authenticate(authorization, parameters)
    if isinstance(persona, TokenError):
        return persona
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        return TokenError("invalid_request", "grant_type is missing")
    if grant_type != "client_credentials":
        return TokenError("unsupported_grant_type", "only client_credentials is supported")
    scopes = _read_scopes(parameters.get("scope"), persona)
    if isinstance(scopes, TokenError):
        return scopes
    resources = [value for name, value in sent if name == "resource"]
    audiences = _read_audiences(resources, parameters.get("audience"), default_audience)
    if isinstance(audiences, TokenError):
        return audiences
    lifetime_seconds = _read_lifetime(parameters.get("expires_in"))
    if isinstance(lifetime_seconds, TokenError):
        return lifetime_seconds
    return Grant(persona, audiences, scopes, lifetime_seconds)


def _authenticate(authorization: Sequence[str], parameters: dict[str, str]) -> Persona | TokenError:
    credentials = _read_credentials(authorization, parameters)
    if isinstance(credentials, TokenError):
        return credentials
    persona = find_persona(credentials.client_id)
    known_secret = persona.client_secret if persona else ""
    same = hmac.compare_digest(known_secret.encode(), credentials.client_secret.encode())
    if persona is None or not same:
        return _invalid_client("the client or its secret is not known", credentials.by_header)
    return persona


def _read_credentials(
    authorization: Sequence[str], parameters: dict[str, str]
) -> _Credentials | TokenError:
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if len(authorization) > 1 or (authorization and secret is not None):
        # RFC 6749 §2.3: no more than one authentication method in a request.
        return TokenError("invalid_request", "the client authenticates more than once")
    if not authorization:
        if client_id is None or secret is None:
            return _invalid_client("the client does not authenticate", by_header=False)
        return _Credentials(client_id, secret, by_header=False)
    credentials = _read_basic(authorization[0])
    if credentials is None:
        return _invalid_client("not of the form: Basic <credentials>", by_header=True)
    if client_id not in (None, credentials.client_id):
        return TokenError("invalid_request", "client_id is not the one that authenticates")
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


def _invalid_client(description: str, by_header: bool) -> TokenError:
    return TokenError("invalid_client", description, status=401, challenge=by_header)


def _read_scopes(asked: str | None, persona: Persona) -> tuple[str, ...] | TokenError:
    if asked is None:
        return persona.scopes
    if not _SCOPE.fullmatch(asked):
        return TokenError("invalid_scope", "scope is not a list parted by single spaces")
    scopes = tuple(dict.fromkeys(asked.split(" ")))
    if not set(scopes) <= set(persona.scopes):
        return TokenError("invalid_scope", "the client may not have every scope it asks for")
    return scopes


def _read_audiences(
    resources: Sequence[str], audience: str | None, default: str
) -> tuple[str, ...] | TokenError:
    for resource in resources:
        if not _is_absolute_uri(resource):
            # RFC 8707 §2: an absolute URI without a fragment.
            return TokenError("invalid_target", "resource is not an absolute URI")
    named = (*resources, audience) if audience else tuple(resources)
    return tuple(dict.fromkeys(named)) or (default,)


def _is_absolute_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or parts.path) and "#" not in text


def _read_lifetime(asked: str | None) -> int | TokenError:
    if asked is None:
        return DEFAULT_LIFETIME_SECONDS
    if not re.fullmatch(r"[0-9]{1,6}", asked) or not 1 <= int(asked) <= MAX_LIFETIME_SECONDS:
        return TokenError(
            "invalid_request", f"expires_in is not within 1 and {MAX_LIFETIME_SECONDS} seconds"
        )
    return int(asked)
