"""An authorization server that asks nobody: each authorization request is granted at once.

Every proxy logs in here before the load begins. It issues a code, and for the code an RS256
access token and an ID token, both valid for a day: longer than any row takes. Each login is that of
another person, for proxies limit the sessions of one.
"""

import secrets
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "web", "benchmark-only-web-secret-0123456789abcdef"
SCOPES = "openid orders:read"
LIFETIME_SECONDS = 86_400


class Provider:
    """The endpoints, and the codes that were issued and not yet used."""

    def __init__(self, issuer: str, folder: Path) -> None:
        self._issuer = issuer
        # As an object: to read it takes longer than to sign with it.
        pem = (folder / "RS256.pem").read_bytes()
        key = serialization.load_pem_private_key(pem, password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key
        self._jwks = (folder / "jwks.json").read_text()
        self._nonces: dict[str, str | None] = {}  # by code

    def app(self) -> web.Application:
        """Return the application that serves the endpoints."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._metadata)
        app.router.add_get("/jwks", self._keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        return app

    async def _metadata(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "jwks_uri": f"{self._issuer}/jwks",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _keys(self, _: web.Request) -> web.Response:
        return web.Response(text=self._jwks, content_type="application/json")

    async def _authorize(self, request: web.Request) -> web.Response:
        query = request.query
        code = secrets.token_urlsafe(24)
        self._nonces[code] = query.get("nonce")
        answer = {"code": code, "state": query["state"], "iss": self._issuer}
        target = query["redirect_uri"]
        joint = "&" if "?" in target else "?"
        return web.Response(status=302, headers={"Location": target + joint + urlencode(answer)})

    async def _token(self, request: web.Request) -> web.Response:
        form = parse_qs(await request.text())
        code = form.get("code", [""])[0]
        if code not in self._nonces:
            return web.json_response({"error": "invalid_grant"}, status=400)
        nonce = self._nonces.pop(code)
        now_seconds = int(time.time())
        subject = f"user-{secrets.token_hex(8)}"
        claims = self._claims(subject, now_seconds)
        identity = claims | {"aud": CLIENT_ID, "auth_time": now_seconds}
        identity |= {} if nonce is None else {"nonce": nonce}
        return web.json_response(
            {
                "access_token": self.access_token(subject),
                "id_token": self._sign(identity, "JWT"),
                "token_type": "Bearer",
                "expires_in": LIFETIME_SECONDS,
                "scope": SCOPES,
            }
        )

    def access_token(self, subject: str) -> str:
        """Return a new access token for *subject*, as one is issued for a code."""
        more = {"aud": "api", "client_id": CLIENT_ID, "jti": secrets.token_hex(16)}
        return self._sign(self._claims(subject, int(time.time())) | more, "at+jwt")

    def _claims(self, subject: str, now_seconds: int) -> dict[str, Any]:
        return {
            "iss": self._issuer,
            "sub": subject,
            "iat": now_seconds,
            "exp": now_seconds + LIFETIME_SECONDS,
            # In the ID token, too: mod_auth_openidc requires scopes of that one.
            "scope": SCOPES,
        }

    def _sign(self, claims: dict[str, Any], kind: str) -> str:
        return jwt.encode(claims, self._key, "RS256", headers={"kid": "RS256", "typ": kind})


if __name__ == "__main__":
    own_port = int(sys.argv[1])
    web.run_app(
        Provider(f"http://127.0.0.1:{own_port}", Path(sys.argv[2])).app(),
        host="127.0.0.1",
        port=own_port,
        print=None,
    )
