"""Find an issuer's key set by its published metadata (OpenID Discovery, RFC 8414)."""

import ssl

from aiohttp import ClientSession

from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.place import place
from gateway.settings.values.addresses import check_key_url, is_plain_http

OPENID_SUFFIX = ".well-known/openid-configuration"
OAUTH_SUFFIX = ".well-known/oauth-authorization-server"


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Return where *issuer* may publish its metadata, in the order we look.

    OpenID Discovery §4.1 appends its well-known name to the issuer; RFC 8414 §3.1 inserts
    its own between the host and the path. Both drop a final slash of the issuer first.
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
    """Return the URL of *issuer*'s key set; *tls* says whom to trust, as for ``fetch``.

    Raises FetchFailed with both stories where neither document will do.
    """
    stories: list[str] = []
    for url in metadata_urls(issuer):
        try:
            document = await fetch(session, url, timeout_seconds, tls=tls)
            return jwks_uri(document, issuer, place(url))
        except FetchFailed as failure:
            stories.append(str(failure))
    raise FetchFailed("; ".join(stories))


def jwks_uri(body: bytes, issuer: str, where: str) -> str:
    """Return `jwks_uri` of the metadata in *body*, which came from *where*.

    Raises FetchFailed unless its `issuer` equals ours code point by code point (RFC 8414
    §3.3): otherwise one tenant of a host could publish keys in the name of another. The key
    set itself must be where a configuration may point, too; and only metadata of this machine
    may point to this machine without TLS, or an issuer could have us call what only we can.
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
        problem = "an issuer with https has its keys over plain http"
    if problem is not None:
        raise FetchFailed(f"{where}: jwks_uri: {problem}")
    return location
