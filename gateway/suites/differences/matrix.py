"""Decide every request of every caller under both configurations, and find differences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.decision.routes.routing import Match
from gateway.decision.verdict import Deny, Publish
from gateway.suites.differences.callers import Callers, mentioned
from gateway.suites.differences.compare_routes import Pairs
from gateway.suites.differences.facet import Kind, Statement
from gateway.suites.differences.side import ANYBODY, Caller, Side, State
from gateway.suites.simulation.request import SimulatedRequest

# About two seconds. Beyond it, requests whose routes mean the same in both are skipped, and if that
# is not enough, the last ones are left out; the report says so.
MAX_CELLS = 20_000

_MAX_SCOPE_BYTES = 2_000  # in one token, whose header field must fit into a request


@dataclass(frozen=True, slots=True)
class Cell:
    """Callers whose *request* both configurations treat differently, all in the same way."""

    kind: Kind
    request: SimulatedRequest
    callers: tuple[str, ...]
    old: State
    new: State
    old_cause: Statement
    new_cause: Statement


@dataclass(slots=True)
class Asked:
    """How much was compared: *cells*, of *requests* and *callers*.

    *same* is the number of requests that were skipped because their routes mean the same in both;
    *left_out* is the number of requests beyond the limit.
    """

    cells: int = 0
    requests: int = 0
    callers: set[str] = field(default_factory=set)
    same: int = 0
    left_out: int = 0


class Matrix:
    """The callers and requests of two configurations.

    *pairs* says which routes mean the same, *is_alike* that nothing but routes differs.
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

    def compare(
        self,
        requests: Sequence[SimulatedRequest],
        personas: Sequence[Caller],
        max_cells: int = MAX_CELLS,
    ) -> Iterator[Cell]:
        """Yield every difference, grouped by request and cause."""
        every: Sequence[str] = self._callers.scopes
        size = len(personas) + len(self._callers.with_scopes(every))
        is_large = len(requests) * size > max_cells or len(" ".join(every)) > _MAX_SCOPE_BYTES
        if is_large:
            requests = self._without_same(requests)
        for number, request in enumerate(requests):
            scopes = self._relevant(request) if is_large else every
            made = self._callers.with_scopes(scopes)
            callers = [*personas, *made, *self._callers.meeting(request)]
            if self.asked.cells + len(callers) > max_cells and number:
                self.asked.left_out = len(requests) - number
                return
            self.asked.cells += len(callers)
            self.asked.requests += 1
            self.asked.callers.update(caller.name for caller in callers)
            yield from self._compare_one(request, callers)

    def _without_same(self, requests: Sequence[SimulatedRequest]) -> list[SimulatedRequest]:
        if not self._is_alike:
            return list(requests)
        kept = [request for request in requests if not self._is_same(request)]
        self.asked.same = len(requests) - len(kept)
        return kept

    def _is_same(self, request: SimulatedRequest) -> bool:
        """Return whether both must treat *request* the same way, whoever sends it."""
        old, new = self._old.find(request), self._new.find(request)
        if isinstance(old, Match) and isinstance(new, Match):
            return self._pairs.mean_the_same(old.route, new.route)
        if isinstance(old, Deny) and isinstance(new, Deny):
            return old.reason is new.reason
        return isinstance(old, Publish) and isinstance(new, Publish)

    def _relevant(self, request: SimulatedRequest) -> Sequence[str]:
        """Return the scopes that the rules of *request* name: no others matter."""
        scopes: frozenset[str] = frozenset()
        for side in (self._old, self._new):
            match = side.find(request)
            if isinstance(match, Match):
                scopes |= mentioned(match.route, side.loaded.settings.policy)
        return sorted(scopes)

    def _compare_one(self, request: SimulatedRequest, callers: Sequence[Caller]) -> Iterator[Cell]:
        groups: dict[tuple[Kind, State, State], list[tuple[Caller, Caller | None]]] = {}
        # If one side requires no second token, that is a difference for who has none.
        both = self._old.requires_second(request) and self._new.requires_second(request)
        second = ANYBODY if both else None
        pairs = [(caller, second) for caller in callers]
        if both and not (self._is_alike and self._is_same(request)):
            pairs += self._with_companions(request, callers)
        for caller, companion in pairs:
            old = self._old.ask(caller, request, companion)
            new = self._new.ask(caller, request, companion)
            kind = _kind(old, new)
            if kind is not None:
                groups.setdefault((kind, old, new), []).append((caller, companion))
        for (kind, old, new), alike in groups.items():
            names = tuple(dict.fromkeys(_show(*one) for one in alike))
            first, companion = alike[0]
            causes = (
                self._old.explain(first, request, companion),
                self._new.explain(first, request, companion),
            )
            yield Cell(kind, request, names, old, new, *causes)

    def _with_companions(
        self, request: SimulatedRequest, callers: Sequence[Caller]
    ) -> Sequence[tuple[Caller, Caller]]:
        """Return a caller that both sides allow, with each second token that tells them apart."""
        sides = self._old, self._new
        for caller in callers:
            if all(side.ask(caller, request, ANYBODY).is_allowed for side in sides):
                companions = self._callers.companions(request)
                self.asked.cells += len(companions)
                return [(caller, companion) for companion in companions]
        return []


def _show(caller: Caller, companion: Caller | None) -> str:
    if companion is None or companion is ANYBODY:
        return caller.name
    return f"{caller.name}; its second token: {companion.name}"


def _kind(old: State, new: State) -> Kind | None:
    if old.is_allowed is not new.is_allowed:
        return Kind.OPENED if new.is_allowed else Kind.CLOSED
    if old.is_allowed and old.servers != new.servers:
        return Kind.MOVED
    same = (old.word, old.would_deny) == (new.word, new.would_deny)
    return None if same else Kind.CHANGED
