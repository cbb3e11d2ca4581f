"""The HTTP endpoints of the development issuer, and the metadata by which clients find them."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.issuer.access_token import sign_access_token
from gateway.issuer.personas import all_scopes
from gateway.issuer.signing_keys import KeyRing, SigningAlgorithm, make_signing_key
from gateway.issuer.token_request import (
    MAX_LIFETIME_SECONDS,
    TokenError,
    read_token_request,
)

# Where clients look for metadata: OpenID Connect Discovery §4, RFC 8414 §3.
OPENID_PATH = "/.well-known/openid-configuration"
OAUTH_PATH = "/.well-known/oauth-authorization-server"
JWKS_PATH = "/jwks"
TOKEN_PATH = "/token"  # noqa: S105 - a path, not a secret
ROTATE_PATH = "/rotate"

# A retired key stays published for as long as a token that it signed can live.
ROTATION_GRACE_SECONDS = MAX_LIFETIME_SECONDS

_MAX_REQUEST_BYTES = 16 * 1024
_MAX_PARAMETERS = 32

# RFC 6749 §5.1: a response that holds a token must not be cached.
_UNSTORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_NOTICE = """\
JWT Gateway development issuer: development only.

It gives tokens to anyone who asks and keeps its keys in memory.
It is bound to loopback; never trust it from a gateway that guards something real.
"""


@dataclass(frozen=True, slots=True)
class IssuerTerms:
    """The parameters of an issuer: *clock* returns seconds, *new_token_id* each ``jti``."""

    algorithm: SigningAlgorithm
    default_audience: str
    clock: Callable[[], float]
    new_token_id: Callable[[], str]


class Endpoints:
    """The endpoints of one issuer, and its keys."""

    def __init__(self, issuer: str, terms: IssuerTerms) -> None:
        self._issuer = issuer
        self._terms = terms
        self._ring = KeyRing(make_signing_key(terms.algorithm))

    def application(self) -> web.Application:
        """Return the aiohttp application that serves all endpoints."""
        application = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        application.add_routes(
            [
                web.get("/", self._answer_notice),
                web.get(OPENID_PATH, self._answer_openid_metadata),
                web.get(OAUTH_PATH, self._answer_oauth_metadata),
                web.get(JWKS_PATH, self._answer_jwks),
                web.post(TOKEN_PATH, self._answer_token),
                web.post(ROTATE_PATH, self._answer_rotate),
            ]
        )
        return application

    def rotate(self) -> str:
        """Sign with a new key from now on; return its ``kid``."""
        new = make_signing_key(self._terms.algorithm)
        self._ring = self._ring.rotate(new, self._terms.clock(), ROTATION_GRACE_SECONDS)
        return new.kid

    async def _answer_notice(self, _: web.Request) -> web.Response:
        return web.Response(text=_NOTICE)

    async def _answer_openid_metadata(self, _: web.Request) -> web.Response:
        return web.json_response(openid_metadata(self._issuer))

    async def _answer_oauth_metadata(self, _: web.Request) -> web.Response:
        return web.json_response(oauth_metadata(self._issuer))

    async def _answer_jwks(self, _: web.Request) -> web.Response:
        jwks = self._ring.published_jwks(self._terms.clock())
        return web.json_response(jwks, content_type="application/jwk-set+json")

    async def _answer_rotate(self, _: web.Request) -> web.Response:
        kid = self.rotate()
        return web.json_response({"kid": kid, "old_key_published_seconds": ROTATION_GRACE_SECONDS})

    async def _answer_token(self, request: web.Request) -> web.Response:
        form = await _read_form(request)
        if isinstance(form, TokenError):
            return self._answer_error(form)
        authorization = request.headers.getall("Authorization", [])
        grant = read_token_request(authorization, form, self._terms.default_audience)
        if isinstance(grant, TokenError):
            return self._answer_error(grant)
        now_seconds = int(self._terms.clock())
        token_id = self._terms.new_token_id()
        token = sign_access_token(grant, self._ring.current, self._issuer, now_seconds, token_id)
        body: dict[str, object] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": grant.lifetime_seconds,
            "scope": " ".join(grant.scopes),
        }
        return web.json_response(body, headers=_UNSTORED)

    def _answer_error(self, error: TokenError) -> web.Response:
        headers = dict(_UNSTORED)
        if error.challenge:
            headers["WWW-Authenticate"] = 'Basic realm="development issuer"'
        body = {"error": error.code, "error_description": error.description}
        return web.json_response(body, status=error.status, headers=headers)


async def _read_form(request: web.Request) -> list[tuple[str, str]] | TokenError:
    if request.content_type != "application/x-www-form-urlencoded":
        return TokenError("invalid_request", "the body is not application/x-www-form-urlencoded")
    body = await request.read()
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except ValueError:
        return TokenError("invalid_request", "the body is not a form")


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
