"""The facets of a route: which requests it owns, what it requires, and where they go."""

import json
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from math import inf, isinf

from gateway.decision.identity import canonical_alias
from gateway.decision.routes.routing import Place, Route
from gateway.decision.routes.template import Variable
from gateway.decision.rules.claim_tests import ClaimGroup, ClaimRule, ClaimTest
from gateway.settings.values.configuration import Server, Settings
from gateway.settings.values.cors import Cors
from gateway.settings.values.rewrite import FieldEdits, HostField, QueryEdits, Rewrite
from gateway.settings.values.route_options import RouteOptions
from gateway.suites.differences.facet import Facet, Kind, Kinds, listed
from gateway.suites.differences.identity_facets import (
    judge_second_headers,
    route_header_facets,
    show_source,
)
from gateway.suites.differences.judges import (
    CLOSED,
    NOTHING,
    always,
    by_requests,
    falls,
    grows,
    harmless,
    on,
    part,
    rises,
    shrinks,
    switches_on,
    weakens,
)
from gateway.suites.differences.scope_meaning import ScopeMeaning

ACCESS = "access"

_VARIABLE = re.compile(r"\{path\.(\w+)\}")


def route_facets(route: Route, settings: Settings) -> dict[str, Facet]:
    """Return the facets of *route* in *settings*, without its name and its place."""
    return match_facets(route) | rule_facets(route, settings)


def rule_facets(route: Route, settings: Settings) -> dict[str, Facet]:
    """Return the facets of *route* in *settings* but those of ``match_facets``."""
    facets = _access(route, settings) | _upstream(route, settings)
    for name, value in (
        ("allow_encoded_slash", route.allow_encoded_slash),
        ("allow_semicolon", route.allow_semicolon),
    ):
        facets[name] = Facet(value, _yes(value), switches_on(Kind.OPENED), (name,))
    return facets


def read_of_path(route: Route, options: RouteOptions) -> Hashable:
    """Return what ``rule_facets`` says of the path of *route*, and of what depends on it."""
    variables = tuple(one.name for one in route.segments if isinstance(one, Variable))
    cut = 0 if options.rewrite is None else options.rewrite.cut_segments
    return variables, _first_segments(route, cut), route.metadata_url


def match_facets(route: Route) -> dict[str, Facet]:
    """Return the facets of the requests that *route* owns."""
    segments = route.segments
    # The names of variables do not matter.
    shape = tuple(None if isinstance(one, Variable) else one for one in segments)
    key = "path_prefix" if route.is_prefix else "path"
    path = f"{route.path}*" if route.is_prefix else route.path
    return {
        "methods": Facet(
            route.methods, listed(route.methods, "any"), by_requests, ("match", "methods")
        ),
        "path": Facet((shape, route.is_prefix), path, by_requests, ("match", key)),
        "hosts": Facet(
            frozenset(route.hosts), listed(route.hosts, "any"), by_requests, ("match", "hosts")
        ),
    }


def _access(route: Route, settings: Settings) -> dict[str, Facet]:
    if route.public:
        return {ACCESS: Facet("public", "public", by_requests, ("public",))}
    kind = "an optional token" if route.optional else "a token"
    keys = ("require", "optional") if route.optional else ("require",)
    mode = "report" if route.reports else "enforce"
    facets = {
        ACCESS: Facet(kind, kind, by_requests, keys),
        "login": _logins(route),
        "mode": Facet(mode, mode, weakens(("enforce", "report"), Kind.OPENED), ("mode",)),
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
    facets["max_age"] = Facet(max_age, text, by_requests, ("require", "max_age"))
    return facets | _claims(route) | route_header_facets(route, settings.policy)


def _places(route: Route) -> Facet:
    """Return where the first token may be."""
    sources = route.sources
    places = [Place.AUTHORIZATION] if sources is None else [*sources.places]
    names = {one.value for one in places if one is not Place.HEADER}
    if sources is not None and sources.field is not None:
        names.add(sources.field.decode())
    judge = _judge_optional_places if route.optional else grows(Kind.OPENED)
    return Facet(frozenset(names), listed(names, "nowhere"), judge, ("token_from",))


def _judge_optional_places(old: object, new: object) -> Kinds:
    """Judge where a token may be that nobody needs: a bad one that is not read passes as nobody."""
    found = grows(Kind.OPENED)(old, new)
    return found | {Kind.OPENED} if Kind.CLOSED in found else found


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
    issuers, audiences = second.issuers, second.audiences
    return {
        "also": Facet(second.field, second.name, part(always(Kind.OPENED)), (*keys, "header")),
        "also.issuers": Facet(issuers, listed(issuers, "none"), by_requests, (*keys, "issuers")),
        "also.audiences": Facet(
            audiences, listed(audiences or (), "any"), by_requests, (*keys, "audiences")
        ),
        "also.scopes": Facet(scopes, scopes or "none", by_requests, (*keys, "scopes")),
        "also.claims": Facet(tests, listed(tests, "none"), by_requests, (*keys, "claims")),
        "also.identity": Facet(
            frozenset(second.identity.headers), shown, judge_second_headers, (*keys, "identity")
        ),
    }


def _logins(route: Route) -> Facet:
    """Return the logins whose sessions are accepted besides tokens; their order is for people."""
    names = frozenset(rule.name for rule in route.login)
    return Facet(names, listed(names, "none"), by_requests, ("login",))


def _issuers(route: Route, settings: Settings) -> Facet:
    """Return the accepted issuers, by `iss`: naming none equals naming all."""
    names = sorted(settings.issuers if route.issuers is None else route.issuers)
    value = frozenset(settings.issuers[name].issuer.issuer for name in names)
    every = "every issuer: " if route.issuers is None else ""
    return Facet(value, f"{every}{', '.join(names)}", by_requests, ("require", "issuers"))


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
    text = "none" if rule is None else rule.text
    return Facet(meaning, text, by_requests, ("require", "scopes"))


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
            _normal_group(rule, places), rule.text, by_requests, ("require", "claims", rule.kind)
        )
        for rule in route.claims
        if isinstance(rule, ClaimGroup)
    }
    return facets | {
        f"claim {claim}": Facet(
            frozenset(_normal(test, places) for test in tests),
            " and ".join(sorted(test.text for test in tests)),
            by_requests,
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
    options = settings.route_options[route.index]
    limits = sorted(limit.name for limit in settings.rate_limiting.routes[route.index])
    return {
        "upstream": Facet(value, text, _judge_servers, ("upstream",)),
        "upgrades": Facet(route.upgrades, upgrades, grows(Kind.OPENED), ("upgrades",)),
        **_options(options),
        "priority": _priority(options),
        "rate_limits": Facet(
            frozenset(limits), listed(limits, "none"), shrinks(Kind.LOOSENED), ("rate_limits",)
        ),
        **edit_facets(route, options),
        "resource": Facet(
            route.metadata_url,
            route.metadata_url or "none",
            harmless("it only tells refused clients where to get a token"),
        ),
    }


def _judge_servers(old: object, new: object) -> Kinds:
    """Judge sets of servers, each with whether it is reached over TLS."""
    before, after = (_without_tls(one) for one in (old, new))
    if before == after:
        return frozenset({Kind.MOVED})
    return frozenset({Kind.MOVED, Kind.LOOSENED if after else Kind.CLOSED})


def _without_tls(servers: object) -> bool:
    """Return whether any of *servers* is reached without TLS."""
    return isinstance(servers, frozenset) and any(not tls for tls, _ in servers)


@dataclass(frozen=True, slots=True)
class _General:
    """A limit that the route does not set: equal to any other, for it is compared elsewhere."""

    limit: object = field(compare=False)


def _limit_of(value: object) -> object:
    return value.limit if isinstance(value, _General) else value


def _options(options: RouteOptions) -> dict[str, Facet]:
    """Return the options that the route sets itself; the defaults are compared elsewhere."""
    body, requests, total = options.body_bytes, options.requests, options.total_seconds
    response, stall = options.response_timeout_seconds, options.stall_timeout_seconds
    said: dict[tuple[str, str], tuple[float, str]] = {
        ("limits", "body"): (_most(body), "unlimited" if body is None else f"{body} bytes"),
        ("limits", "body_rate"): (options.body_rate or 0, show_rate(options.body_rate)),
        ("limits", "read_rate"): (options.read_rate or 0, show_rate(options.read_rate)),
        ("limits", "requests"): (
            _most(requests),
            "unlimited" if requests is None else str(requests),
        ),
        ("timeouts", "response"): (response, f"{response:g} s"),
        ("timeouts", "stall"): (stall, f"{stall:g} s"),
        ("timeouts", "total"): (total, "unlimited" if isinf(total) else f"{total:g} s"),
    }
    facets: dict[str, Facet] = {}
    for place, (value, text) in said.items():
        judge = on(_limit_of, falls() if place[1].endswith("_rate") else rises())
        is_own = place[1] in options.own
        facets[".".join(place)] = (
            Facet(value, text, judge, place)
            if is_own
            else Facet(_General(value), "the default", judge, place)
        )
    return facets


def _most(limit: int | None) -> float:
    return inf if limit is None else limit


def edit_facets(route: Route, options: RouteOptions) -> dict[str, Facet]:
    """Return a facet for each change of requests and responses, and for CORS."""
    return _rewrite(route, options.rewrite or Rewrite()) | cors_facets(options.cors)


def cors_facets(cors: Cors | None, *keys: str) -> dict[str, Facet]:
    """Return the facet of which pages may read responses; its setting is below *keys*."""
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
    value = CorsMeaning(
        frozenset({*cors.origins, *cors.patterns, *((b"*",) if cors.is_open else ())}),
        cors.methods,
        frozenset(filter(None, cors.headers.split(b", "))),
        frozenset(filter(None, cors.exposed.split(b", "))),
        cors.credentials,
        cors.max_age_seconds,
    )
    return {"cors": Facet(value, text, _judge_cors, (*keys, "cors"))}


@dataclass(frozen=True, slots=True)
class CorsMeaning:
    """What pages of other origins may do, in a form that can be compared."""

    origins: frozenset[bytes]
    methods: frozenset[str]  # empty: every method of the route
    headers: frozenset[bytes]
    exposed: frozenset[bytes]
    credentials: bool
    max_age_seconds: int


def _judge_cors(old: object, new: object) -> Kinds:
    """Judge CORS options: more pages, or more that they may do, is looser.

    Without `cors` the fields of the service itself reach browsers, so both ways can loosen.
    """
    if not isinstance(old, CorsMeaning) or not isinstance(new, CorsMeaning):
        return frozenset({Kind.LOOSENED})
    more = grows(Kind.LOOSENED)
    kinds: Kinds = NOTHING.union(
        more(old.origins, new.origins),
        more(old.headers, new.headers),
        more(old.exposed, new.exposed),
        rises()(old.max_age_seconds, new.max_age_seconds),
    )
    if old.credentials is not new.credentials:
        kinds |= switches_on(Kind.LOOSENED)(old.credentials, new.credentials)
    if old.methods != new.methods:
        by_methods = more(old.methods, new.methods) if old.methods else CLOSED
        kinds |= by_methods if new.methods else {Kind.LOOSENED}
    return kinds


def _first_segments(route: Route, number: int) -> str:
    return "/".join(route.path.split("/")[: number + 1])


def _rewrite(route: Route, rewrite: Rewrite) -> dict[str, Facet]:
    facets: dict[str, Facet] = {}
    moves = always(Kind.MOVED)
    cut, sent = _shorten(route, rewrite)
    if cut or sent:
        asked = _first_segments(route, cut)
        text = f"{asked or 'nothing'} becomes {sent or 'nothing'}"
        # The service receives another path with either.
        facets["rewrite.path"] = Facet((cut, sent), text, moves, ("rewrite",))
    if rewrite.host is not HostField.KEEP:
        host = rewrite.host
        text = host.decode() if isinstance(host, bytes) else "the server's own"
        facets["rewrite.host"] = Facet(host, text, moves, ("rewrite", "host"))
    for key, edits, judge in (
        ("request_headers", rewrite.request_fields, _judge_request_fields),
        ("answer_headers", rewrite.response_fields, _judge_response_fields),
        ("query", rewrite.query, _judge_query),
    ):
        if edits.removed:
            name = f"rewrite.{key}"
            facets[name] = Facet(edits, _show_edits(edits), judge, ("rewrite", key))
    return facets


def _shorten(route: Route, rewrite: Rewrite) -> tuple[int, str]:
    """Return how many segments become which prefix, without those that stay as they are.

    To replace `/a/b` by `/b` is to strip `/a`.
    """
    cut, sent = rewrite.cut_segments, rewrite.prefix.decode()
    asked = route.path.split("/")
    while cut and sent:
        before, _, last = sent.rpartition("/")
        if asked[cut] != last:
            break
        cut, sent = cut - 1, before
    return cut, sent


def _judge_request_fields(old: object, new: object) -> Kinds:
    """Judge edits of requests: a field that is set, or no longer removed, may be believed."""
    before, after = _as_edits(old), _as_edits(new)
    is_looser = before.removed - after.removed or _lines(after) - _lines(before)
    return frozenset({Kind.LOOSENED}) if is_looser else CLOSED


# Fields by which a service protects its pages in browsers; a change of others is not protection.
_PROTECTIVE = frozenset(
    canonical_alias(name)
    for name in (
        b"Cache-Control",
        b"Content-Security-Policy",
        b"Cross-Origin-Embedder-Policy",
        b"Cross-Origin-Opener-Policy",
        b"Cross-Origin-Resource-Policy",
        b"Permissions-Policy",
        b"Referrer-Policy",
        b"Strict-Transport-Security",
        b"X-Content-Type-Options",
        b"X-Frame-Options",
    )
)


def _judge_response_fields(old: object, new: object) -> Kinds:
    """Judge edits of responses: what protects may come, what does not may go."""
    before, after = _as_edits(old), _as_edits(new)
    added = _lines(after) - _lines(before)
    set_now = {name for name, _ in added}
    removed_now = after.removed - before.removed - set_now
    is_stricter = (
        before.removed <= after.removed
        and not set_now & before.removed
        and set_now <= _PROTECTIVE
        and not removed_now & _PROTECTIVE
    )
    return CLOSED if is_stricter else frozenset({Kind.LOOSENED})


def _as_edits(value: object) -> FieldEdits:
    return value if isinstance(value, FieldEdits) else FieldEdits()


def _lines(edits: FieldEdits) -> set[tuple[bytes, bytes]]:
    """Return the fields that are set: the aliases of their names, and their lines."""
    lines = edits.lines.split(b"\r\n")[1:]
    return {(canonical_alias(line.partition(b":")[0]), line) for line in lines}


def _judge_query(old: object, new: object) -> Kinds:
    """Judge edits of the query: a parameter that is set, or no longer removed, may be believed."""
    before = old if isinstance(old, QueryEdits) else QueryEdits()
    after = new if isinstance(new, QueryEdits) else QueryEdits()
    is_set = after.added not in {b"", before.added}
    return frozenset({Kind.LOOSENED}) if is_set or before.removed - after.removed else CLOSED


def _show_edits(edits: FieldEdits | QueryEdits) -> str:
    if isinstance(edits, QueryEdits):
        added = edits.added.decode()
    else:
        added = ", ".join(edits.lines.decode().split("\r\n")[1:])
    removed = ", ".join(sorted(name.decode(errors="replace") for name in edits.removed))
    return f"without {removed}{', with ' if added else ''}{added}"


def _priority(options: RouteOptions) -> Facet:
    name = options.priority.name.lower()
    reason = "which requests are refused first if not all can be served"
    return Facet(name, name, harmless(reason), ("priority",))


def show_rate(rate: int | None) -> str:
    """Return the minimum *rate*, in bytes per second."""
    return "none" if rate is None else f"{rate} bytes/s"


def show_server(server: Server) -> str:
    """Return *server* as a URL."""
    return f"{'https' if server.tls else 'http'}://{server.authority}"


def _any_of(values: frozenset[str] | None, key: str) -> Facet:
    text = "any" if values is None else listed(values, "none")
    return Facet(values, text, by_requests, ("require", key))


def _yes(value: bool) -> str:
    return "yes" if value else "no"
