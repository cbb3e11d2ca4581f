"""Find who gains or loses access: proved where rules are comparable, tried where they are not.

Requests are compared by regions: all that one route of OLD and one of NEW own. Where the two may
differ, it is proved that one lets nobody in whom the other refuses, and that NEW accepts nobody
whom OLD only reports, or a caller is found who shows the opposite. That caller, and others that are
made to fit the rules, are decided by both configurations; only what they decide counts as shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from gateway.decision.path import split_path
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Place, Route
from gateway.decision.verdict import Deny
from gateway.settings.values.configuration import Settings
from gateway.suites.differences.callers import Callers
from gateway.suites.differences.compare_routes import Pairs
from gateway.suites.differences.facet import Kind, Statement
from gateway.suites.differences.side import ANYBODY, Caller, Cause, Side, State
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.wire import AUTHORIZATION
from gateway.suites.symbolic.access import Access, Undecided, Witness
from gateway.suites.symbolic.containment import find_loosened, find_openings
from gateway.suites.symbolic.gates import may_report
from gateway.suites.symbolic.ownership import Ownership
from gateway.suites.symbolic.regions import Region, UndecidedRequests, find_regions
from gateway.suites.symbolic.sameness import rules_of

# Decisions about callers that are made to fit the rules. Beyond it, callers are only proved, not
# tried, and a kind of difference that was shown already is not looked for again.
MAX_CELLS = 5_000

# What is proved besides what is tried.
_PROVED = (Kind.OPENED, Kind.LOOSENED, Kind.CLOSED)

# By session: one that only reads, and one that another site's page must not cause.
_BROWSED = ("GET", "POST")

# RFC 3986 §3.3: pchar, without `;` and `%`.
_PLAIN = "-._~!$&'()*+,=:@"

# RFC 6455 §4.1, for a WebSocket; other protocols ignore them.
_HANDSHAKE = (
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """Callers whose *request* both configurations treat differently, all in the same way.

    The same holds for every request of its region, by any of *methods* (None: by any other).
    """

    kind: Kind
    request: SimulatedRequest
    callers: tuple[str, ...]
    old: State
    new: State
    old_cause: Statement
    new_cause: Statement
    methods: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """What was not decided: whether *request* is of this *kind* for somebody; *why* not."""

    kind: Kind
    request: str
    why: str


@dataclass(slots=True)
class Asked:
    """How much was compared: every request to *routes*, *regions* of which may differ.

    *cells* is the number of decisions, of so many *requests* by *callers*. *left_out* is the number
    of regions beyond the limit: no callers were tried for them.
    """

    routes: int = 0
    regions: int = 0
    cells: int = 0
    requests: int = 0
    callers: set[str] = field(default_factory=set)
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    """A cell of one region, as it can be told of another one whose owners have the same rules.

    *segments* are what its request has instead of that of the region, by position.
    """

    kind: Kind
    request: SimulatedRequest
    segments: Mapping[int, str]
    callers: tuple[str, ...]
    old: State
    new: State
    old_cause: Cause
    new_cause: Cause

    def at(self, first: Region, region: Region) -> "_Found":
        """Return what is so in *region*, as it was found in the region *first*."""
        own = self.request
        request = _with_segments(replace(region.request, headers=own.headers), self.segments)
        if own.authority != first.request.authority:
            request = replace(request, authority=own.authority, host=own.host)
        old, new = (
            ("", "") if one is None or other is None else (one.route.name, other.route.name)
            for one, other in ((first.old, region.old), (first.new, region.new))
        )
        return replace(
            self,
            request=request,
            old=self.old.of_route(*old),
            new=self.new.of_route(*new),
            old_cause=self.old_cause.of_route(*old),
            new_cause=self.new_cause.of_route(*new),
        )


@dataclass(frozen=True, slots=True)
class _Decided:
    """What was found for *region*, and thereby for all others of the same rules."""

    region: Region
    found: tuple[_Found, ...]
    gaps: tuple[Gap, ...]
    is_left_out: bool


class Regions:
    """The regions of two configurations.

    *pairs* says which routes mean the same, *is_alike* that nothing but routes differs. Once
    ``compare`` is exhausted, *gaps* and *asked* are complete, and *owners* has the names of the old
    and the new route of each region that has both.
    """

    def __init__(
        self, old: Side, new: Side, callers: Callers, pairs: Pairs, is_alike: bool
    ) -> None:
        self._old = old
        self._new = new
        self._callers = callers
        self._pairs = pairs
        self._is_alike = is_alike
        self.asked = Asked()
        self.gaps: list[Gap] = []
        self._shown: set[Kind] = set()
        self._decided: dict[object, _Decided] = {}
        self._own_paths = [Ownership(one).own_paths for one in self._settings]
        self.owners: list[tuple[str, str]] = []

    def compare(
        self,
        asked: Sequence[SimulatedRequest],
        personas: Sequence[Caller],
        max_cells: int = MAX_CELLS,
    ) -> Iterator[Cell]:
        """Yield every difference, grouped by region and cause.

        The requests *asked* are tried with *personas*, and so is one of each region.
        """
        for request in asked:
            for found in self._try(request, personas):
                yield self._cell(found, (request.method,))
        self.asked.routes = len(
            {route.name for one in self._settings for route in one.policy.routes.routes}
        )
        for region in find_regions(*self._settings, self._are_alike):
            self.asked.regions += 1
            if isinstance(region, UndecidedRequests):
                kinds = _PROVED if region.may_open else (Kind.CLOSED,)
                for kind in kinds:
                    if kind is not Kind.LOOSENED or self._may_report():
                        self._note(kind, f"requests of {region.route}", region.text)
            else:
                yield from self._compare_one(region, personas, max_cells)

    @property
    def _settings(self) -> tuple[Settings, Settings]:
        return self._old.loaded.settings, self._new.loaded.settings

    def _may_report(self) -> bool:
        policy = self._settings[0].policy
        return any(may_report(one, policy) for one in policy.routes.routes)

    def _are_alike(self, old: Route, new: Route) -> bool:
        """Return whether both must treat every request alike, whoever sends it."""
        if old.public and new.public:
            return self._pairs.mean_the_same(old, new)
        return self._is_alike and self._pairs.mean_the_same(old, new)

    def _compare_one(
        self, region: Region, personas: Sequence[Caller], max_cells: int
    ) -> Iterator[Cell]:
        if region.old is not None and region.new is not None:
            self.owners.append((region.old.route.name, region.new.route.name))
        group = self._group_of(region)
        known = None if group is None else self._decided.get(group)
        if known is None:
            known = self._decide(region, personas, max_cells)
            if group is not None:
                self._decided[group] = known
        self.asked.left_out += known.is_left_out
        methods = None if region.methods is None else tuple(sorted(region.methods))
        for found in known.found:
            yield self._cell(found.at(known.region, region), methods)
        self.gaps += (replace(gap, request=region.request.line) for gap in known.gaps)

    def _group_of(self, region: Region) -> object:
        """Return a value that is equal for regions in which all callers are treated alike.

        It is None if that is not known.
        """
        request = region.request
        group: list[object] = [request.method]
        for side, match, own in zip(
            (self._old, self._new), (region.old, region.new), self._own_paths, strict=True
        ):
            if match is not None:
                access = Access(side.loaded.settings, match, region.literals, request=request)
                group += (rules_of(access), match.route.upgrades, side.servers_of(match.route))
                continue
            refused = side.find(request)
            if not isinstance(refused, Deny) or split_path(request.target) in own:
                return None
            group += (refused.reason, request.host)
        return tuple(group)

    def _decide(self, region: Region, personas: Sequence[Caller], max_cells: int) -> _Decided:
        found: list[_Found] = []
        gaps: list[Gap] = []
        is_beyond = False
        for request in _variants(region, self._settings):
            made = [*self._callers.bare(), *self._callers.meeting(request)]
            if self.asked.cells + len(made) > max_cells and self.asked.cells:
                is_beyond = True
                break
            found.extend(self._try(request, [*personas, *made]))
        shown = {one.kind for one in found}
        self._shown |= shown
        for kind in _PROVED:
            if kind not in (self._shown if is_beyond else shown):
                for one in self._prove(kind, region):
                    if isinstance(one, Gap):
                        gaps.append(one)
                    else:
                        found.append(one)
                        self._shown.add(kind)
        return _Decided(region, tuple(found), tuple(gaps), is_beyond)

    def _cell(self, found: _Found, methods: tuple[str, ...] | None) -> Cell:
        return Cell(
            found.kind,
            found.request,
            found.callers,
            found.old,
            found.new,
            self._old.statement(found.old_cause),
            self._new.statement(found.new_cause),
            methods,
        )

    # --- proofs

    def _prove(self, kind: Kind, region: Region) -> Iterator[_Found | Gap]:
        """Yield what is of *kind* if a caller shows it; else what could not be decided."""
        reasons: list[str] = []
        for upgrade in (None, *_upgrades(region)):
            request = _with_upgrade(region.request, upgrade)
            old, new = (
                Access(settings, match, region.literals, upgrade, region.request)
                for settings, match in zip(self._settings, (region.old, region.new), strict=True)
            )
            before, after = (new, old) if kind is Kind.CLOSED else (old, new)
            find = find_loosened if kind is Kind.LOOSENED else find_openings
            for witness in find(before, after, self._new.sandbox.at):
                if isinstance(witness, Undecided):
                    reasons.append(witness.text)
                    continue
                found = [one for one in self._show(witness, after, request) if one.kind is kind]
                if found:
                    yield from found
                    return
                reasons.append(f"{witness.text} could not be tried")
        for reason in dict.fromkeys(reasons):
            yield Gap(kind, region.request.line, reason)

    def _show(
        self, witness: Witness, access: Access, request: SimulatedRequest
    ) -> Iterator[_Found]:
        """Yield what both configurations decide about *witness*, whom *access* lets in."""
        caller = _caller(witness, access)
        if caller is None:
            return
        companion = None if witness.second is None else _caller(witness.second, access)
        requests = [_with_segments(request, witness.segments)]
        if witness.login is not None:
            requests = [*_at_origins(requests[0], witness.login, self._settings)]
        for one in requests:
            for found in self._try(one, [caller], companion):
                yield replace(found, segments=witness.segments)

    def _note(self, kind: Kind, request: str, why: str) -> None:
        self.gaps.append(Gap(kind, request, why))

    # --- decisions

    def _try(
        self,
        request: SimulatedRequest,
        callers: Sequence[Caller],
        companion: Caller | None = None,
    ) -> Iterator[_Found]:
        """Yield the differences in what both configurations decide about *callers*."""
        self.asked.cells += len(callers)
        self.asked.requests += 1
        self.asked.callers.update(caller.name for caller in callers)
        groups: dict[tuple[Kind, State, State], list[tuple[Caller, Caller | None]]] = {}
        for caller, second in self._with_companions(request, callers, companion):
            old = self._old.ask(caller, request, second)
            new = self._new.ask(caller, request, second)
            kind = _kind(old, new)
            if kind is not None:
                groups.setdefault((kind, old, new), []).append((caller, second))
        for (kind, old, new), alike in groups.items():
            names = tuple(dict.fromkeys(_show(*one) for one in alike))
            first, second = alike[0]
            causes = (
                self._old.cause_of(old, first, request, second),
                self._new.cause_of(new, first, request, second),
            )
            yield _Found(kind, request, {}, names, old, new, *causes)

    def _with_companions(
        self, request: SimulatedRequest, callers: Sequence[Caller], companion: Caller | None
    ) -> Sequence[tuple[Caller, Caller | None]]:
        """Return *callers*, each with a second token if both sides require one.

        Then one whom both sides let in, with each second token that tells the sides apart.
        """
        # If one side requires no second token, that is a difference for who has none.
        both = self._old.requires_second(request) and self._new.requires_second(request)
        if companion is not None or not both:
            return [(caller, companion) for caller in callers]
        pairs: list[tuple[Caller, Caller | None]] = [(caller, ANYBODY) for caller in callers]
        for caller in callers:
            if all(one.ask(caller, request, ANYBODY).is_allowed for one in (self._old, self._new)):
                seconds = self._callers.companions(request)
                self.asked.cells += len(seconds)
                return [*pairs, *((caller, second) for second in seconds)]
        return pairs


def _caller(witness: Witness, access: Access) -> Caller | None:
    """Return *witness* as a caller; None if requests cannot be tried with its token's place."""
    token_field: bytes | None = None
    if witness.place is Place.AUTHORIZATION:
        token_field = AUTHORIZATION
    elif witness.place is Place.HEADER and access.route is not None:
        token_field = None if access.route.sources is None else access.route.sources.field
    elif witness.place is not None:
        return None
    return Caller(
        witness.text,
        witness.iss,
        witness.claims,
        {"typ": witness.typ},
        witness.algorithm,
        witness.attack,
        witness.login,
        is_opaque=witness.is_opaque,
        token_field=token_field,
    )


def _with_segments(request: SimulatedRequest, segments: Mapping[int, str]) -> SimulatedRequest:
    """Return *request* with these segments of its path, by position."""
    if not segments:
        return request
    parts = request.target.decode("ascii").split("/")
    for position, text in segments.items():
        parts[position + 1] = quote(text, safe=_PLAIN)
    return replace(request, target="/".join(parts).encode("ascii"))


def _upgrades(region: Region) -> Sequence[str]:
    """Return the protocols that one route of *region* allows and the other does not."""
    own = [frozenset() if one is None else one.route.upgrades for one in (region.old, region.new)]
    found = own[0] ^ own[1]
    # If any request of the region is a GET, its own one is. RFC 6455 §4.1: no other asks for one.
    return sorted(found if region.request.method == "GET" else found - {"websocket"})


def _variants(region: Region, both: tuple[Settings, Settings]) -> Iterator[SimulatedRequest]:
    """Yield the request of *region*, with upgrades, and where browsers log in for it."""
    yield region.request
    for upgrade in _upgrades(region):
        yield _with_upgrade(region.request, upgrade)
    matches = (one for one in (region.old, region.new) if one is not None)
    for name in dict.fromkeys(rule.name for one in matches for rule in one.route.login):
        yield from _at_origins(region.request, name, both)


def _with_upgrade(request: SimulatedRequest, protocol: str | None) -> SimulatedRequest:
    if protocol is None:
        return request
    headers = (("Connection", "Upgrade"), ("Upgrade", protocol), *_HANDSHAKE)
    return replace(request, headers=headers)


def _at_origins(
    request: SimulatedRequest, login: str, both: tuple[Settings, Settings]
) -> Iterator[SimulatedRequest]:
    """Yield *request* at each origin of *login*: its sessions count only there."""
    origins = {
        origin.authority
        for settings in both
        if login in settings.logins
        for origin in settings.logins[login].origins
    }
    for authority in sorted(origins):
        host = canonical_host(authority.encode()) or ""
        yield replace(request, authority=authority, host=host)


def _show(caller: Caller, companion: Caller | None) -> str:
    if companion is None or companion is ANYBODY:
        return caller.name
    return f"{caller.name}; its second token: {companion.name}"


def _kind(old: State, new: State) -> Kind | None:
    if old.is_allowed is not new.is_allowed:
        return Kind.OPENED if new.is_allowed else Kind.CLOSED
    if not old.is_allowed:
        return None if old.word == new.word else Kind.CHANGED
    if old.would_deny is not None and new.would_deny is None:
        return Kind.LOOSENED
    if old.servers != new.servers:
        return Kind.MOVED
    return None if old.would_deny == new.would_deny else Kind.CHANGED
