"""The options of ``gateway token get`` that say which client asks, and what for."""

import os
import re
import sys
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

import click

from gateway.cli.exit_codes import EXIT_ENVIRONMENT
from gateway.cli.output import escape
from gateway.cli.streams import claim_stdin
from gateway.oauth.form import Form
from gateway.settings.values.addresses import check_key_url, is_web_url
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.signing_key import SigningKey, parse_signing_key

# RFC 6749 appendix A: what a secret and a refresh token consist of.
_VISIBLE: Final = re.compile(r"[\x20-\x7e]+")
_MAX_SECRET_BYTES: Final = 64 * 1024

_STDIN: Final = "-"

_OWN_PARAMETERS: Final = frozenset(
    {
        *("grant_type", "response_type", "client_id", "client_secret", "redirect_uri", "scope"),
        *("state", "code", "code_challenge", "code_challenge_method", "code_verifier"),
        *("client_assertion", "client_assertion_type", "device_code", "refresh_token"),
        *("request_uri", "resource", "audience"),
    }
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: *scopes*, *resources* (RFC 8707), and *more* parameters by name."""

    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    more: Form = field(default=())

    def form(self) -> Form:
        """Return the parameters, with `scope` if there is any."""
        scope = (("scope", " ".join(self.scopes)),) if self.scopes else ()
        return (*scope, *self.resource_form(), *self.more)

    def resource_form(self) -> Form:
        """Return those of a token request that follows another request (RFC 8707 §2.2)."""
        return tuple(("resource", resource) for resource in self.resources)


class IssuerUrl(click.ParamType[str]):
    """The identifier of an issuer: https, or http on this machine."""

    name = "url"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return *value* as it is written: an issuer is compared character by character."""
        if not is_web_url(str(value)) or "#" in str(value):
            self.fail("not a URL: write it like https://login.example.com", param, ctx)
        problem = check_key_url(str(value))
        if problem is not None or "?" in str(value):
            self.fail(problem or "an issuer has no query", param, ctx)
        return str(value)


class RedirectUri(click.ParamType[str]):
    """Where this command listens: http on a loopback address (RFC 8252 §7.3)."""

    name = "url"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return *value* as it is registered, up to the port."""
        text = str(value)
        if not _is_here(text):
            self.fail("write it like http://127.0.0.1:0/callback, on this machine", param, ctx)
        return text


def _is_here(text: str) -> bool:
    if not re.fullmatch(r"http://[\x21\x22\x24-\x3e\x40-\x7e]+", text):  # no query, no fragment
        return False
    try:
        parts = urlsplit(text)
        is_loopback = ip_address(str(parts.hostname)).is_loopback
        return is_loopback and parts.username is None and (parts.port or 0) >= 0
    except ValueError:
        return False


class NamedValue(click.ParamType[tuple[str, str]]):
    """A parameter of a request: ``name=value``."""

    name = "name=value"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return name and value."""
        name, equals, rest = str(value).partition("=")
        if not (name and equals):
            self.fail("write it like prompt=login", param, ctx)
        if name in _OWN_PARAMETERS:  # RFC 6749 §3.1: none occurs twice
            self.fail(f"{name} is a parameter that the command sets itself", param, ctx)
        return name, rest


def read_client(
    client_id: str,
    method: str | None,
    secret: str | None,
    key: SigningKey | None,
) -> OAuthClient:
    """Return the client; without *method*, a secret is sent by basic, and a key signs.

    Raises UsageError if the method has not what it needs, or something else.
    """
    if method is None:
        kind = ClientAuthentication.NONE
        if secret is not None:
            kind = ClientAuthentication.BASIC
        elif key is not None:
            kind = ClientAuthentication.PRIVATE_KEY_JWT
    else:
        kind = ClientAuthentication(method)
    takes_secret = kind in {ClientAuthentication.BASIC, ClientAuthentication.POST}
    takes_key = kind is ClientAuthentication.PRIVATE_KEY_JWT
    if takes_secret and secret is None:
        raise click.UsageError(
            f"--client-auth {kind.value} needs --client-secret-env or --client-secret-file"
        )
    if takes_key and key is None:
        raise click.UsageError(f"--client-auth {kind.value} needs --key")
    if (secret is not None and not takes_secret) or (key is not None and not takes_key):
        raise click.UsageError(f"--client-auth {kind.value} does not use the given secret or key")
    return OAuthClient(client_id, kind, secret, key)


def read_secret(variable: str | None, file: Path | None, what: str) -> str | None:
    """Return the secret in the environment *variable* or in *file*, `-` for stdin; None without.

    Exits with 3 if it is unreadable; no message repeats it.
    """
    if variable is not None and file is not None:
        raise click.UsageError(f"--{what}-env and --{what}-file are mutually exclusive")
    if variable is not None:
        value = os.environ.get(variable)
        if value is None:
            leave(f"--{what}-env: the environment variable is not set")
        return _only_visible(value, f"--{what}-env")
    if file is None:
        return None
    octets = read_file(file, f"--{what}-file")
    return _only_visible(octets.decode("utf-8", "replace"), f"--{what}-file")


def read_key(file: Path | None) -> SigningKey | None:
    """Return the private key in *file*; exit with 3 if it is unreadable, with 2 if it is none."""
    if file is None:
        return None
    key = parse_signing_key(read_file(file, "--key"))
    if isinstance(key, str):
        raise click.UsageError(f"--key: {key}")
    return key


def _only_visible(text: str, option: str) -> str:
    secret = text.removesuffix("\n").removesuffix("\r")
    if not _VISIBLE.fullmatch(secret):
        raise click.UsageError(f"{option}: empty, or not one line of visible ASCII characters")
    return secret


def read_file(file: Path, option: str) -> bytes:
    """Return the content of *file*, ``-`` for stdin; exit with 3 if it is unreadable."""
    try:
        if str(file) == _STDIN:
            claim_stdin(option)
            octets = sys.stdin.buffer.read(_MAX_SECRET_BYTES + 1)
        else:
            with file.open("rb") as opened:
                octets = opened.read(_MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        # Without the name, which may be the secret itself by mistake.
        reason = getattr(error, "strerror", None) or "not a file name"
        leave(f"{option}: cannot read the file: {reason}")
    if len(octets) > _MAX_SECRET_BYTES:
        raise click.UsageError(f"{option}: larger than {_MAX_SECRET_BYTES} bytes")
    return octets


def leave(message: str, exit_code: int = EXIT_ENVIRONMENT) -> NoReturn:
    """Exit with *message* on stderr, which is one line whatever a server said."""
    click.echo(f"gateway: {escape(message)}", err=True)
    sys.exit(exit_code)
