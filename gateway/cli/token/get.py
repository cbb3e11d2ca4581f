"""Get a token from any issuer with metadata, as any kind of client."""

import asyncio
import json
import math
import ssl
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT, EXIT_NEGATIVE
from gateway.cli.options import Word, format_option
from gateway.cli.token.flows import (
    Browser,
    by_client_credentials,
    by_code,
    by_device,
    by_refresh_token,
)
from gateway.cli.token.options import (
    IssuerUrl,
    NamedValue,
    RedirectUri,
    Wanted,
    leave,
    read_client,
    read_file,
    read_key,
    read_secret,
)
from gateway.cli.token.redirect_receiver import PortTakenError
from gateway.fetching.document import FetchFailed
from gateway.fetching.session import make_session
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.metadata import find_endpoints
from gateway.oauth.responses import TokenResponse
from gateway.oauth.server import AuthorizationServer
from gateway.settings.values.clients import ClientAuthentication, OAuthClient

_FILE = click.Path(path_type=Path, allow_dash=True)

Flow = Callable[[AuthorizationServer], Awaitable[TokenResponse | OAuthFault]]


def _finite(_ctx: click.Context, _param: click.Parameter, seconds: float) -> float:
    """Return *seconds*; nan passes every range, and would expire at once."""
    if not math.isfinite(seconds):
        raise click.BadParameter("write a number of seconds, e.g. 10")
    return seconds


@click.command(short_help="Get a token from any issuer.")
@click.argument("flow", type=Word(["client", "code", "device", "refresh"]))
@click.option("--issuer", required=True, type=IssuerUrl(), help="The issuer; it has metadata.")
@click.option("--client-id", required=True, help="The client ID, as registered there.")
@click.option("--client-secret-env", metavar="NAME", help="The variable with the client secret.")
@click.option("--client-secret-file", type=_FILE, help="The file with it; - is stdin.")
@click.option("--key", type=_FILE, help="The private key for private_key_jwt, in PEM.")
@click.option(
    "--client-auth",
    type=Word([method.value for method in ClientAuthentication]),
    help="How the client authenticates.  [default: basic, or private_key_jwt with --key, or none]",
)
@click.option("--scope", default="", help="The scopes, separated by spaces.")
@click.option("--resource", multiple=True, help="The API that the token is for (RFC 8707).")
@click.option("--audience", help="The same, for issuers that call it audience.")
@click.option("--param", multiple=True, type=NamedValue(), help="Another parameter of the request.")
@click.option(
    "--redirect-uri",
    type=RedirectUri(),
    default="http://127.0.0.1:0/callback",
    show_default=True,
    help="For code: where to listen; port 0 is a free one.",
)
@click.option("--open", "opens", is_flag=True, help="For code: open the address in a browser.")
@click.option("--refresh-token-env", metavar="NAME", help="The variable with the refresh token.")
@click.option(
    "--refresh-token-file", type=_FILE, help="The file with it; - is stdin.  [default: -]"
)
@click.option("--ca", type=_FILE, help="Trust only these certificates, in PEM.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    callback=_finite,
    default=10.0,
    show_default=True,
    help="Seconds for each request.",
)
@format_option()
def get(  # noqa: PLR0913, PLR0917 - one for each option
    flow: str,
    issuer: str,
    client_id: str,
    client_secret_env: str | None,
    client_secret_file: Path | None,
    key: Path | None,
    client_auth: str | None,
    scope: str,
    resource: Sequence[str],
    audience: str | None,
    param: Sequence[tuple[str, str]],
    redirect_uri: str,
    opens: bool,
    refresh_token_env: str | None,
    refresh_token_file: Path | None,
    ca: Path | None,
    timeout: float,
    form: str,
) -> None:
    """Get a token and print it on stdout, and nothing else; with json, the whole response.

    FLOW is client (client credentials, for a program), code (a person with a browser on this
    machine), device (a person with a browser elsewhere) or refresh (with a refresh token).

    Exit code: 0; 1 if the issuer or the person refuses; 3 if there is no usable response.
    """
    secret = read_secret(client_secret_env, client_secret_file, "client-secret")
    client = read_client(client_id, client_auth, secret, read_key(key))
    more = (("audience", audience), *param) if audience is not None else tuple(param)
    wanted = Wanted(tuple(scope.split()), tuple(resource), more)
    run: Flow
    match flow:
        case "client":
            run = partial(by_client_credentials, wanted=wanted)
        case "code":
            run = partial(by_code, wanted=wanted, browser=Browser(redirect_uri, opens))
        case "device":
            run = partial(by_device, wanted=wanted)
        case _:
            refresh_token = _read_refresh_token(refresh_token_env, refresh_token_file)
            run = partial(by_refresh_token, wanted=wanted, refresh_token=refresh_token)
    found = _run_or_exit(_get(issuer, client, timeout, _trust(ca), run))
    click.echo(json.dumps(dict(found.members)) if form == "json" else found.access_token)


def _read_refresh_token(variable: str | None, file: Path | None) -> str:
    if variable is None and file is None:
        file = Path("-")
    return read_secret(variable, file, "refresh-token") or ""


def _trust(ca: Path | None) -> ssl.SSLContext | None:
    if ca is None:
        return None
    try:
        if str(ca) != "-":
            return ssl.create_default_context(cafile=ca)
        # Never empty: then the certificates of this machine would be trusted.
        text = read_file(ca, "--ca").decode("ascii", "replace") or "\n"
        return ssl.create_default_context(cadata=text)
    except OSError as error:  # ssl.SSLError is one
        reason = "no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        leave(f"--ca: {reason}")


async def _get(
    issuer: str,
    client: OAuthClient,
    timeout_seconds: float,
    tls: ssl.SSLContext | None,
    run: Flow,
) -> TokenResponse | OAuthFault:
    async with make_session(tls) as session:
        endpoints = await find_endpoints(session, issuer, timeout_seconds)
        server = AuthorizationServer(
            endpoints,
            client,
            session,
            now=time.time,
            make_id=lambda: str(uuid.uuid4()),
            timeout_seconds=timeout_seconds,
        )
        return await run(server)


def _run_or_exit(getting: Coroutine[Any, Any, TokenResponse | OAuthFault]) -> TokenResponse:
    """Return the tokens; exit with 1 if they were refused, with 3 if nobody could say so."""
    try:
        found = asyncio.run(getting)
    except FetchFailed as failure:
        leave(str(failure))
    except PortTakenError as failure:
        leave(f"--redirect-uri: {failure}")
    if isinstance(found, OAuthFault):
        leave(found.detail, EXIT_NEGATIVE if found.kind is FaultKind.ERROR else EXIT_ENVIRONMENT)
    return found
