"""Write a first configuration, with comments that say what it means and what to change."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from gateway.cli.init.issuer_entry import IssuerEntry
from gateway.cli.init.planned_routes import Plan, PlannedRoute
from gateway.cli.init.yaml_text import comment, flow, quote
from gateway.openapi.api import Access, Security
from gateway.settings.text.fault import Code, Fault

UPSTREAM_NAME = "api"

# Warnings about what the description of the API decides, not the configuration.
_DECIDED_ELSEWHERE = frozenset(
    {Code.GUARD_OPENED, Code.GUARD_SURROUNDED, Code.METHOD_HIDDEN, Code.RULE_DROPPED}
    | {Code.SCOPE_SUSPECT, Code.UNUSED_ISSUER}
)


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a configuration: *origin* says what it was made from.

    *suite* is the name of the suite to list, *upstream* the URL of the service.
    """

    origin: str
    issuer: IssuerEntry
    upstream: str
    plan: Plan
    suite: str | None = None

    def format(self) -> str:
        """Return the configuration as YAML."""
        return "\n".join([*self._lines(), ""])

    def _lines(self) -> Iterator[str]:
        yield from comment(f"Made by `gateway init` from {self.origin}.", 0)
        yield from comment("It is yours to change: `gateway help configuration` has every key.", 0)
        yield "version: 1"
        yield "listen: 127.0.0.1:8080 # this machine only; 0.0.0.0:8080 for all"
        yield "admin: 127.0.0.1:9901 # /status and /metrics"
        if self.suite is not None:
            yield f"suites: [{quote(self.suite)}] # `gateway test` runs them"
        yield ""
        yield "issuers:"
        yield from self.issuer.lines
        yield ""
        yield "upstreams:"
        yield f"  {UPSTREAM_NAME}: {{servers: [{quote(self.upstream)}]}}"
        yield ""
        yield from comment("A request that no route owns is refused.", 0)
        yield "routes:"
        for route in self.plan.routes:
            yield from _route(route)
        for remark in self.plan.remarks:
            yield ""
            yield from comment(remark, 2)


def _route(route: PlannedRoute) -> Iterator[str]:
    for text in route.comments:
        yield from comment(text, 2)
    key = "path_prefix" if route.is_prefix else "path"
    methods = f", methods: {flow(route.methods)}" if route.methods else ""
    yield f"  - name: {quote(route.name)}"
    yield f"    match: {{{key}: {quote(route.path)}{methods}}}"
    yield f"    upstream: {UPSTREAM_NAME}"
    yield f"    {_access(route.security)}"


def _access(security: Security) -> str:
    if security.access is Access.PUBLIC:
        return "public: true"
    if security.access is Access.UNCOVERED:
        return "require: {scopes: {all: [refused, {none: [refused]}]}} # no token passes"
    parts = ["optional: true"] if security.is_optional else []
    scopes = _scopes([sorted(one) for one in security.alternatives])
    parts += [f"scopes: {scopes}"] if scopes else []
    return f"require: {{{', '.join(parts)}}}"


def _scopes(alternatives: Sequence[Sequence[str]]) -> str:
    """Return the rule that one of *alternatives* is held in full; empty for any token."""
    if not any(alternatives):
        return ""
    if len(alternatives) == 1:
        return flow(alternatives[0])
    parts = [quote(one[0]) if len(one) == 1 else f"{{all: {flow(one)}}}" for one in alternatives]
    return f"{{any: [{', '.join(parts)}]}}"


def silence(text: str, warnings: Collection[Fault], source: str) -> str:
    """Return the configuration *text* with a comment for each warning that *source* decides.

    `gateway check --strict` then accepts the file, and the reader sees what it would have said.
    """
    lines = text.split("\n")
    for fault in sorted(warnings, key=lambda one: one.place, reverse=True):
        if fault.code not in _DECIDED_ELSEWHERE:
            continue
        at = fault.place.line - 1
        indent = len(lines[at]) - len(lines[at].lstrip(" "))
        lines.insert(at, f"{' ' * indent}# gateway: allow {fault.code.value} because {source}")
    return "\n".join(lines)
