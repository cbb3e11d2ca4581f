"""Get tokens as each kind of client does, with a person at the terminal."""

import asyncio
import secrets
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import click

from gateway.cli.output import escape
from gateway.cli.token.options import Wanted
from gateway.cli.token.redirect_receiver import receiving
from gateway.fetching.clock import SystemClock
from gateway.fetching.thread import start_thread
from gateway.oauth.authorization import CodeRequest
from gateway.oauth.device import wait_for_tokens
from gateway.oauth.fault import FaultKind, OAuthFault, invalid_response
from gateway.oauth.pkce import METHOD, RANDOM_BYTES, make_verifier
from gateway.oauth.redirect import CodeResponse, ErrorResponse, check_response
from gateway.oauth.responses import DeviceAuthorization, TokenResponse
from gateway.oauth.server import AuthorizationServer, ConsentPage

# As long as a person takes to find a password and a second factor.
PATIENCE_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a code comes to, and whether the address for the person is opened for them."""

    redirect_uri: str
    opens: bool


async def by_client_credentials(
    server: AuthorizationServer, wanted: Wanted
) -> TokenResponse | OAuthFault:
    """Return a token for the client itself (RFC 6749 §4.4)."""
    return await server.tokens((("grant_type", "client_credentials"), *wanted.form()))


async def by_refresh_token(
    server: AuthorizationServer, wanted: Wanted, refresh_token: str
) -> TokenResponse | OAuthFault:
    """Return new tokens for *refresh_token*, with fewer scopes if *wanted* (RFC 6749 §6)."""
    return await server.refresh(refresh_token, wanted.form())


async def by_code(
    server: AuthorizationServer, wanted: Wanted, browser: Browser
) -> TokenResponse | OAuthFault:
    """Return tokens for whoever consents in a browser on this machine (RFC 8252).

    Raises PortTakenError if the redirect URI cannot be listened at.
    """
    if not server.endpoints.offers_pkce:
        return invalid_response(f"the issuer does not offer PKCE with {METHOD}")
    state = secrets.token_urlsafe(RANDOM_BYTES)
    verifier = make_verifier(secrets.token_bytes(RANDOM_BYTES))
    async with receiving(browser.redirect_uri, state) as receiver:
        request = CodeRequest(
            server.client.client_id,
            receiver.redirect_uri,
            wanted.scopes,
            state,
            verifier,
            resources=wanted.resources,
            more=wanted.more,
        )
        page = await server.ask_for_consent(request.form())
        if isinstance(page, OAuthFault):
            return page
        _show_page(page, browser)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                response = await receiver.wait()
        except TimeoutError:
            return OAuthFault(FaultKind.ERROR, "nobody consented in time", "expired_token")
    return await _exchange(server, wanted, request, response)


def _show_page(page: ConsentPage, browser: Browser) -> None:
    seconds, url = page.expires_in_seconds, page.url
    soon = "" if seconds is None else f", within {seconds:g} seconds"
    click.echo(
        f"Open this address in a browser on this machine{soon}:\n\n  {escape(url)}\n", err=True
    )
    if browser.opens:
        # A browser in the terminal itself runs until it is closed; the code comes before that.
        start_thread(partial(_open, url), "browser")


def _open(url: str) -> None:
    with suppress(webbrowser.Error):
        webbrowser.open(url)


async def _exchange(
    server: AuthorizationServer,
    wanted: Wanted,
    request: CodeRequest,
    response: CodeResponse | ErrorResponse,
) -> TokenResponse | OAuthFault:
    problem = check_response(response, request.state, server.endpoints)
    if problem is not None:
        return invalid_response(f"the authorization response is not used: {problem}")
    if isinstance(response, ErrorResponse):
        return response.fault
    return await server.exchange_code(
        response.code, request.redirect_uri, request.verifier, wanted.resource_form()
    )


async def by_device(server: AuthorizationServer, wanted: Wanted) -> TokenResponse | OAuthFault:
    """Return tokens for whoever enters a code on another machine (RFC 8628)."""
    device = await server.authorize_device(wanted.form())
    if isinstance(device, OAuthFault):
        return device
    _show_device(device)
    return await wait_for_tokens(server, device, SystemClock(), wanted.resource_form())


def _show_device(device: DeviceAuthorization) -> None:
    click.echo(
        f"Open this address on any device:\n\n  {escape(device.verification_uri)}\n\n"
        f"and enter the code:\n\n  {escape(device.user_code)}\n",
        err=True,
    )
    picture = draw_qr_code(device.complete_uri or device.verification_uri)
    if picture is not None:
        click.echo(picture, err=True)
    click.echo("waiting for your consent ...", err=True)


def draw_qr_code(text: str) -> str | None:
    """Return *text* as a QR code made of characters; None without the extra `qr`."""
    try:
        import segno  # noqa: PLC0415 - optional
    except ImportError:
        return None
    # Black on white, with the quiet zone around it, whatever the colours of the terminal are.
    rows = segno.make(text, micro=False).matrix_iter(border=2)
    lines = [list(row) for row in rows]
    if len(lines) % 2:
        lines.append([0] * len(lines[0]))
    return "\n".join(
        "\x1b[30;47m"
        + "".join(_HALVES[bool(above), bool(below)] for above, below in zip(*pair, strict=True))
        + "\x1b[0m"
        for pair in zip(lines[::2], lines[1::2], strict=True)
    )


# Two modules of a QR code on top of each other are one character, as it is about twice as high.
_HALVES: Final = {
    (False, False): " ",
    (True, False): "\u2580",
    (False, True): "\u2584",
    (True, True): "\u2588",
}
