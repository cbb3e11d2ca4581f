"""The facets of a route: which requests it owns, what it requires, and where they go."""

import json
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from math import isinf

from gateway.decision.routes.routing import Place, Route
from gateway.decision.routes.template import Variable
from gateway.decision.rules.claim_tests import ClaimGroup, ClaimRule, ClaimTest
from gateway.settings.values.configuration import Server, Settings
from gateway.settings.values.cors import Cors
from gateway.settings.values.rewrite import FieldEdits, HostField, QueryEdits, Rewrite
from gateway.settings.values.route_options import RouteOptions
from gateway.suites.differences.facet import Facet
from gateway.suites.differences.identity_facets import route_header_facets, show_source
from gateway.suites.differences.rate_facets import route_limits_facet
from gateway.suites.differences.scope_meaning import ScopeMeaning

ACCESS = "access"

_VARIABLE = re.compile(r"\{path\.(\w+)\}")


def route_facets(route: Route, settings: Settings) -> dict[str, Facet]:
    """Return the facets of *route* in *settings*, without its name and its place."""
    facets = _match(route) | _access(route, settings) | _upstream(route, settings)
    for name, value in (
        ("allow_encoded_slash", route.allow_encoded_slash),
        ("allow_semicolon", route.allow_semicolon),
    ):
        facets[name] = Facet(value, _yes(value), (name,))
    return facets


def _match(route: Route) -> dict[str, Facet]:
    segments = route.segments
    # The names of variables do not matter.
    shape = tuple(None if isinstance(one, Variable) else one for one in segments)
    key = "path_prefix" if route.is_prefix else "path"
    path = f"{route.path}*" if route.is_prefix else route.path
    return {
        "methods": Facet(route.methods, listed(route.methods, "any"), ("match", "methods")),
        "path": Facet((shape, route.is_prefix), path, ("match", key)),
        "hosts": Facet(frozenset(route.hosts), listed(route.hosts, "any"), ("match", "hosts")),
    }


def _access(route: Route, settings: Settings) -> dict[str, Facet]:
    if route.public:
        return {ACCESS: Facet("public", "public", ("public",))}
    kind = "an optional token" if route.optional else "a token"
    keys = ("require", "optional") if route.optional else ("require",)
    mode = "report" if route.reports else "enforce"
    facets = {
        ACCESS: Facet(kind, kind, keys),
        "login": _logins(route),
        "mode": Facet(mode, mode, ("mode",)),
        "issuers": _issuers(route, settings),
        "audiences": _audiences(route, settings),
        "scopes": _scopes(route, settings),
        "token_from": _places(route),
        **_second(route),
    }
    step_up = route.step_up
    acr = None if step_up is None or not step_up.acr_values else frozenset(step_up.acr_values)
    max_age = None if step_up is None else step_up.max_age_seconds
    facets["acr"] = _any_of(acr, "acr")
    text = "any time" if max_age is None else f"{max_age} s"
    facets["max_age"] = Facet(max_age, text, ("require", "max_age"))
    return facets | _claims(route) | route_header_facets(route, settings.policy)


def _places(route: Route) -> Facet:
    """Return where the first token may be."""
    sources = route.sources
    places = [Place.AUTHORIZATION] if sources is None else [*sources.places]
    names = {one.value for one in places if one is not Place.HEADER}
    if sources is not None and sources.field is not None:
        names.add(sources.field.decode())
    return Facet(frozenset(names), listed(names, "nowhere"), ("token_from",))


def _second(route: Route) -> dict[str, Facet]:
    """Return what is required of a second token, if there is to be one."""
    second = None if route.sources is None else route.sources.second
    if second is None:
        return {}
    keys = ("require", "also")
    scopes = None if second.scopes is None else second.scopes.text
    tests = frozenset(test.text for test in second.claims)
    headers = {name.decode(): show_source(source) for name, source in second.identity.headers}
    shown = ", ".join(f"{name}: {claim}" for name, claim in headers.items()) or "none"
    return {
        "also": Facet(second.field, second.name, (*keys, "header")),
        "also.issuers": Facet(second.issuers, listed(second.issuers, "none"), (*keys, "issuers")),
        "also.audiences": Facet(
            second.audiences, listed(second.audiences or (), "any"), (*keys, "audiences")
        ),
        "also.scopes": Facet(scopes, scopes or "none", (*keys, "scopes")),
        "also.claims": Facet(tests, listed(tests, "none"), (*keys, "claims")),
        "also.identity": Facet(frozenset(headers.items()), shown, (*keys, "identity")),
    }


def _logins(route: Route) -> Facet:
    """Return the logins whose sessions are accepted besides tokens; their order is for people."""
    names = frozenset(rule.name for rule in route.login)
    return Facet(names, listed(names, "none"), ("login",))


def _issuers(route: Route, settings: Settings) -> Facet:
    """Return the accepted issuers, by `iss`: naming none equals naming all."""
    names = sorted(settings.issuers if route.issuers is None else route.issuers)
    value = frozenset(settings.issuers[name].issuer.issuer for name in names)
    every = "every issuer: " if route.issuers is None else ""
    return Facet(value, f"{every}{', '.join(names)}", ("require", "issuers"))


def _audiences(route: Route, settings: Settings) -> Facet:
    """Return the required audiences: none, if every issuer requires as much."""
    asked = route.audiences
    accepted = settings.issuers if route.issuers is None else route.issuers
    own = [settings.issuers[name].issuer.audiences for name in accepted]
    if asked is not None and all(one is not None and one <= asked for one in own):
        return replace(_any_of(asked, "audiences"), value=None)
    return _any_of(asked, "audiences")


def _scopes(route: Route, settings: Settings) -> Facet:
    rule = route.scopes
    expression = None if rule is None else rule.expression
    meaning = ScopeMeaning(expression, settings.policy.scope_implies)
    return Facet(meaning, "none" if rule is None else rule.text, ("require", "scopes"))


def _claims(route: Route) -> dict[str, Facet]:
    """Return a facet for each tested claim and group, with variables by their path position."""
    segments = route.segments
    names = [one.name for one in segments if isinstance(one, Variable)]
    places = {name: str(place) for place, name in enumerate(names)}
    tests = [rule for rule in route.claims if isinstance(rule, ClaimTest)]
    tested = {test.path for test in tests if test.operator != "exists"}
    found: dict[str, list[ClaimTest]] = {}
    for test in tests:
        if test.operator == "exists" and test.operand is True and test.path in tested:
            continue  # every other test implies it
        found.setdefault(test.claim, []).append(test)
    facets = {
        f"claims {rule.kind}": Facet(
            _normal_group(rule, places), rule.text, ("require", "claims", rule.kind)
        )
        for rule in route.claims
        if isinstance(rule, ClaimGroup)
    }
    return facets | {
        f"claim {claim}": Facet(
            frozenset(_normal(test, places) for test in tests),
            " and ".join(sorted(test.text for test in tests)),
            ("require", "claims", claim),
        )
        for claim, tests in sorted(found.items())
    }


def _normal_group(group: ClaimGroup, places: Mapping[str, str]) -> Hashable:
    """Return *group* without the order of its parts and rules."""
    parts = (frozenset(normal_rule(rule, places) for rule in part) for part in group.parts)
    return group.kind, frozenset(parts)


def normal_rule(rule: ClaimRule, places: Mapping[str, str]) -> Hashable:
    """Return *rule* in a form in which rules of the same meaning are equal.

    *places* are the positions of path variables, by name.
    """
    if isinstance(rule, ClaimGroup):
        return _normal_group(rule, places)
    return rule.path, *_normal(rule, places)


def _normal(test: ClaimTest, places: Mapping[str, str]) -> tuple[str, str]:
    operator, operand = test.operator, test.operand
    if operator == "in" and isinstance(operand, list | tuple):
        choices = sorted({_text(choice, places) for choice in operand})
        return ("equals", choices[0]) if len(choices) == 1 else ("in", " ".join(choices))
    return operator, _text(operand, places)


def _text(operand: object, places: Mapping[str, str]) -> str:
    """Return *operand* as JSON in one spelling: 1.0 is 1."""
    if isinstance(operand, float) and operand.is_integer():
        operand = int(operand)
    if isinstance(operand, str):
        operand = _VARIABLE.sub(lambda match: f"{{path.{places.get(match[1])}}}", operand)
    return json.dumps(operand)


def _upstream(route: Route, settings: Settings) -> dict[str, Facet]:
    servers = settings.upstreams[route.upstream].servers
    value = frozenset((server.tls, server.authority) for server in servers)
    text = f"{route.upstream} ({', '.join(map(show_server, servers))})"
    upgrades = listed(route.upgrades, "none")
    return {
        "upstream": Facet(value, text, ("upstream",)),
        "upgrades": Facet(route.upgrades, upgrades, ("upgrades",)),
        **_options(settings.route_options[route.index]),
        "priority": _priority(settings.route_options[route.index]),
        "rate_limits": route_limits_facet(settings.rate_limiting.routes[route.index]),
        **edit_facets(route, settings.route_options[route.index]),
        "resource": Facet(route.metadata_url, route.metadata_url or "none"),
    }


def _options(options: RouteOptions) -> dict[str, Facet]:
    """Return the options that the route sets itself; the defaults are compared elsewhere."""
    body = "unlimited" if options.body_bytes is None else f"{options.body_bytes} bytes"
    total = "unlimited" if isinf(options.total_seconds) else f"{options.total_seconds:g} s"
    said = {
        ("limits", "body"): body,
        ("limits", "body_rate"): show_rate(options.body_rate),
        ("limits", "read_rate"): show_rate(options.read_rate),
        ("limits", "requests"): _number(options.requests),
        ("timeouts", "response"): f"{options.response_timeout_seconds:g} s",
        ("timeouts", "stall"): f"{options.stall_timeout_seconds:g} s",
        ("timeouts", "total"): total,
    }
    return {
        ".".join(place): Facet(text, text, place)
        if place[1] in options.own
        else Facet(None, "the default", place)
        for place, text in said.items()
    }


def edit_facets(route: Route, options: RouteOptions) -> dict[str, Facet]:
    """Return a facet for each change of requests and responses, and for CORS."""
    return _rewrite(route, options.rewrite or Rewrite()) | _cors(options.cors)


def _cors(cors: Cors | None) -> dict[str, Facet]:
    if cors is None:
        return {}
    every = ["*"] if cors.is_open else []
    origins = ", ".join(sorted(one.decode() for one in (*cors.origins, *cors.patterns)) + every)
    methods = ", ".join(sorted(cors.methods)) or "any method"
    credentials = " with credentials" if cors.credentials else ""
    text = (
        f"{origins}{credentials}: {methods}, with {cors.headers.decode()}, reading"
        f" {cors.exposed.decode()}, kept {cors.max_age_seconds} s"
    )
    return {"cors": Facet(text, text, ("cors",))}


def _rewrite(route: Route, rewrite: Rewrite) -> dict[str, Facet]:
    said: dict[str, tuple[object, str]] = {}
    if rewrite.cut_segments:
        asked = "/".join(route.path.split("/")[: rewrite.cut_segments + 1])
        sent = rewrite.prefix.decode()
        # The service receives another path with either.
        said["path"] = ((rewrite.cut_segments, sent), f"{asked} becomes {sent or 'nothing'}")
    if rewrite.host is not HostField.KEEP:
        host = rewrite.host
        text = host.decode() if isinstance(host, bytes) else "the server's own"
        said["host"] = (host, text)
    for key, edits in (
        ("request_headers", rewrite.request_fields),
        ("answer_headers", rewrite.response_fields),
        ("query", rewrite.query),
    ):
        if edits.removed:
            said[key] = (edits, _show_edits(edits))
    return {
        f"rewrite.{key}": Facet(value, text, ("rewrite", key) if key != "path" else ("rewrite",))
        for key, (value, text) in said.items()
    }


def _show_edits(edits: FieldEdits | QueryEdits) -> str:
    if isinstance(edits, QueryEdits):
        added = edits.added.decode()
    else:
        added = ", ".join(edits.lines.decode().split("\r\n")[1:])
    removed = ", ".join(sorted(name.decode(errors="replace") for name in edits.removed))
    return f"without {removed}{', with ' if added else ''}{added}"


def _priority(options: RouteOptions) -> Facet:
    name = options.priority.name.lower()
    return Facet(name, name, ("priority",))


def show_rate(rate: int | None) -> str:
    """Return the minimum *rate*, in bytes per second."""
    return "none" if rate is None else f"{rate} bytes/s"


def _number(limit: int | None) -> str:
    return "unlimited" if limit is None else str(limit)


def show_server(server: Server) -> str:
    """Return *server* as a URL."""
    return f"{'https' if server.tls else 'http'}://{server.authority}"


def listed(names: Iterable[str], nothing: str) -> str:
    """Return *names* in order, or *nothing* if there are none."""
    return ", ".join(sorted(names)) or nothing


def _any_of(values: frozenset[str] | None, key: str) -> Facet:
    return Facet(values, "any" if values is None else listed(values, "none"), ("require", key))


def _yes(value: bool) -> str:
    return "yes" if value else "no"
