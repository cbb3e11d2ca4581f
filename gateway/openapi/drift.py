"""Find what a configuration does differently from what an OpenAPI description says."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from gateway.decision.routes.routing import Route
from gateway.openapi.api import Access, Api, Operation
from gateway.openapi.described_routes import describe, make_rule
from gateway.settings.load import Loaded
from gateway.settings.text.fault import Place
from gateway.suites.differences.facet import Kind
from gateway.suites.symbolic.access import Access as Side
from gateway.suites.symbolic.access import Undecided, Witness
from gateway.suites.symbolic.containment import find_openings
from gateway.suites.symbolic.regions import Region, UndecidedRequests, find_regions

_MOST_EXAMPLES = 3


class What(Enum):
    """What differs."""

    UNREACHABLE = "unreachable"  # an operation that no route serves
    UNDESCRIBED = "undescribed"  # requests that a route serves, and no operation describes
    PUBLIC = "public"  # one side needs no token
    SCOPES = "scopes"  # other scopes are needed
    UNDECIDED = "undecided"  # nobody knows


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference. *kind* says whether the gateway lets in more or less; None if undecided.

    *subject* is the operation or the route, *described* and *configured* say what both do there.
    *request* is one that shows it, *caller* who is let in by one side only.
    """

    what: What
    kind: Kind | None
    subject: str
    request: str
    described: str
    described_at: Place
    configured: str
    configured_at: Place
    caller: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """All differences, in the order of the description, and *notes* about what has no meaning here.

    *operations* and *routes* were compared.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    operations: int
    routes: int


def find_drift(api: Api, loaded: Loaded, at: float) -> Drift:
    """Return how *loaded* differs from *api*, for tokens at the time *at*.

    Scopes are compared, and whether a token is needed. Whatever else a route requires of a token
    is beyond OpenAPI, and so is what its operations say beside that.
    """
    return _Comparison(api, loaded, at).run()


@dataclass(slots=True)
class _Undescribed:
    """The requests of one route that no operation describes."""

    route: Route
    examples: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, request: str) -> None:
        """Keep *request* as an example, or count it."""
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(request)
        else:
            self.more += 1


class _Comparison:
    def __init__(self, api: Api, loaded: Loaded, at: float) -> None:
        self._api = api
        self._loaded = loaded
        self._at = at
        self._described = describe(api, loaded.settings)
        self._ranks = {id(one): rank for rank, one in enumerate(api.operations)}
        self._reached: dict[int, set[str]] = {}
        self._missed: dict[int, Region] = {}
        self._undescribed: dict[int, _Undescribed] = {}
        self._routes: set[int] = set()
        self._lets_in: dict[int, bool] = {}
        self._found: list[tuple[int, Finding]] = []

    def run(self) -> Drift:
        """Walk over all requests, and return what was found."""
        for region in find_regions(self._described.settings, self._loaded.settings):
            if isinstance(region, UndecidedRequests):
                self._note_undecided(region)
            elif region.old is not None:
                self._see(region)
        self._found += self._unreachable()
        self._found += [(len(self._api.operations), one) for one in self._all_undescribed()]
        findings: dict[object, Finding] = {}
        for _, one in sorted(self._found, key=lambda one: one[0]):
            # One request is enough: HEAD differs where GET does.
            findings.setdefault((one.what, one.kind, one.subject, one.configured_at), one)
        return Drift(
            tuple(findings.values()),
            tuple(self._notes()),
            len(self._api.operations),
            len(self._routes),
        )

    def _see(self, region: Region) -> None:
        if region.old is None:
            return
        index = region.old.route.index
        operation = self._described.operations.get(index)
        route = None if region.new is None else region.new.route
        if route is not None:
            self._routes.add(route.index)
        if operation is None:
            if route is not None and self._lets_anybody_in(region):
                seen = self._undescribed.setdefault(route.index, _Undescribed(route))
                seen.add(region.request.line)
        elif route is None:
            if index in self._described.implied:
                return  # nobody described it
            self._missed.setdefault(index, region)
        else:
            self._reached.setdefault(index, set()).add(region.request.host)
            rank = self._ranks[id(operation)]
            self._found += [(rank, one) for one in self._compare(region, operation, route)]

    def _lets_anybody_in(self, region: Region) -> bool:
        """Return whether any caller gets in; nobody gets in where a route refuses every token."""
        if region.new is None:
            return False
        index = region.new.route.index
        if index not in self._lets_in:
            settings = self._loaded.settings
            nothing = Side(settings, None, region.literals)
            whole = Side(settings, region.new, region.literals, request=region.request)
            found = find_openings(nothing, whole, self._at)
            self._lets_in[index] = next(found, None) is not None
        return self._lets_in[index]

    def _compare(self, region: Region, operation: Operation, route: Route) -> Iterator[Finding]:
        security = operation.security
        needs_none = security.access is Access.PUBLIC or security.is_optional
        gives_all = route.public or route.optional or route.reports
        if security.access is Access.UNCOVERED:
            if not gives_all:
                yield self._finding(What.PUBLIC, Kind.CLOSED, region, operation, route)
        elif needs_none and not gives_all:
            yield self._finding(What.PUBLIC, Kind.CLOSED, region, operation, route)
        elif gives_all and not needs_none:
            yield self._finding(What.PUBLIC, Kind.OPENED, region, operation, route)
        elif security.access is Access.TOKEN and not gives_all:
            yield from self._compare_scopes(region, operation, route)

    def _compare_scopes(
        self, region: Region, operation: Operation, route: Route
    ) -> Iterator[Finding]:
        described, configured = self._sides(region, route)
        directions = ((Kind.OPENED, described, configured), (Kind.CLOSED, configured, described))
        for kind, old, new in directions:
            for one in find_openings(old, new, self._at):
                if isinstance(one, Undecided):
                    finding = self._finding(What.UNDECIDED, None, region, operation, route)
                    yield replace(finding, caller=one.text)
                    break
                if one.attack is None:
                    yield self._finding(What.SCOPES, kind, region, operation, route, one)
                    break

    def _sides(self, region: Region, route: Route) -> tuple[Side, Side]:
        """Return both sides with their scopes alone: OpenAPI says nothing about the rest."""
        if region.old is None or region.new is None:
            raise AssertionError("no side is missing here")
        bare = replace(
            region.old.route, index=route.index, public=False, optional=False, upstream=""
        )
        settings = self._loaded.settings
        old = Side(settings, region.old._replace(route=bare), region.literals)
        configured = replace(bare, scopes=route.scopes)
        return old, Side(settings, region.new._replace(route=configured), region.literals)

    def _finding(  # noqa: PLR0913, PLR0917 - both sides, and what differs
        self,
        what: What,
        kind: Kind | None,
        region: Region,
        operation: Operation,
        route: Route,
        witness: Witness | None = None,
    ) -> Finding:
        keys = {What.SCOPES: ("require", "scopes"), What.PUBLIC: ("public",)}.get(what, ())
        places = self._loaded.places
        if route.optional or route.reports or (what is What.PUBLIC and not route.public):
            keys = ("mode",) if route.reports else ("require",)
        return Finding(
            what,
            kind,
            name_of(operation),
            region.request.line,
            say_rule(operation),
            operation.place,
            f"{say_route(route)} (route {route.name})",
            places.of_route(route.name, *keys),
            "" if witness is None else witness.text,
        )

    def _unreachable(self) -> Iterator[tuple[int, Finding]]:
        for index, region in self._missed.items():
            operation = self._described.operations[index]
            hosts = self._reached.get(index, set())
            if hosts and not self._api.hosts and region.request.host not in hosts:
                continue  # it is served on another host
            part = "a part of its requests: " if hosts else ""
            yield (
                index,
                Finding(
                    What.UNREACHABLE,
                    Kind.CLOSED,
                    name_of(operation),
                    region.request.line,
                    say_rule(operation),
                    operation.place,
                    f"{part}no route serves it",
                    self._loaded.places.of("routes"),
                ),
            )

    def _all_undescribed(self) -> Iterator[Finding]:
        for seen in self._undescribed.values():
            yield Finding(
                What.UNDESCRIBED,
                Kind.OPENED,
                f"route {seen.route.name}",
                ", ".join(seen.examples) + (f" and {seen.more} more" if seen.more else ""),
                "no operation describes these requests",
                self._api.paths_place,
                say_route(seen.route),
                self._loaded.places.of_route(seen.route.name, "match"),
            )

    def _note_undecided(self, one: UndecidedRequests) -> None:
        places = self._loaded.places
        finding = Finding(
            What.UNDECIDED,
            None,
            "some requests" if not one.route else f"route {one.route}",
            "",
            "not compared",
            self._api.paths_place,
            one.text,
            places.of_route(one.route, "match"),
        )
        self._found.append((len(self._api.operations), finding))

    def _notes(self) -> Iterator[str]:
        for operation in self._api.operations:
            where = f"{name_of(operation)} ({_at(operation.place)})"
            security = operation.security
            if security.beside:
                names = ", ".join(security.beside)
                yield (
                    f"{where}: compared by the token alone: the gateway does not check {names},"
                    " which is needed with it"
                )
            alone = [name for name in security.uncovered if name not in security.beside]
            if alone:
                names = ", ".join(alone)
                yield f"{where}: not compared: {names}, which the gateway does not check"
            if operation.is_wider:
                yield f"{where}: compared with all values of the segments that are partly variables"
        for one in self._api.left_out:
            yield f"{one.what} ({_at(one.place)}): not compared: {one.why}"


def name_of(operation: Operation) -> str:
    """Return how people know *operation*, with the path that clients use."""
    return f"{operation.method} {operation.path}"


def say_rule(operation: Operation) -> str:
    """Return what the description says about callers of *operation*."""
    security = operation.security
    match security.access:
        case Access.PUBLIC:
            return "public"
        case Access.UNSAID:
            return "says nothing about callers"
        case Access.UNCOVERED:
            return f"needs {', '.join(security.uncovered)}"
        case _:
            rule = make_rule(security)
            needs = "any valid token" if rule is None else f"a token with {rule.text}"
            needs += "".join(f" and {name}" for name in security.beside)
            return f"{needs}, or none" if security.is_optional else needs


def say_route(route: Route) -> str:
    """Return what *route* requires of callers, as far as OpenAPI can say it."""
    if route.public:
        return "public"
    if route.reports:
        return "only reports (mode: report)"
    needs = "any valid token" if route.scopes is None else f"a token with {route.scopes.text}"
    return f"{needs}, or none" if route.optional else needs


def _at(place: Place) -> str:
    return f"{place.file}:{place.line}"
