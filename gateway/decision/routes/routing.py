"""Find the one route that owns a request, most specific first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from gateway.decision.browser import LoginRule
from gateway.decision.identity import Identity
from gateway.decision.routes.remembered import Remembered
from gateway.decision.routes.template import Segment, Variable, parse_template
from gateway.decision.routes.trie import PathTrie
from gateway.decision.rules.claim_tests import ClaimRule
from gateway.decision.rules.scopes import ScopeRule
from gateway.decision.rules.step_up import StepUp


class Place(Enum):
    """A place of a request where its first token may be."""

    AUTHORIZATION = "authorization"
    HEADER = "header"
    SUBPROTOCOL = "subprotocol"
    QUERY = "query"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True, eq=False)
class SecondToken:
    """A second token that a route requires, such as that of a workload, in the field *name*.

    The other members are as those of ``Route``. *identity* has the headers that services receive
    for it.
    """

    name: str
    issuers: frozenset[str]
    audiences: frozenset[str] | None
    scopes: ScopeRule | None
    claims: tuple[ClaimRule, ...]
    identity: Identity
    introspector: str | None = None

    @property
    def field(self) -> bytes:
        """Return the name in lower case."""
        return self.name.lower().encode("ascii")


@dataclass(frozen=True, slots=True, eq=False)
class TokenSources:
    """Where the tokens of requests are, if not one in Authorization.

    *places* are those of the first token, *field* is the name in lower case of a header among
    them. *second* is what the route requires of a second one, if anything.
    """

    places: frozenset[Place]
    field: bytes | None = None
    second: SecondToken | None = None

    @property
    def fields(self) -> frozenset[bytes]:
        """Return the names of the fields, in lower case, that are read for tokens alone."""
        fields = {b"sec-websocket-protocol"} if Place.SUBPROTOCOL in self.places else set()
        fields.update(() if self.field is None else (self.field,))
        fields.update(() if self.second is None else (self.second.field,))
        return frozenset(fields)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One route, compiled.

    *index* counts the routes of a policy from 0, for per-route state in lists. *path* is the
    template as written (``/tenants/{tenant}/orders``), a prefix if *is_prefix*. *hosts* are lower
    case, ``*.example.com`` for a wildcard, empty for any. *methods* empty means any. *issuers* of
    None means every issuer in the file.
    *place* is ``file:line`` of the route in the configuration.

    *audiences* of None means only those of the token's issuer, which are always required.
    *metadata_url* tells clients how to get a token (RFC 9728). If it *reports*, requests that would
    be refused for their token are reported, and pass. *login* are the ways to log in whose sessions
    it accepts instead of a token. *identities* are what its service learns from the tokens of each
    issuer that it accepts, by name, if the route has identity headers of its own.
    *introspector* names the issuer that is asked about tokens which are no JWTs.
    *sources* of None means one token, in Authorization.

    *segments* are those of *path*; making a route raises ValueError if it is no template.
    *is_irregular* says that it may not be just that a token in Authorization is required, and
    *judged* has the route as it judges each token of its *sources* alone.
    """

    index: int
    name: str
    hosts: tuple[str, ...]
    path: str
    is_prefix: bool
    methods: frozenset[str]
    upstream: str
    public: bool
    optional: bool
    issuers: frozenset[str] | None
    scopes: ScopeRule | None
    claims: tuple[ClaimRule, ...]
    upgrades: frozenset[str]  # lower-case Upgrade tokens the route allows, e.g. websocket
    allow_encoded_slash: bool
    allow_semicolon: bool
    place: str
    audiences: frozenset[str] | None = None
    step_up: StepUp | None = None
    metadata_url: str | None = None
    reports: bool = False
    login: tuple[LoginRule, ...] = ()
    identities: Mapping[str, Identity] | None = None
    introspector: str | None = None
    sources: TokenSources | None = None
    segments: tuple[Segment, ...] = field(init=False, repr=False)
    is_irregular: bool = field(init=False, repr=False)
    judged: "tuple[Route, ...]" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", parse_template(self.path, self.is_prefix))
        is_irregular = self.public or self.optional or self.sources is not None
        object.__setattr__(self, "is_irregular", is_irregular)
        object.__setattr__(self, "judged", tuple(self._alone()))

    def _alone(self) -> "list[Route]":
        sources = self.sources
        if sources is None:
            return []
        alone, second = [replace(self, sources=None)], sources.second
        if second is not None:
            alone.append(
                replace(
                    alone[0],
                    optional=False,
                    login=(),
                    issuers=second.issuers,
                    audiences=second.audiences,
                    scopes=second.scopes,
                    claims=second.claims,
                    step_up=None,
                    metadata_url=None,
                    identities=dict.fromkeys(second.issuers, second.identity),
                    introspector=second.introspector,
                )
            )
        return alone


class Match(NamedTuple):
    """The route that owns a request; *variables* are the decoded `{name}` segments.

    *other_variables* are those of other readings of its path, if rules must hold for them, too.
    """

    route: Route
    variables: dict[str, str]
    other_variables: tuple[dict[str, str], ...] = ()


class NoMatch(NamedTuple):
    """No route. *methods* is not empty if the path is known under other methods."""

    methods: tuple[str, ...]


class RouteConflict(Exception):  # noqa: N818 - what it is called in the documentation
    """Two routes that match the same requests equally."""

    def __init__(self, first: Route, second: Route) -> None:
        super().__init__(f"routes {first.name!r} and {second.name!r} match the same requests")
        self.first = first
        self.second = second


_UNKNOWN = NoMatch(())


class _Methods:
    """The routes of one template, by method."""

    __slots__ = ("allowed", "any", "by_method")

    def __init__(self) -> None:
        self.by_method: dict[str, tuple[Route, tuple[str, ...]]] = {}
        self.any: tuple[Route, tuple[str, ...]] | None = None
        self.allowed: NoMatch | None = None  # made on first use

    def add(self, route: Route, names: tuple[str, ...]) -> None:
        """Add *route*; raises RouteConflict if it ties with an earlier one."""
        if not route.methods:
            if self.any is not None and self.any[0] is not route:
                raise RouteConflict(self.any[0], route)
            self.any = route, names
        for method in route.methods:
            owner, _ = self.by_method.setdefault(method, (route, names))
            if owner is not route:
                raise RouteConflict(owner, route)

    def find(self, method: str, values: tuple[str, ...]) -> Match | NoMatch:
        bound = self.by_method.get(method, self.any)
        if bound is None:
            if self.allowed is None:
                self.allowed = NoMatch(tuple(sorted(self.by_method)))
            return self.allowed
        route, names = bound
        return Match(route, dict(zip(names, values)))  # noqa: B905 - hot, and one value each


_Trie = PathTrie[_Methods]


# The number of cached matches, and the longest cached path: made-up paths cost a few MiB at most.
_REMEMBERED_MATCHES = 4096
_MAX_REMEMBERED_PATH_BYTES = 256

Question = tuple[bytes, str, str]  # path, host, method


class RouteTable:
    """All routes of a policy; the cost of a look-up depends on the path's depth, not on the routes.

    Most traffic repeats few paths, so matches in use are cached. The table never changes, and so
    neither do they. ``recall`` finds most of them, and ``recall_older`` those that made-up paths
    have displaced. *hosts* are those that routes name in full. *allows_odd_paths* means that some
    route accepts paths that the strict rules refuse.
    """

    routes: tuple[Route, ...]
    hosts: tuple[str, ...]
    allows_odd_paths: bool

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self.allows_odd_paths = any(
            route.allow_encoded_slash or route.allow_semicolon for route in routes
        )
        self._remembered: Remembered[Question, Match] = Remembered(_REMEMBERED_MATCHES)
        self.recall: Callable[[Question], Match | None] = self._remembered.get
        self.recall_older = self._remembered.recall
        tries: dict[str, _Trie] = {"": PathTrie()}
        for route in routes:
            segments = route.segments
            names = tuple(part.name for part in segments if isinstance(part, Variable))
            for host in route.hosts or ("",):
                trie = tries.setdefault(host.removeprefix("*"), PathTrie())
                trie.leaf(segments, route.is_prefix, _Methods).add(route, names)
        self._any = tries.pop("")
        self._wildcards = {host: trie for host, trie in tries.items() if host.startswith(".")}
        # Most specific first; precomputed for every named host.
        self._exact = {
            host: (trie, *self._below(host))
            for host, trie in tries.items()
            if not host.startswith(".")
        }
        self.hosts = tuple(self._exact)

    def remember(self, question: Question, match: Match) -> None:
        """Cache the match of *question* for ``recall``, if it is short."""
        if len(question[0]) > _MAX_REMEMBERED_PATH_BYTES or match.other_variables:
            return
        self._remembered.keep(question, match)

    def find(self, host: str, segments: Sequence[str], method: str) -> Match | NoMatch:
        """Return the most specific route for *host* (canonical) and decoded *segments*.

        The most specific host that knows the path owns the request; a method that it does not
        list is refused, and never falls to a less specific host.
        """
        path = tuple(segments)
        for trie in self._exact.get(host) or self._below(host):
            found = trie.find(path)
            if found is not None:
                methods, values = found
                return methods.find(method, values)
        return _UNKNOWN

    def _below(self, host: str) -> tuple[_Trie, ...]:
        """Return the tries that are less specific than *host* itself, longest suffix first."""
        if not self._wildcards:
            return (self._any,)
        labels = host.split(".")
        suffixes = ("." + ".".join(labels[start:]) for start in range(1, len(labels)))
        found = (self._wildcards.get(suffix) for suffix in suffixes)
        return (*filter(None, found), self._any)


def find_conflicts(routes: Sequence[Route]) -> tuple[tuple[Route, Route], ...]:
    """Return every pair of routes that tie: one host, one template, one method (or none).

    Names of variables do not distinguish templates. Raises ValueError for a bad template.
    """
    owners: dict[tuple[str, bool, tuple[str | None, ...], str | None], Route] = {}
    pairs: dict[tuple[int, int], tuple[Route, Route]] = {}
    for route in routes:
        shape = tuple(map(_shape, route.segments))
        for host in frozenset(route.hosts) or {""}:
            for method in route.methods or {None}:
                owner = owners.setdefault((host, route.is_prefix, shape, method), route)
                if owner is not route:
                    pairs[owner.index, route.index] = owner, route
    return tuple(pairs.values())


def _shape(segment: Segment) -> str | None:
    return None if isinstance(segment, Variable) else segment
