"""Request a token from the running development issuer."""

import json
import math
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlencode, urlsplit

import click

from gateway.cli.options import Word, is_json, json_option
from gateway.issuer.personas import PERSONAS, Persona
from gateway.settings.text.quantities import parse_duration

DEFAULT_ISSUER_URL = "http://127.0.0.1:9000"

# On loopback a response takes milliseconds.
_TIMEOUT_SECONDS = 5
_MAX_BODY_BYTES = 64 * 1024
_MAX_SHOWN_CHARACTERS = 200


class IssuerUnreachableError(Exception):
    """No development issuer responds at the address."""


class IssuerRefusedError(Exception):
    """The issuer responded with an error (RFC 6749 §5.2)."""


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = parse_duration(str(value))
        if seconds is None:
            self.fail("not a duration such as 30s, 5m or 1h", param, ctx)
        return seconds


class _HttpUrl(click.ParamType[str]):
    name = "url"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        url = str(value)
        if not _is_http_url(url):
            self.fail("not an http or https URL", param, ctx)
        return url.rstrip("/")


@click.command(short_help="Mint a token at the running demo issuer.")
@click.option(
    "--as",
    "name",
    required=True,
    type=Word(list(PERSONAS)),
    help="The owner of the token.",
)
@click.option("--scope", help="Fewer scopes, separated by spaces.")
@click.option("--audience", help="The audience of the token.  [default: the demo's gateway]")
@click.option("--ttl", type=_Duration(), help="Its lifetime: 30s, 5m, 1h.  [default: 1h]")
@click.option("--issuer-url", type=_HttpUrl(), default=DEFAULT_ISSUER_URL, show_default=True)
@json_option
def mint(
    name: str, scope: str | None, audience: str | None, ttl: float | None, issuer_url: str
) -> None:
    """Request a token from the running demo issuer, and print only the token.

    With --json, print the whole response.

    Exit code: 0; 1 if the issuer refuses; 3 if no issuer responds.
    """
    wishes = {
        "scope": scope,
        "audience": audience,
        "expires_in": None if ttl is None else str(math.ceil(ttl)),
    }
    named = {key: value for key, value in wishes.items() if value is not None}
    try:
        response = request_response(issuer_url, PERSONAS[name], named)
    except IssuerRefusedError as refusal:
        click.echo(f"gateway: the issuer refused: {refusal}", err=True)
        raise click.exceptions.Exit(1) from None
    except IssuerUnreachableError as failure:
        click.echo(f"gateway: {failure}; `gateway demo` starts a development issuer", err=True)
        raise click.exceptions.Exit(3) from None
    click.echo(json.dumps(response) if is_json() else response["access_token"])


def request_token(issuer_url: str, persona: Persona, wishes: Mapping[str, str]) -> str:
    """Return a token for *persona*; *wishes* are further parameters of the token request.

    Raise IssuerRefusedError or IssuerUnreachableError; neither repeats what was sent.
    """
    return str(request_response(issuer_url, persona, wishes)["access_token"])


def request_response(
    issuer_url: str, persona: Persona, wishes: Mapping[str, str]
) -> Mapping[str, object]:
    """Return the whole response with a token (RFC 6749 §5.1); raise as `request_token`."""
    form = {
        "grant_type": "client_credentials",
        "client_id": persona.client_id,
        "client_secret": persona.client_secret,
        **wishes,
    }
    status, members = _post_form(issuer_url, urlencode(form))
    if status == 200 and isinstance(members.get("access_token"), str):
        return members
    error = members.get("error")
    if isinstance(error, str):
        raise IssuerRefusedError(_shown(f"{error}: {members.get('error_description')}"))
    raise IssuerUnreachableError(f"the server at {issuer_url} is not a development issuer")


def _post_form(issuer_url: str, body: str) -> tuple[int, dict[str, object]]:
    parts = urlsplit(issuer_url)
    connection_class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connection_class(str(parts.hostname), parts.port, timeout=_TIMEOUT_SECONDS)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    try:
        connection.request("POST", parts.path + "/token", body, headers)
        response = connection.getresponse()
        text = response.read(_MAX_BODY_BYTES)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS cannot have
        reason = getattr(error, "strerror", None) or "no such host, or no response in time"
        raise IssuerUnreachableError(f"no issuer responds at {issuer_url}: {reason}") from None
    except HTTPException:
        raise IssuerUnreachableError(f"the server at {issuer_url} does not speak HTTP") from None
    finally:
        connection.close()
    return response.status, _read_object(text)


def _read_object(text: bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _shown(text: str) -> str:
    # A text of a stranger: escape control characters, and limit its length.
    return json.dumps(text[:_MAX_SHOWN_CHARACTERS])[1:-1]


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    bare = not (parts.query or parts.fragment or parts.username)
    return (
        plain and bare and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    )
