"""Complete names on a command line from the files that it names."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from gateway.cli.config_file import find_config
from gateway.settings.load import Loaded, UnreadableError, load_settings
from gateway.settings.values.configuration import Settings
from gateway.suites.files.read_suite import read_suite
from gateway.suites.files.suite import Suite

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def complete_request(ctx: click.Context, _param: click.Parameter, begun: str) -> Sequence[str]:
    """Return the methods, then the paths of routes, that begin as *begun*."""
    words = ctx.params.get("words") or ()
    methods: Iterable[str] = () if words else _METHODS
    return _beginning(begun, [*methods, *_paths(_settings(ctx))] if len(words) < 2 else ())


def complete_issuer(ctx: click.Context, _param: click.Parameter, begun: str) -> Sequence[str]:
    """Return the issuers of the configuration that begin as *begun*."""
    settings = _settings(ctx)
    return _beginning(begun, () if settings is None else settings.issuers)


def complete_login(ctx: click.Context, _param: click.Parameter, begun: str) -> Sequence[str]:
    """Return the logins of the configuration that begin as *begun*."""
    settings = _settings(ctx)
    return _beginning(begun, () if settings is None else settings.logins)


def complete_persona(ctx: click.Context, _param: click.Parameter, begun: str) -> Sequence[str]:
    """Return the personas of ``--suite`` that begin as *begun*."""
    suite = _suite(ctx)
    return _beginning(begun, () if suite is None else suite.personas)


def _beginning(begun: str, names: Iterable[str]) -> Sequence[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(begun)]


def _paths(settings: Settings | None) -> Iterable[str]:
    return () if settings is None else (route.path for route in settings.policy.routes.routes)


def _settings(ctx: click.Context) -> Settings | None:
    """Return the configuration of the command line, or of its suite; None if it does not load.

    A shell shows nothing of what is wrong with it.
    """
    suite = _suite(ctx)
    path = find_config(ctx.params.get("config"), None if suite is None else suite.gateway)
    try:
        loaded = load_settings(path, {**os.environ, **({} if suite is None else suite.environment)})
    except UnreadableError:
        return None
    return loaded.settings if isinstance(loaded, Loaded) else None


def _suite(ctx: click.Context) -> Suite | None:
    path = ctx.params.get("suite_file")
    if not isinstance(path, Path):
        return None
    try:
        suite = read_suite(path, os.environ)
    except UnreadableError:
        return None
    return suite if isinstance(suite, Suite) else None
