"""Ask one authorization server for tokens, as one client of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeVar

from aiohttp import ClientSession

from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.fetching.document import FetchFailed
from gateway.fetching.post import MAX_RESPONSE_BYTES, FormRequest, Posted, post_form
from gateway.fetching.reach import DIRECT, Reach
from gateway.fetching.shown_url import show_url
from gateway.oauth.client_authentication import authenticate
from gateway.oauth.fault import OAuthFault, invalid_response, server_error, unavailable
from gateway.oauth.form import Form, add_query, encode_form
from gateway.oauth.metadata import Endpoints
from gateway.oauth.responses import (
    DeviceAuthorization,
    PushedRequest,
    TokenResponse,
    read_device,
    read_pushed,
    read_tokens,
)
from gateway.settings.values.clients import OAuthClient

R = TypeVar("R")

# Parameters that nobody but the server may learn.
_SECRET: Final = frozenset(
    {
        *("client_secret", "client_assertion", "code", "code_verifier", "refresh_token"),
        *("device_code", "subject_token", "actor_token", "assertion", "password", "token"),
        *("state", "nonce", "id_token_hint"),
    }
)

# Besides errors of the server: too slow, too early, too often. The request itself is good.
_LATER: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)

_MAX_RETRY_AFTER_SECONDS: Final = 3600.0

# What a server says about a token: more claims than any gateway tests.
MAX_ANSWER_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """The *url* of a page where a person consents; a pushed request only lives for some time."""

    url: str
    expires_in_seconds: float | None = None


class AuthorizationServer:
    """One authorization server, as *client* may use it.

    *now* returns seconds since the epoch, *make_id* the ids of client assertions. Each request
    takes at most *timeout_seconds*. Whatever goes wrong outside is an OAuthFault.
    """

    def __init__(  # noqa: PLR0913 - what it is made of, named by every caller
        self,
        endpoints: Endpoints,
        client: OAuthClient,
        session: ClientSession,
        *,
        now: Callable[[], float],
        make_id: Callable[[], str],
        timeout_seconds: float,
        reach: Reach = DIRECT,
    ) -> None:
        self.endpoints = endpoints
        self.client = client
        self._session = session
        self._now = now
        self._make_id = make_id
        self._timeout_seconds = timeout_seconds
        self._reach = reach

    async def tokens(self, grant: Form) -> TokenResponse | OAuthFault:
        """Return the tokens for *grant*, the parameters of a token request with `grant_type`."""
        return await self._ask(self.endpoints.token, "token_endpoint", grant, (200,), read_tokens)

    async def exchange_code(
        self, code: str, redirect_uri: str, verifier: str, more: Form = ()
    ) -> TokenResponse | OAuthFault:
        """Return the tokens for *code* (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
        form = (
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        )
        return await self.tokens((*form, *more))

    async def refresh(self, refresh_token: str, more: Form = ()) -> TokenResponse | OAuthFault:
        """Return new tokens for *refresh_token* (RFC 6749 §6); it may be used up then."""
        form = (("grant_type", "refresh_token"), ("refresh_token", refresh_token))
        return await self.tokens((*form, *more))

    async def revoke(self, token: str) -> OAuthFault | None:
        """Revoke *token*, of whichever kind (RFC 7009); return why it failed, or None."""
        endpoint = self.endpoints.revocation
        if endpoint is None:
            return self._lacks("revocation_endpoint")
        posted = await self._post(endpoint, (("token", token),), (200,))
        return posted if isinstance(posted, OAuthFault) else None

    async def introspect(self, token: str, media_type: str) -> bytes | OAuthFault:
        """Return what the server says about an access *token*, as *media_type* (RFC 7662 §2.1).

        Another media type is a fault: a server that was asked for a signed answer may not fall
        back to one that is not (RFC 9701 §5).
        """
        endpoint = self.endpoints.introspection
        if endpoint is None:
            return self._lacks("introspection_endpoint")
        form = (("token", token), ("token_type_hint", "access_token"))
        accept = {"Accept": media_type}
        posted = await self._post(endpoint, form, (200,), accept, MAX_ANSWER_BYTES)
        if isinstance(posted, OAuthFault):
            return posted
        if _media_type(posted) != media_type:
            return invalid_response(f"{show_url(endpoint)}: the response is not {media_type}")
        return posted.body

    async def authorize_device(self, form: Form) -> DeviceAuthorization | OAuthFault:
        """Return what a device shows to its user; *form* has `scope` and more (RFC 8628 §3.1)."""
        endpoint = self.endpoints.device_authorization
        return await self._ask(
            endpoint, "device_authorization_endpoint", self._named(form), (200,), read_device
        )

    async def push(self, form: Form) -> PushedRequest | OAuthFault:
        """Return what stands for the authorization request *form* (RFC 9126 §2)."""
        endpoint = self.endpoints.pushed_authorization_request
        name = "pushed_authorization_request_endpoint"
        # RFC 9126 §2.2 says 201; some servers of before it say 200.
        return await self._ask(endpoint, name, self._named(form), (200, 201), read_pushed)

    async def authorization_url(self, form: Form) -> str | OAuthFault:
        """Return the URL of ``ask_for_consent``, for a browser that goes there at once."""
        page = await self.ask_for_consent(form)
        return page if isinstance(page, OAuthFault) else page.url

    async def ask_for_consent(self, form: Form) -> ConsentPage | OAuthFault:
        """Return where a person consents to the authorization request *form*.

        The request is pushed if the server offers that (RFC 9126): then the URL tells nobody what
        is asked for, and nobody can change it on its way.
        """
        endpoint = self.endpoints.authorization
        if endpoint is None:
            return self._lacks("authorization_endpoint")
        if self.endpoints.pushed_authorization_request is None:
            if self.endpoints.requires_push:
                return self._lacks("pushed_authorization_request_endpoint")
            return ConsentPage(add_query(endpoint, form))
        pushed = await self.push(form)
        if isinstance(pushed, OAuthFault):
            return pushed
        short = (("client_id", self.client.client_id), ("request_uri", pushed.request_uri))
        return ConsentPage(add_query(endpoint, short), pushed.expires_in_seconds)

    def _named(self, form: Form) -> Form:
        """Return *form* with `client_id`, which is a parameter of these requests."""
        named = any(name == "client_id" for name, _ in form)
        return form if named else (("client_id", self.client.client_id), *form)

    def _lacks(self, name: str) -> OAuthFault:
        return invalid_response(f"{show_url(self.endpoints.issuer)}: its metadata has no {name}")

    async def _ask(
        self,
        endpoint: str | None,
        name: str,
        form: Form,
        good: tuple[int, ...],
        read: Callable[[Mapping[str, object]], R | str],
    ) -> R | OAuthFault:
        if endpoint is None:
            return self._lacks(name)
        posted = await self._post(endpoint, form, good)
        if isinstance(posted, OAuthFault):
            return posted
        members = _members(posted)
        found = members if isinstance(members, str) else read(members)
        if isinstance(found, str):
            return invalid_response(f"{show_url(endpoint)}: {found}")
        return found

    async def _post(
        self,
        endpoint: str,
        form: Form,
        good: tuple[int, ...],
        fields: Mapping[str, str] = MappingProxyType({}),
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> Posted | OAuthFault:
        """Return the response with one of the *good* statuses to *form*, with our credentials."""
        proof = authenticate(self.client, self.endpoints.issuer, self._now(), self._make_id)
        proving = {name for name, _ in proof.form}
        whole = (*(pair for pair in form if pair[0] not in proving), *proof.form)
        headers = {**fields, **proof.headers}
        request = FormRequest(endpoint, encode_form(whole), headers, max_response_bytes)
        try:
            posted = await post_form(self._session, request, self._timeout_seconds, self._reach)
        except FetchFailed as failure:
            return unavailable(str(failure))
        if posted.status in good:
            return posted
        secrets = [*proof.secrets, *(value for name, value in whole if name in _SECRET)]
        return self._refusal(posted, show_url(endpoint), secrets)

    def _refusal(self, posted: Posted, where: str, secrets: list[str]) -> OAuthFault:
        status = posted.status
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
            again = _retry_after(posted.retry_after, self._now())
            return unavailable(f"{where}: status {status}", again)
        members = _members(posted)
        if status < HTTPStatus.BAD_REQUEST or isinstance(members, str):
            return invalid_response(f"{where}: status {status} without an OAuth error")
        return server_error(where, members.get("error"), members.get("error_description"), secrets)


def _members(posted: Posted) -> Mapping[str, object] | str:
    """Return the JSON object of a response, or why it has none."""
    if _media_type(posted) != "application/json":  # RFC 6749 §5.1, RFC 8628 §3.2, RFC 9126 §2.2
        return "the response is not JSON"
    members = parse_json_object(posted.body)
    return f"the response is {members.detail}" if isinstance(members, JsonFault) else members


def _media_type(posted: Posted) -> str:
    return posted.content_type.partition(";")[0].strip().lower()


def _retry_after(text: str, now: float) -> float | None:
    """Return the seconds of Retry-After (RFC 9110 §10.2.3), at most an hour; None without one."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(0.0, seconds), _MAX_RETRY_AFTER_SECONDS)
