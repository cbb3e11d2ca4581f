"""Read requests and write responses, as all flows do."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from gateway.issuer.clients import Client
from gateway.issuer.pages.document import page_fields
from gateway.issuer.pages.messages import render_error
from gateway.issuer.requests.client_authentication import ClientAuthenticator
from gateway.issuer.requests.parameters import OAuthError, Parameters, read_parameters

MAX_REQUEST_BYTES = 16 * 1024
_MAX_PARAMETERS = 32
_FORM = "application/x-www-form-urlencoded"

# RFC 6749 §5.1: a response that holds a token must not be cached.
_UNSTORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def read_form(request: web.Request) -> Parameters | OAuthError:
    """Return the parameters of the body, a form."""
    if request.content_type != _FORM:
        return OAuthError("invalid_request", f"the body is not {_FORM}")
    body = await request.read()
    try:
        return _parse(body.decode())
    except ValueError:
        return OAuthError("invalid_request", "the body is not a form")


async def read_client_form(
    request: web.Request, authenticator: ClientAuthenticator
) -> tuple[Client, Parameters] | OAuthError:
    """Return the client that sends a form, and the form, in which nothing is repeated."""
    form = await read_form(request)
    if isinstance(form, OAuthError):
        return form
    if form.repetition is not None:
        return form.repetition
    client = authenticator.authenticate(request.headers.getall("Authorization", []), form)
    return client if isinstance(client, OAuthError) else (client, form)


async def read_query_or_form(request: web.Request) -> Parameters | OAuthError:
    """Return the parameters of a request that a browser may send either way."""
    if request.method == "POST":
        return await read_form(request)
    try:
        return _parse(request.rel_url.raw_query_string)
    except ValueError:
        return OAuthError("invalid_request", "the query is not a form")


def _parse(text: str) -> Parameters:
    pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    return read_parameters(pairs)


def json_reply(members: Mapping[str, object], status: int = 200) -> web.Response:
    """Return a response that is not stored anywhere."""
    return web.json_response(members, status=status, headers=_UNSTORED)


def error_reply(error: OAuthError) -> web.Response:
    """Return the response of RFC 6749 §5.2."""
    members = {"error": error.code, "error_description": error.description}
    response = json_reply(members, error.status)
    if error.challenge:
        response.headers["WWW-Authenticate"] = 'Basic realm="development issuer"'
    return response


def page_reply(page: str, status: int = 200, form_leads_to: Sequence[str] = ()) -> web.Response:
    """Return a page; *form_leads_to* are URIs to which the answer to its form may redirect."""
    return web.Response(
        text=page, status=status, content_type="text/html", headers=page_fields(form_leads_to)
    )


def error_page_reply(error: OAuthError) -> web.Response:
    """Return the page for an error that no client hears of."""
    return page_reply(render_error(error), error.status)


def redirect_reply(uri: str, parameters: Mapping[str, str | None]) -> web.Response:
    """Send the browser to *uri*, with those *parameters* that are not None.

    303, after a form too: no other status makes sure that the form is not sent on (RFC 9700
    §4.12). A query that *uri* has stays (RFC 6749 §3.1.2).
    """
    named = {name: value for name, value in parameters.items() if value is not None}
    separator = "&" if "?" in uri else "?"
    location = uri + (separator + urlencode(named) if named else "")
    headers = {"Location": location, "Referrer-Policy": "no-referrer", **_UNSTORED}
    return web.Response(status=303, headers=headers)
