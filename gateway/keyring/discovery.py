"""Find an issuer's key set through its metadata (OpenID Discovery, RFC 8414)."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from aiohttp import ClientSession

from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.reach import DIRECT, Reach
from gateway.fetching.shown_url import show_url
from gateway.settings.values.addresses import check_key_url, is_plain_http

T = TypeVar("T")

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
    reach: Reach = DIRECT,
) -> str:
    """Return the URL of *issuer*'s key set.

    Raises FetchFailed with both reasons if neither document is usable.
    """
    return await read_metadata(session, issuer, timeout_seconds, jwks_uri, reach)


async def read_metadata(
    session: ClientSession,
    issuer: str,
    timeout_seconds: float,
    read: Callable[[bytes, str, str, bool], T],
    reach: Reach = DIRECT,
) -> T:
    """Return what *read* finds in *issuer*'s metadata: in the first document that is usable.

    *read* gets the document, the issuer, the URL as it is shown, and whether the issuer is
    insecure; it raises FetchFailed if the document is unusable. Raises FetchFailed with both
    reasons if neither is usable.
    """
    reasons: list[str] = []
    there = reach.metadata_url
    for url in metadata_urls(issuer) if there is None else (there,):
        try:
            document = await fetch(session, url, timeout_seconds, reach=reach)
            return read(document, issuer, show_url(url), reach.is_insecure)
        except FetchFailed as failure:
            reasons.append(str(failure))
    raise FetchFailed("; ".join(reasons))


def jwks_uri(body: bytes, issuer: str, where: str, is_insecure: bool = False) -> str:
    """Return `jwks_uri` of the metadata in *body*, which came from *where*.

    Raises FetchFailed as ``parse_metadata`` and ``url_member``, and if there is none.
    """
    metadata = parse_metadata(body, issuer, where)
    location = url_member(metadata, "jwks_uri", where, is_insecure)
    if location is None:
        raise FetchFailed(f"{where}: has no jwks_uri")
    return location


def parse_metadata(body: bytes, issuer: str, where: str) -> dict[str, object]:
    """Return the members of the metadata in *body*, which came from *where*.

    Raises FetchFailed unless its `issuer` equals ours code point by code point (RFC 8414 §3.3):
    otherwise one tenant of a host could publish keys in the name of another.
    """
    metadata = parse_json_object(body)
    if isinstance(metadata, JsonFault):
        raise FetchFailed(f"{where}: {metadata.detail}")
    named = metadata.get("issuer")
    if named != issuer:
        raise FetchFailed(f"{where}: names {_tell_apart(named, issuer)}")
    return metadata


def _tell_apart(named: object, issuer: str) -> str:
    """Return how *named*, the issuer in metadata, differs from ours."""
    ours = show_url(issuer)
    if not isinstance(named, str):
        return f"another issuer: none, not {ours}"
    theirs = show_url(named)
    if theirs == ours:
        return f"another issuer: {theirs} in another spelling; `iss` is compared as it is written"
    return f"another issuer: {theirs}, not {ours}; if you trust it, write it in `issuer`"


def url_member(
    metadata: Mapping[str, object], name: str, where: str, is_insecure: bool = False
) -> str | None:
    """Return the URL *name* in *metadata*, which came from *where*, or None if it has none.

    Raises FetchFailed unless it is one that a configuration may have. Only metadata on this machine
    may point to this machine without TLS, or an issuer could make us call what only we can reach;
    those of an issuer that *is_insecure* may point to private addresses as well.
    """
    location = metadata.get(name)
    if location is None:
        return None
    if not isinstance(location, str):
        raise FetchFailed(f"{where}: {name}: not a string")
    problem = check_key_url(location, is_insecure=is_insecure)
    # By where they are, not by the issuer's name: they may be at a `discovery_url`.
    may_be_plain = is_insecure or is_plain_http(where)
    if problem is None and is_plain_http(location) and not may_be_plain:
        problem = "plain http, although the metadata came over https"
    if problem is not None:
        raise FetchFailed(f"{where}: {name}: {problem}")
    return location
