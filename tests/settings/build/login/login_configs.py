"""Configurations with ways to log in."""

from pathlib import Path

from gateway.settings.values.login import LoginSettings
from tests.settings.configs import ISSUERS, UPSTREAMS, VERSION, load

_USUAL = {
    "issuer": "main",
    "origins": '["https://app.example.com"]',
    "client_id": "web",
    "client_secret": '"${CLIENT_SECRET}"',
    "scopes": "[openid, offline_access, orders:read]",
}
APP = "{name: app, match: {path_prefix: /app/}, upstream: orders, require: {}, login: web}"
REDIS = 'redis: {url: "redis://127.0.0.1"}\n'


def login(name: str = "web", **keys: str) -> str:
    """Return a login as YAML, the usual one but for *keys*; an empty text leaves a key out."""
    lines = {key: text for key, text in {**_USUAL, **keys}.items() if text}
    return f"  {name}:\n" + "".join(f"    {key}: {text}\n" for key, text in lines.items())


def with_logins(*logins: str, routes: str = APP, issuers: str = ISSUERS, extra: str = "") -> str:
    """Return a configuration with *logins*; *routes* are flow mappings, one a line."""
    listed = "".join(f"  - {route}\n" for route in routes.splitlines())
    every = f"login:\n{''.join(logins)}routes:\n{listed}"
    return VERSION + issuers + UPSTREAMS + every + extra


def one_login(extra: str = "", **keys: str) -> str:
    """Return a configuration whose one login is the usual one but for *keys*."""
    return with_logins(login(**keys), extra=extra)


def built(directory: Path, extra: str = "", **keys: str) -> LoginSettings:
    """Return the one login of a configuration that must hold."""
    return load(directory, one_login(extra, **keys)).logins["web"]
