"""List the routes of a configuration in the order they match."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.cli.config_file import config_argument, find_config, load_or_exit
from gateway.cli.options import format_option
from gateway.cli.output import print_table
from gateway.decision.routes.routing import Place, Route, SecondToken
from gateway.decision.routes.template import Variable
from gateway.decision.rules.step_up import StepUp
from gateway.settings.values.configuration import Resource, Settings
from gateway.settings.values.login import LoginSettings

_RESOURCE_HEAD = ("RESOURCE", "METADATA", "SERVERS", "ROUTES", "PLACE")
_LOGIN_HEAD = ("LOGIN", "ISSUER", "CLIENT", "ORIGINS", "SESSIONS", "ROUTES", "PLACE")
_PUBLIC = "nothing (public)"
_COLOURS = {_PUBLIC: "yellow"}
_HEAD = ("HOST", "METHOD", "PATH", "ROUTE", "NEEDS", "UPSTREAM", "PLACE")


@click.command("routes")
@config_argument
@format_option()
def command(file: Path | None, config: Path | None, form: str) -> None:
    """List the routes of FILE, the most specific first: the first that matches owns a request."""
    settings = load_or_exit(find_config(file, config)).settings
    lines = [(host, route) for route in settings.policy.routes.routes for host in _hosts(route)]
    lines.sort(key=_rank)
    reporting = frozenset(
        one.issuer.name for one in settings.issuers.values() if one.issuer.reports
    )
    if form == "json":
        rows = [_as_json(host, route, reporting) for host, route in lines]
        click.echo(json.dumps(rows, indent=2))
        return
    print_table(_HEAD, [_as_row(host, route, reporting) for host, route in lines], _COLOURS)
    if settings.resources:
        click.echo()
        print_table(_RESOURCE_HEAD, [_resource_row(one) for one in settings.resources])
    if settings.logins:
        click.echo()
        print_table(_LOGIN_HEAD, [_login_row(one, settings) for one in settings.logins.values()])


def _hosts(route: Route) -> tuple[str, ...]:
    return route.hosts or ("*",)


def _rank(line: tuple[str, Route]) -> tuple[object, ...]:
    host, route = line
    kind = 2 if host == "*" else 1 if host.startswith("*") else 0
    # A longer wildcard wins over a shorter one, a literal over a variable, a path over a prefix.
    segments = route.segments
    path = tuple((1, "") if isinstance(part, Variable) else (0, part) for part in segments)
    tail = ((2, ""),) if route.is_prefix else ()
    return kind, -host.count("."), host, path + tail, not route.methods, sorted(route.methods)


def _needs(route: Route, reporting: frozenset[str]) -> str:
    if route.public:
        return _PUBLIC
    parts = [f"issuer {' or '.join(sorted(route.issuers))}"] if route.issuers else []
    if route.audiences is not None:
        parts.append(f"audience {' or '.join(sorted(route.audiences))}")
    if route.scopes is not None:
        parts.append(f"scopes {route.scopes.text}")
    parts.extend(test.text for test in route.claims)
    if route.step_up is not None:
        parts.extend(_step_up(route.step_up))
    if route.sources is not None and route.sources.second is not None:
        parts.append(_second(route.sources.second))
    names = [rule.name for rule in route.login]
    kind = f"a token by {' or '.join(_places(route))}" if route.sources else "a token"
    kinds = f"{kind} or a session of {' or '.join(names)}" if names else kind
    token = f"{kinds}, if sent" if route.optional else kinds
    if route.reports:
        token += " (only reported)"
    elif passing := _reporting(route, reporting):
        parts.append(f"only reported of {' and '.join(passing)}")
    return f"{token}: {'; '.join(parts)}" if parts else token


def _places(route: Route) -> list[str]:
    """Return where the first token of *route* may be."""
    sources = route.sources
    if sources is None:
        return [Place.AUTHORIZATION.value]
    field = "" if sources.field is None else sources.field.decode("ascii")
    in_order = (one for one in Place if one in sources.places)
    return [field if one is Place.HEADER else one.value for one in in_order]


def _second(second: SecondToken) -> str:
    parts = [f"issuer {' or '.join(sorted(second.issuers))}"]
    if second.audiences is not None:
        parts.append(f"audience {' or '.join(sorted(second.audiences))}")
    if second.scopes is not None:
        parts.append(f"scopes {second.scopes.text}")
    parts.extend(test.text for test in second.claims)
    return f"also {second.name} ({'; '.join(parts)})"


def _reporting(route: Route, reporting: frozenset[str]) -> list[str]:
    """Return the issuers that only report and whose tokens the route accepts."""
    if route.public:
        return []
    return sorted(reporting if route.issuers is None else reporting & route.issuers)


def _step_up(wanted: StepUp) -> Iterator[str]:
    if wanted.acr_values:
        yield f"acr {' or '.join(wanted.acr_values)}"
    if wanted.max_age_seconds is not None:
        yield f"max_age {wanted.max_age_seconds}s"


def _path(route: Route) -> str:
    path = f"{route.path}*" if route.is_prefix else route.path
    signs = (("%2F", route.allow_encoded_slash), (";", route.allow_semicolon))
    allowed = " or ".join(sign for sign, is_allowed in signs if is_allowed)
    return f"{path} (with {allowed})" if allowed else path


def _as_row(host: str, route: Route, reporting: frozenset[str]) -> tuple[str, ...]:
    methods = ",".join(sorted(route.methods)) or "*"
    needs = _needs(route, reporting)
    return host, methods, _path(route), route.name, needs, route.upstream, route.place


def _resource_row(resource: Resource) -> tuple[str, ...]:
    servers, routes = ",".join(resource.authorization_servers), str(len(resource.routes))
    return resource.identifier, resource.metadata_url, servers, routes, resource.place


def _login_row(login: LoginSettings, settings: Settings) -> tuple[str, ...]:
    origins, session = ",".join(origin.text for origin in login.origins), login.session
    ends = f"idle {session.idle_seconds:g}s, total {session.total_seconds:g}s"
    sessions = f"{session.store.value}, {ends}"
    routes = settings.policy.routes.routes
    count = sum(login.name == rule.name for route in routes for rule in route.login)
    client = login.client.client_id
    return login.name, login.issuer, client, origins, sessions, str(count), login.place


def _as_json(host: str, route: Route, reporting: frozenset[str]) -> dict[str, Any]:
    step_up = route.step_up
    second = None if route.sources is None else route.sources.second
    return {
        "name": route.name,
        "host": host,
        "methods": sorted(route.methods),
        "path_prefix" if route.is_prefix else "path": route.path,
        "public": route.public,
        "optional": route.optional,
        "login": [rule.name for rule in route.login],
        "token_from": _places(route),
        "also": None if second is None else _second_as_json(second),
        "mode": "report" if route.reports else "enforce",
        "reporting_issuers": _reporting(route, reporting),
        "issuers": None if route.issuers is None else sorted(route.issuers),
        "audiences": None if route.audiences is None else sorted(route.audiences),
        "scopes": route.scopes.text if route.scopes else None,
        "claims": [test.text for test in route.claims],
        "acr": list(step_up.acr_values) if step_up else [],
        "max_age_seconds": step_up.max_age_seconds if step_up else None,
        "metadata_url": route.metadata_url,
        "upgrades": sorted(route.upgrades),
        "allow_encoded_slash": route.allow_encoded_slash,
        "allow_semicolon": route.allow_semicolon,
        "upstream": route.upstream,
        "place": route.place,
    }


def _second_as_json(second: SecondToken) -> dict[str, Any]:
    return {
        "header": second.name,
        "issuers": sorted(second.issuers),
        "audiences": None if second.audiences is None else sorted(second.audiences),
        "scopes": second.scopes.text if second.scopes else None,
        "claims": [test.text for test in second.claims],
    }
