"""Find the endpoints of an authorization server through its metadata (RFC 8414)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from aiohttp import ClientSession

from gateway.fetching.document import FetchFailed
from gateway.fetching.reach import DIRECT, Reach
from gateway.keyring.discovery import parse_metadata, read_metadata, url_member
from gateway.oauth.pkce import METHOD

# What an authorization request says; an endpoint whose own query says one of them would have it
# twice (RFC 6749 §3.1).
_OUR_PARAMETERS: Final = frozenset(
    {
        *("response_type", "response_mode", "client_id", "redirect_uri", "scope", "state"),
        *("nonce", "code_challenge", "code_challenge_method", "request", "request_uri"),
        *("resource", "acr_values", "max_age", "prompt", "login_hint"),
        *("id_token_hint", "post_logout_redirect_uri", "logout_hint"),
    }
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What an authorization server says of itself: URLs, None for those that it does not have.

    *sends_iss* says that its authorization responses have `iss` (RFC 9207 §3), *requires_push*
    that authorization requests must be pushed (RFC 9126 §5). *challenge_methods* are those of
    PKCE, *auth_methods* those of clients at the token endpoint; None if it does not say.
    """

    issuer: str
    authorization: str | None = None
    token: str | None = None
    device_authorization: str | None = None
    pushed_authorization_request: str | None = None
    end_session: str | None = None
    userinfo: str | None = None
    revocation: str | None = None
    introspection: str | None = None
    jwks: str | None = None
    requires_push: bool = False
    sends_iss: bool = False
    challenge_methods: tuple[str, ...] | None = None
    auth_methods: tuple[str, ...] | None = None

    @property
    def offers_pkce(self) -> bool:
        """Return whether it offers PKCE with S256, or does not say (RFC 8414 §2)."""
        return self.challenge_methods is None or METHOD in self.challenge_methods


async def find_endpoints(
    session: ClientSession,
    issuer: str,
    timeout_seconds: float,
    reach: Reach = DIRECT,
) -> Endpoints:
    """Return the endpoints of *issuer*.

    Each of the two documents that it may publish takes at most *timeout_seconds*. Raises
    FetchFailed with both reasons if neither is usable.
    """
    return await read_metadata(session, issuer, timeout_seconds, parse_endpoints, reach)


def parse_endpoints(body: bytes, issuer: str, where: str, is_insecure: bool = False) -> Endpoints:
    """Return the endpoints in the metadata *body*, which came from *where*.

    Raises FetchFailed unless its `issuer` is ours, every endpoint is https, or on loopback if the
    document is, or anything private if it *is_insecure*, and what it says of itself has the right
    types: taken as absent, a wrong one would switch off a check.
    """
    members = parse_metadata(body, issuer, where)

    def url(name: str) -> str | None:
        return _endpoint(members, name, where, is_insecure)

    return Endpoints(
        issuer=issuer,
        authorization=url("authorization_endpoint"),
        token=url("token_endpoint"),
        device_authorization=url("device_authorization_endpoint"),
        pushed_authorization_request=url("pushed_authorization_request_endpoint"),
        end_session=url("end_session_endpoint"),
        userinfo=url("userinfo_endpoint"),
        revocation=url("revocation_endpoint"),
        introspection=url("introspection_endpoint"),
        jwks=url("jwks_uri"),
        requires_push=_flag(members, "require_pushed_authorization_requests", where),
        sends_iss=_flag(members, "authorization_response_iss_parameter_supported", where),
        challenge_methods=_words(members, "code_challenge_methods_supported", where),
        auth_methods=_words(members, "token_endpoint_auth_methods_supported", where),
    )


def _endpoint(
    members: Mapping[str, object], name: str, where: str, is_insecure: bool
) -> str | None:
    location = url_member(members, name, where, is_insecure)
    if location is None:
        return None
    if "#" in location:  # RFC 6749 §3.1, §3.2; an empty one would swallow our parameters, too
        raise FetchFailed(f"{where}: {name}: has a fragment")
    query = urlsplit(location).query
    if any(key in _OUR_PARAMETERS for key, _ in parse_qsl(query, keep_blank_values=True)):
        raise FetchFailed(f"{where}: {name}: its query has a parameter of the request")
    return location


def _flag(members: Mapping[str, object], name: str, where: str) -> bool:
    value = members.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise FetchFailed(f"{where}: {name}: not true or false")
    return value


def _words(members: Mapping[str, object], name: str, where: str) -> tuple[str, ...] | None:
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise FetchFailed(f"{where}: {name}: not a list of strings")
    words = tuple(word for word in value if isinstance(word, str))
    if len(words) != len(value):
        raise FetchFailed(f"{where}: {name}: not a list of strings")
    return words
