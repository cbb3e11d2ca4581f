"""The HTTP endpoints of the development issuer, all in one application."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gateway.issuer import paths
from gateway.issuer.clients import development_clients
from gateway.issuer.flows.authorization import AuthorizationFlow
from gateway.issuer.flows.device import DeviceFlow
from gateway.issuer.flows.issuer import Issuer
from gateway.issuer.flows.logout import LogoutFlow
from gateway.issuer.flows.logout_notices import LogoutNotices
from gateway.issuer.flows.messages import MAX_REQUEST_BYTES, page_reply
from gateway.issuer.flows.token import TokenFlow
from gateway.issuer.metadata import oauth_metadata, openid_metadata
from gateway.issuer.pages.front import render_front
from gateway.issuer.requests.client_authentication import ClientAuthenticator
from gateway.issuer.requests.wishes import MAX_LIFETIME_SECONDS
from gateway.issuer.signing_keys import SigningAlgorithm
from gateway.issuer.state.codes import AuthorizationCodes
from gateway.issuer.state.device_codes import (
    USER_CODE_ALPHABET,
    USER_CODE_LENGTH,
    DeviceCodes,
)
from gateway.issuer.state.refresh_tokens import RefreshTokens
from gateway.issuer.state.sessions import Sessions
from gateway.issuer.tokens.signer import TokenSigner

# A retired key stays published for as long as a token that it signed can live.
ROTATION_GRACE_SECONDS = MAX_LIFETIME_SECONDS

_AUTHENTICATED_PATHS = (paths.TOKEN_PATH, paths.PUSHED_PATH, paths.DEVICE_AUTHORIZATION_PATH)


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _new_user_code() -> str:
    return "".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(USER_CODE_LENGTH))


@dataclass(frozen=True, slots=True)
class IssuerTerms:
    """The parameters of an issuer: *clock* returns seconds, *new_token_id* each ``jti``.

    *new_secret* returns a string that nobody guesses, *new_user_code* one that people can type.
    """

    algorithm: SigningAlgorithm
    default_audience: str
    clock: Callable[[], float]
    new_token_id: Callable[[], str]
    new_secret: Callable[[], str] = _new_secret
    new_user_code: Callable[[], str] = _new_user_code


class Endpoints:
    """The endpoints of one issuer, its keys, and all that it remembers."""

    def __init__(self, issuer: str, terms: IssuerTerms) -> None:
        self._issuer = issuer
        self._algorithm = terms.algorithm
        self._jobs_key = generate_private_key(SECP256R1())
        self._clients = development_clients(self._jobs_key.public_key())
        self._signer = TokenSigner(
            issuer, terms.algorithm, terms.clock, terms.new_token_id, ROTATION_GRACE_SECONDS
        )
        shared = self._share(terms)
        self._authorization = AuthorizationFlow(shared)
        self._token = TokenFlow(shared)
        self._device = DeviceFlow(shared)
        self._logout = LogoutFlow(shared)

    def _share(self, terms: IssuerTerms) -> Issuer:
        audiences = [self._issuer, *(self._issuer + path for path in _AUTHENTICATED_PATHS)]
        clock, new_secret = terms.clock, terms.new_secret
        return Issuer(
            url=self._issuer,
            default_audience=terms.default_audience,
            clients=self._clients,
            clock=clock,
            new_secret=new_secret,
            authenticator=ClientAuthenticator(self._clients, audiences, clock),
            signer=self._signer,
            sessions=Sessions(clock, new_secret),
            notices=LogoutNotices(self._signer),
            codes=AuthorizationCodes(clock, new_secret),
            refresh_tokens=RefreshTokens(clock, new_secret),
            devices=DeviceCodes(clock, new_secret, terms.new_user_code),
        )

    def application(self) -> web.Application:
        """Return the aiohttp application that serves all endpoints."""
        application = web.Application(
            client_max_size=MAX_REQUEST_BYTES, middlewares=[_refuse_other_hosts]
        )
        application.add_routes(
            [
                web.get("/", self._answer_front),
                web.get(paths.OPENID_PATH, self._answer_openid_metadata),
                web.get(paths.OAUTH_PATH, self._answer_oauth_metadata),
                web.get(paths.JWKS_PATH, self._answer_jwks),
                web.get(paths.AUTHORIZATION_PATH, self._authorization.authorize),
                web.post(paths.AUTHORIZATION_PATH, self._authorization.authorize),
                web.post(paths.CONSENT_PATH, self._authorization.answer),
                web.post(paths.PUSHED_PATH, self._authorization.push),
                web.post(paths.TOKEN_PATH, self._token.answer),
                web.post(paths.DEVICE_AUTHORIZATION_PATH, self._device.begin),
                web.get(paths.DEVICE_PATH, self._device.show),
                web.post(paths.DEVICE_ANSWER_PATH, self._device.answer),
                web.get(paths.LOGOUT_PATH, self._logout.log_out),
                web.post(paths.LOGOUT_PATH, self._logout.log_out),
                web.post(paths.LOGOUT_ANSWER_PATH, self._logout.answer),
                web.post(paths.END_SESSIONS_PATH, self._logout.end_sessions),
                web.post(paths.ROTATE_PATH, self._answer_rotate),
                web.get(paths.JOBS_KEY_PATH, self._answer_jobs_key),
            ]
        )
        return application

    def rotate(self) -> str:
        """Sign with a new key from now on; return its ``kid``."""
        return self._signer.rotate()

    async def _answer_front(self, _: web.Request) -> web.Response:
        endpoints = {
            "metadata": self._issuer + paths.OPENID_PATH,
            "a device's code": self._issuer + paths.DEVICE_PATH,
            "log out": self._issuer + paths.LOGOUT_PATH,
            "private key of jobs": self._issuer + paths.JOBS_KEY_PATH,
            "POST: a new signing key": self._issuer + paths.ROTATE_PATH,
            "POST: end all sessions": self._issuer + paths.END_SESSIONS_PATH,
        }
        return page_reply(render_front(self._clients, endpoints))

    async def _answer_openid_metadata(self, _: web.Request) -> web.Response:
        return web.json_response(openid_metadata(self._issuer, self._algorithm))

    async def _answer_oauth_metadata(self, _: web.Request) -> web.Response:
        return web.json_response(oauth_metadata(self._issuer))

    async def _answer_jwks(self, _: web.Request) -> web.Response:
        jwks = self._signer.published_jwks()
        return web.json_response(jwks, content_type="application/jwk-set+json")

    async def _answer_rotate(self, _: web.Request) -> web.Response:
        kid = self.rotate()
        return web.json_response({"kid": kid, "old_key_published_seconds": ROTATION_GRACE_SECONDS})

    async def _answer_jobs_key(self, _: web.Request) -> web.Response:
        pem = self._jobs_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return web.Response(
            body=pem, content_type="application/x-pem-file", headers={"Cache-Control": "no-store"}
        )


@web.middleware
async def _refuse_other_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer by the names of this machine alone.

    A page elsewhere whose name was made to mean 127.0.0.1 (DNS rebinding) could otherwise log in.
    """
    host = request.host.rpartition(":")[0] if _has_port(request.host) else request.host
    if host == "localhost" or _is_loopback(host.strip("[]")):
        return await handler(request)
    return web.Response(status=421, text="development only: it is reached as 127.0.0.1\n")


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
