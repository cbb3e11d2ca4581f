"""Find an issuer's key set through its metadata (OpenID Discovery, RFC 8414)."""

import ssl

from aiohttp import ClientSession

from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.shown_url import show_url
from gateway.settings.values.addresses import check_key_url, is_plain_http

OPENID_SUFFIX = ".well-known/openid-configuration"
OAUTH_SUFFIX = ".well-known/oauth-authorization-server"


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Return the URLs where *issuer* may publish its metadata, in the order of attempts.

    OpenID Discovery §4.1 appends its well-known name to the issuer; RFC 8414 §3.1 inserts its own
    between host and path. Both first drop a trailing slash of the issuer.
    """
    bare = issuer.removesuffix("/")
    scheme, _, rest = bare.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{bare}/{OPENID_SUFFIX}", f"{scheme}://{authority}/{OAUTH_SUFFIX}{slash}{path}"


async def discover(
    session: ClientSession,
    issuer: str,
    timeout_seconds: float,
    tls: ssl.SSLContext | None = None,
) -> str:
    """Return the URL of *issuer*'s key set; *tls* is as for ``fetch``.

    Raises FetchFailed with both reasons if neither document is usable.
    """
    reasons: list[str] = []
    for url in metadata_urls(issuer):
        try:
            document = await fetch(session, url, timeout_seconds, tls=tls)
            return jwks_uri(document, issuer, show_url(url))
        except FetchFailed as failure:
            reasons.append(str(failure))
    raise FetchFailed("; ".join(reasons))


def jwks_uri(body: bytes, issuer: str, where: str) -> str:
    """Return `jwks_uri` of the metadata in *body*, which came from *where*.

    Raises FetchFailed unless its `issuer` equals ours code point by code point (RFC 8414 §3.3):
    otherwise one tenant of a host could publish keys in the name of another. The URL must also be
    one that a configuration may have; and only metadata on this machine may point to this
    machine without TLS, or an issuer could make us call what only we can reach.
    """
    metadata = parse_json_object(body)
    if isinstance(metadata, JsonFault):
        raise FetchFailed(f"{where}: {metadata.detail}")
    if metadata.get("issuer") != issuer:
        raise FetchFailed(f"{where}: names another issuer")
    location = metadata.get("jwks_uri")
    if not isinstance(location, str):
        raise FetchFailed(f"{where}: has no jwks_uri")
    problem = check_key_url(location)
    if problem is None and is_plain_http(location) and not is_plain_http(issuer):
        problem = "plain http, although the issuer has https"
    if problem is not None:
        raise FetchFailed(f"{where}: jwks_uri: {problem}")
    return location
