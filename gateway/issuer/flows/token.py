"""The token endpoint (RFC 6749 §3.2)."""

from collections.abc import Mapping

from aiohttp import web

from gateway.issuer.clients import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    GRANT_TYPES,
    REFRESH_TOKEN,
    Client,
)
from gateway.issuer.flows.issuer import Issuer
from gateway.issuer.flows.messages import error_reply, json_reply, read_client_form
from gateway.issuer.requests.granting import OFFLINE_ACCESS, grant_to_client, narrow
from gateway.issuer.requests.parameters import OAuthError, Parameters
from gateway.issuer.requests.wishes import Wishes, read_wishes
from gateway.issuer.state.codes import CodeReused
from gateway.issuer.tokens.grant import Grant


class TokenFlow:
    """Gives tokens for what a client presents."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a token request with tokens, or with the error of RFC 6749 §5.2."""
        sent = await read_client_form(request, self._issuer.authenticator)
        members = sent if isinstance(sent, OAuthError) else self._answer_form(*sent)
        return error_reply(members) if isinstance(members, OAuthError) else json_reply(members)

    def _answer_form(self, client: Client, form: Parameters) -> Mapping[str, object] | OAuthError:
        grant_type = form.get("grant_type")
        if grant_type is None:
            return OAuthError("invalid_request", "grant_type is missing")
        if grant_type not in GRANT_TYPES:
            return OAuthError("unsupported_grant_type", "grant_type is not supported")
        if grant_type not in client.grant_types:
            return OAuthError("unauthorized_client", "the client may not use this grant_type")
        wishes = read_wishes(form)
        if isinstance(wishes, OAuthError):
            return wishes
        if grant_type == CLIENT_CREDENTIALS:
            grant = grant_to_client(client, wishes, self._issuer.default_audience)
            return grant if isinstance(grant, OAuthError) else self._tokens(grant)
        if grant_type == AUTHORIZATION_CODE:
            return self._for_code(client, form, wishes)
        if grant_type == REFRESH_TOKEN:
            return self._for_refresh_token(client, form, wishes)
        return self._for_device_code(client, form, wishes)

    def _for_code(
        self, client: Client, form: Parameters, wishes: Wishes
    ) -> Mapping[str, object] | OAuthError:
        code = form.get("code")
        if code is None:
            return OAuthError("invalid_request", "code is missing")
        issued = self._issuer.codes.redeem(
            code, client.client_id, form.get("redirect_uri"), form.get("code_verifier")
        )
        if isinstance(issued, CodeReused):
            # RFC 6749 §4.1.2: two have the code, and one of them stole it.
            self._issuer.refresh_tokens.revoke(issued.family)
            return OAuthError("invalid_grant", "the code was used before: what it gave is revoked")
        if isinstance(issued, OAuthError):
            return issued
        return self._first_tokens(client, issued.grant, wishes, issued.family)

    def _for_device_code(
        self, client: Client, form: Parameters, wishes: Wishes
    ) -> Mapping[str, object] | OAuthError:
        device_code = form.get("device_code")
        if device_code is None:
            return OAuthError("invalid_request", "device_code is missing")
        grant = self._issuer.devices.poll(device_code, client.client_id)
        if isinstance(grant, OAuthError):
            return grant
        return self._first_tokens(client, grant, wishes, family=device_code)

    def _first_tokens(
        self, client: Client, grant: Grant, wishes: Wishes, family: str
    ) -> Mapping[str, object] | OAuthError:
        narrowed = narrow(grant, wishes)
        if isinstance(narrowed, OAuthError):
            return narrowed
        if OFFLINE_ACCESS not in grant.scopes or REFRESH_TOKEN not in client.grant_types:
            return self._tokens(narrowed)
        return self._tokens(narrowed, self._issuer.refresh_tokens.start(grant, family))

    def _for_refresh_token(
        self, client: Client, form: Parameters, wishes: Wishes
    ) -> Mapping[str, object] | OAuthError:
        token = form.get("refresh_token")
        if token is None:
            return OAuthError("invalid_request", "refresh_token is missing")
        rotated = self._issuer.refresh_tokens.rotate(token, client.client_id)
        if isinstance(rotated, OAuthError):
            return rotated
        narrowed = narrow(rotated.grant, wishes)
        if isinstance(narrowed, OAuthError):
            return narrowed
        return self._tokens(narrowed, rotated.token)

    def _tokens(self, grant: Grant, refresh_token: str | None = None) -> Mapping[str, object]:
        access_token = self._issuer.signer.access_token(grant)
        members: dict[str, object] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": grant.lifetime_seconds,
            "scope": " ".join(grant.scopes),
        }
        if refresh_token is not None:
            members["refresh_token"] = refresh_token
        if "openid" in grant.scopes:
            members["id_token"] = self._issuer.signer.id_token(grant, access_token)
        return members
