"""Try what clients need of authorization servers: metadata, and a connection to an endpoint."""

import ssl
from urllib.parse import urlsplit

from aiohttp import ClientSession

from gateway.cli.check.servers import dial
from gateway.fetching.document import FetchFailed
from gateway.fetching.reach import Reach, make_reach
from gateway.fetching.resolver import Resolver
from gateway.fetching.shown_url import show_url
from gateway.oauth.metadata import Endpoints, find_endpoints
from gateway.oauth.pkce import METHOD
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.values.clients import OAuthClient
from gateway.settings.values.configuration import IssuerSettings, Server, ServiceCredentials
from gateway.settings.values.login import LoginSettings
from gateway.tls.client_context import make_trusting_context


async def try_login(
    session: ClientSession, login: LoginSettings, issuer: IssuerSettings, part: Part
) -> Fault | None:
    """Return why nobody can log in by *login*, which is at *part*, for now; None if they can.

    Without metadata there is no fault here: the keys of the issuer have it.
    """
    timeout_seconds = issuer.times.fetch_timeout_seconds
    reach = make_reach(issuer.source)
    try:
        endpoints = await find_endpoints(session, issuer.issuer.issuer, timeout_seconds, reach)
    except FetchFailed:
        return None
    problem = find_problem(login, endpoints)
    if problem is not None:
        return part.child("issuer").fault(Code.LOGIN_UNUSABLE, problem)
    if reach.proxy is not None:  # only the proxy can be dialled
        return None
    at = part.child("issuer")
    return await _dial(
        endpoints.token or "", timeout_seconds, reach.tls, at, Code.LOGIN_UNREACHABLE
    )


def find_problem(login: LoginSettings, endpoints: Endpoints) -> str | None:
    """Return what *endpoints* lack for *login*, or None."""
    if endpoints.authorization is None or endpoints.token is None:
        name = "token" if endpoints.authorization else "authorization"
        return f"its metadata has no {name}_endpoint"
    if not endpoints.offers_pkce:
        # RFC 9700 §2.1.1: a code without S256 is of use to whoever intercepts it.
        others = ", ".join(endpoints.challenge_methods or ()) or "no method"
        return f"it supports PKCE only by {others}, not by {METHOD}"
    return _find_method_problem(login.client, endpoints)


def _find_method_problem(client: OAuthClient, endpoints: Endpoints) -> str | None:
    method = client.method.registered_name
    if endpoints.auth_methods is not None and method not in endpoints.auth_methods:
        return (
            f"its token endpoint does not accept `client_auth: {client.method.value}`"
            f" ({method}), only {', '.join(endpoints.auth_methods) or 'nothing'}"
        )
    return None


async def try_credentials(
    session: ClientSession, asked: ServiceCredentials, issuer: IssuerSettings | None, part: Part
) -> Fault | None:
    """Return why the token of an upstream, whose grant is at *part*, cannot be got for now.

    No token is asked for: a check must not leave one at the server. As with logins, metadata that
    cannot be fetched are a fault of the issuer.
    """
    seconds = asked.timeout_seconds
    if issuer is None:
        reach = Reach(make_trusting_context(asked.ca), asked.proxy)
        token, at = asked.token_url, "token_url"
    else:
        reach, at = make_reach(issuer.source), "issuer"
        try:
            endpoints = await find_endpoints(session, issuer.issuer.issuer, seconds, reach)
        except FetchFailed:
            return None
        token, problem = endpoints.token, _find_method_problem(asked.client, endpoints)
        if token is None:
            problem = "its metadata has no token_endpoint"
        if problem is not None:
            return part.child(at).fault(Code.CREDENTIALS_UNUSABLE, problem)
    if reach.proxy is not None:  # only the proxy can be dialled
        return None
    return await _dial(token or "", seconds, reach.tls, part.child(at))


async def _dial(
    url: str,
    timeout_seconds: float,
    tls: ssl.SSLContext | None,
    part: Part,
    code: Code = Code.CREDENTIALS_UNREACHABLE,
) -> Fault | None:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    server = Server(parts.hostname or "", port, is_tls, parts.netloc)
    context = tls or ssl.create_default_context()
    failure = await dial(server, timeout_seconds, Resolver(), context)
    if failure is None:
        return None
    message = f"its token endpoint {show_url(url)}: {failure.words}"
    return part.fault(code, message)
