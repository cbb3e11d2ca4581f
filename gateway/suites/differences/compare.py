"""Compare two configurations: their meaning, and who has access."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.settings.load import Loaded
from gateway.settings.values.configuration import Settings
from gateway.suites.differences.callers import Callers
from gateway.suites.differences.compare_general import compare_access, compare_limits
from gateway.suites.differences.compare_regions import MAX_CELLS, Asked, Cell, Gap, Regions
from gateway.suites.differences.compare_routes import Pairs, RouteFacets, compare_routes
from gateway.suites.differences.divided_counts import find_divided
from gateway.suites.differences.facet import Change, Kind
from gateway.suites.differences.renamed_parts import Renamed, find_renamed, with_old_names
from gateway.suites.differences.service_paths import find_unguarded
from gateway.suites.differences.side import Caller, Side
from gateway.suites.simulation.persona import Persona, make_claims, make_header
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.run_keys import cheapest


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is compared besides generated callers and requests, at the time *at*."""

    at: float
    personas: Sequence[Persona] = ()
    requests: Sequence[SimulatedRequest] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """How two configurations differ: *changed* rules, *limits*, and *cells* of access.

    *gaps* is what was not decided. *asked* says how much was compared for the *cells*.
    """

    changed: tuple[Change, ...]
    limits: tuple[Change, ...]
    cells: tuple[Cell, ...]
    gaps: tuple[Gap, ...]
    asked: Asked

    def of(self, kind: Kind) -> tuple[Cell, ...]:
        """Return the cells of one kind."""
        return tuple(cell for cell in self.cells if cell.kind is kind)

    @property
    def kinds(self) -> frozenset[Kind]:
        """Return what any of the differences is."""
        of_cells = {cell.kind for cell in self.cells}
        return frozenset(of_cells).union(*(one.kinds for one in (*self.changed, *self.limits)))

    @property
    def is_empty(self) -> bool:
        """Return whether there is no difference in meaning."""
        return not (self.changed or self.limits or self.cells or self.gaps)


def compare(old: Loaded, new: Loaded, question: Question, max_cells: int = MAX_CELLS) -> Difference:
    """Return how *new* differs from *old*; every persona's issuer must be in one of them."""
    renamed = find_renamed(old, new)
    new = with_old_names(new, renamed)
    facets = RouteFacets(old), RouteFacets(new)
    rest = list(compare_access(old, new, renamed=renamed))
    limits = list(compare_limits(old, new, renamed=renamed))
    called = [_with_old_names(one, renamed) for one in question.personas]
    revoked = _revoked(called)
    sides = Side(old, question.at, revoked), Side(new, question.at, revoked)
    callers = Callers(*sides, question.at)
    regions = Regions(*sides, callers, Pairs(*facets), is_alike=not (rest or limits))
    personas = [_caller(one, old.settings, new.settings, question.at) for one in called]
    cells = tuple(regions.compare(question.requests, personas, max_cells))
    routes = (
        *compare_routes(*facets, regions.owners),
        *find_divided(*facets, regions.owners),
    )
    unguarded = find_unguarded(*sides, callers)
    return Difference(
        (*routes, *rest),
        tuple(limits),
        (*cells, *unguarded),
        tuple(regions.gaps),
        regions.asked,
    )


def _with_old_names(persona: Persona, renamed: Renamed) -> Persona:
    """Return *persona*, who may be of a suite about the new configuration."""
    session = persona.session and renamed.logins.get(persona.session, persona.session)
    revoked = tuple(renamed.lists.get(name, name) for name in persona.revoked)
    return replace(persona, session=session, revoked=revoked)


def _revoked(personas: Iterable[Persona]) -> Mapping[str, Collection[str]]:
    found: dict[str, list[str]] = {}
    for persona in personas:
        for name in persona.revoked:
            found.setdefault(name, []).append(_token_id(persona))
    return found


def _token_id(persona: Persona) -> str:
    return str(persona.claims.get("jti", f"{persona.name}-token"))


def _caller(persona: Persona, old: Settings, new: Settings, at: float) -> Caller:
    """Return *persona* with the token that the issuer of the old configuration gives it."""
    if persona.issuer is None:
        return Caller(persona.name, browser=persona.browser)
    known = old.issuers.get(persona.issuer) or new.issuers[persona.issuer]
    header = make_header(persona, known.issuer, "", "")
    claims = make_claims(persona, known.issuer, at)
    return Caller(
        persona.name,
        known.issuer.issuer,
        claims,
        {name: value for name, value in header.items() if value != ""},
        # The same in both, even if the new one allows a faster one.
        persona.algorithm or cheapest(known.issuer.algorithms),
        persona.attack,
        persona.session,
        persona.browser,
        is_impostor=not known.issuer.may_issue(claims.get("iss")),
    )
