"""Decide whether one side of a region lets in, or accepts, callers whom the other side does not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple, cast

from gateway.decision.policy import Policy
from gateway.decision.routes.routing import Place, Route
from gateway.suites.symbolic import text_values
from gateway.suites.symbolic.access import Access, Undecided, Witness
from gateway.suites.symbolic.bindings import (
    Binding,
    find_bindings,
    has_fixed_variables,
    own_values,
    placeholders,
    readings_of,
    without_segments,
)
from gateway.suites.symbolic.callers import CALLER, COMPANION, Sample, keys_of, make_sample
from gateway.suites.symbolic.formula import (
    FALSE,
    TRUE,
    Formula,
    all_of,
    atoms_of,
    conjuncts,
    negate,
    passes,
)
from gateway.suites.symbolic.gates import (
    OPEN,
    SHUT,
    Gate,
    Side,
    as_enforced,
    lets_all_in,
    may_report,
)
from gateway.suites.symbolic.origins import find_issuer, find_origins
from gateway.suites.symbolic.requirements import OF_CLIENT, Origin
from gateway.suites.symbolic.sameness import rules_of, same_lists, trust_alike
from gateway.suites.symbolic.satisfy import Model, satisfy

Finding = Witness | Undecided

_NOBODY: Final = Witness("nobody", None, {}, "JWT", None)
_OF_CLIENT: Final = (passes((OF_CLIENT,), "equals", True),)
_OF_OTHERS: Final = (negate(_OF_CLIENT[0]),)
_OTHER_FIELD: Final = Undecided("the second token is in another field than before", ("also",))
_FIRST, _SECOND = 0, 1  # of the tokens of a request


def find_openings(old: Access, new: Access, at: float) -> Iterator[Finding]:
    """Yield callers whom *new* lets in at the time *at* and *old* does not.

    There is one for each issuer and each rule of *old* that they break. If nothing is yielded,
    there are none: neither callers without a token, nor with any token that an issuer signs or
    somebody forges. What could not be decided is yielded as Undecided.

    Not compared: keys, whether lists are available, the origins of logins, and tickets.
    """
    if new.route is None or (old.route is not None and lets_all_in(old.route)):
        return
    yield from _answer(_Aim.OPENED, old, new, at)


def find_loosened(old: Access, new: Access, at: float) -> Iterator[Finding]:
    """Yield callers whom *new* accepts at the time *at*, and whom *old* only reports.

    Otherwise this is as ``find_openings``.
    """
    if new.route is None or old.route is None or not may_report(old.route, old.settings.policy):
        return
    yield from _answer(_Aim.LOOSENED, old, new, at)


class _Aim(Enum):
    """Which callers are looked for."""

    OPENED = "let in by the new side only"
    LOOSENED = "accepted by the new side, and only reported by the old one"


def _answer(aim: _Aim, old: Access, new: Access, at: float) -> Iterator[Finding]:
    rules = rules_of(old), rules_of(new)
    if rules[0] == rules[1] and trust_alike(old.settings, new.settings, at):
        return
    yield from _find(_Question(aim, (old.settings, new.settings, *rules, at), old, new))


@dataclass(frozen=True, slots=True)
class _Question:
    """Who is treated so as *aim* says; the answer is the same if *rules* are."""

    aim: _Aim
    rules: tuple[object, ...]
    old: Access = field(compare=False)
    new: Access = field(compare=False)


@lru_cache(maxsize=4096)
def _find(question: _Question) -> tuple[Finding, ...]:
    *_, at = question.rules
    comparison = _Comparison(question.aim, question.old, question.new, cast(float, at))
    nobody = tuple(comparison.of_nobody())
    if any(isinstance(one, Witness) for one in nobody):
        return nobody  # whoever has a token need not send it
    return (*nobody, *comparison.of_tokens())


class _Sides(NamedTuple):
    """Both sides, as they judge one token; None if a side lets nobody in, or requires no token."""

    old: Side | None
    new: Side | None


_Gates = Callable[[_Sides], tuple[Gate, Gate]]  # of the old side, and of the new side
_Read = Callable[[_Gates], _Gates]


class _Second(Enum):
    """What the second token of a request must be."""

    ACCEPTED = "accepted by the new side"
    OPENED = "accepted by the new side only"
    REFUSED = "refused by the old side"
    LOOSENED = "accepted by the new side, and only reported by the old one"


def _without_token(sides: _Sides) -> tuple[Gate, Gate]:
    old, new = (SHUT if side is None else side.without_token() for side in sides)
    return old, new


def _with_token(origin: Origin) -> _Gates:
    def gates(sides: _Sides) -> tuple[Gate, Gate]:
        old, new = (SHUT if side is None else side.with_token(origin) for side in sides)
        return old, new

    return gates


def _with_forged(origin: Origin) -> _Gates:
    def gates(sides: _Sides) -> tuple[Gate, Gate]:
        old, new = (SHUT if side is None else side.with_forged(origin) for side in sides)
        return old, new

    return gates


def _read_by_both(gates: _Gates) -> _Gates:
    return gates


def _unread_before(gates: _Gates) -> _Gates:
    """Return the gates for tokens that only the new side reads."""
    return lambda sides: (_without_token(sides)[0], gates(sides)[1])


def _unread_now(gates: _Gates) -> _Gates:
    """Return the gates for tokens that only the old side reads."""
    return lambda sides: (gates(sides)[0], _without_token(sides)[1])


def _with_session(origin: Origin, login: str, authority: bytes | None) -> _Gates:
    def gates(sides: _Sides) -> tuple[Gate, Gate]:
        old, new = (
            SHUT if side is None else side.with_session(login, authority, origin) for side in sides
        )
        return old, new

    return gates


class _Comparison:
    """One comparison of two sides."""

    def __init__(self, aim: _Aim, old: Access, new: Access, at: float) -> None:
        self._aim, self._old, self._new, self._at = aim, old, new, at
        # Whoever is not accepted by such a route is reported.
        self._reports_rest = aim is _Aim.LOOSENED and old.route is not None and old.route.reports
        self._lists = same_lists(old.settings, new.settings)
        self._policies = old.settings.policy, new.settings.policy
        self._origins, self._problems = find_origins(*self._policies)
        self._generic = placeholders(old, new)
        self._own = own_values(self._generic, old, new)
        self._has_fixed = has_fixed_variables(old, new)
        self._has_variables = self._has_fixed or bool(self._generic)
        generic = self._sides(self._generic, _SECOND)
        self._has_second = generic != (None, None)
        self._second_formulas = [
            gate.any_way
            for origin in (self._origins if self._has_second else ())
            for gate in self._judged(_with_token(origin), generic)
        ]
        self._seconds: dict[tuple[_Second, tuple[str, ...]], Finding | None] = {}

    def of_nobody(self) -> Iterator[Finding]:
        """Yield the caller without a token, if it is one."""
        yield from self._compare(None, _without_token)

    def of_tokens(self) -> Iterator[Finding]:
        """Yield callers with a token."""
        for problem in self._problems:
            yield Undecided(problem, ("issuers",))
        for origin in (*self._origins, *self._opaque()):
            for place, read in self._places():
                for one in self._sent(origin, read):
                    yield replace(one, place=place) if isinstance(one, Witness) else one
            if not origin.is_opaque:
                yield from self._of_sessions(origin)

    def _places(self) -> Iterator[tuple[Place | None, _Read]]:
        """Yield the places of a token that tell the sides apart, and which of them read it there.

        A place that only the old side reads is of no use to whoever wants to be let in.
        """
        old, new = self._old.route, self._new.route
        for place, is_read in _places(old, new):
            yield place, _read_by_both if is_read else _unread_before
        if self._aim is _Aim.LOOSENED:
            for place, is_read in _places(new, old):
                if not is_read:
                    yield place, _unread_now

    def _sent(self, origin: Origin, read: _Read) -> Iterator[Finding]:
        """Yield callers with a token where the sides *read* it.

        A token of somebody else is no opaque one: its issuer has never seen it.
        """
        kinds = [(_with_token(origin), False)]
        if not origin.is_opaque:
            kinds.append((_with_forged(origin), True))
        for gates, is_forged in kinds:
            yield from self._compare(origin, read(gates), is_forged)

    def _opaque(self) -> Iterator[Origin]:
        """Yield the origin of tokens that are no JWTs, if the new side accepts any."""
        name = None if self._new.route is None else self._new.route.introspector
        if name is not None:
            issuer = self._new.settings.policy.introspecting[name]
            yield Origin(issuer.issuer, is_opaque=True)

    def _of_sessions(self, origin: Origin) -> Iterator[Finding]:
        """Yield callers by a session, even of a login that does not count on the new side."""
        request = self._new.request
        authority = None if request is None else request.authority.lower().encode()
        names = [
            rule.name
            for side in (self._old, self._new)
            if side.route is not None
            for rule in side.route.login
            if _is_of_login(side, rule.name, origin)
        ]
        for name in dict.fromkeys(names):
            for one in self._compare(origin, _with_session(origin, name, authority)):
                if isinstance(one, Witness):
                    yield replace(one, text=f"{one.text}, by a session of {name}", login=name)
                else:
                    yield one

    # --- one kind of caller

    def _compare(
        self, origin: Origin | None, gates: _Gates, is_forged: bool = False
    ) -> Iterator[Finding]:
        """Yield callers with a token of *origin* (None: without one)."""
        generic = self._judged(gates, self._sides(self._generic, _FIRST))
        old, new = self._bounds(*generic)
        if not self._has_second and self._is_contained(old, new):
            return
        if origin is not None and origin.pattern is not None and _tests_iss(generic):
            yield Undecided("a rule tests the `iss` of tenants", ("require", "claims", "iss"))
            return
        sample = None if origin is None else _sample(*self._policies, origin, CALLER, self._at)
        if not self._has_second and not self._has_variables:
            yield from _models(new, old, sample, is_forged)
            return
        formulas = (*(gate.any_way for gate in generic), *self._second_formulas)
        bindings = find_bindings(self._own, formulas)
        undecided: dict[Undecided, None] = {}
        for binding in bindings.tried:
            found = list(self._differ(gates, binding, sample, is_forged))
            if any(isinstance(one, Witness) for one in found):
                yield from found
                return
            undecided.update((one, None) for one in found if isinstance(one, Undecided))
        is_complete = bindings.is_complete or (not self._has_second and _is_excluded(new, old))
        if not is_complete or self._has_fixed:
            text = "rules compare claims with segments of the path in too many ways"
            undecided[Undecided(text, ("require", "claims"))] = None
        yield from undecided

    def _judged(self, gates: _Gates, sides: _Sides) -> tuple[Gate, Gate]:
        old, new = gates(sides)
        return (Gate(old.clean, negate(old.clean)) if self._reports_rest else old), new

    def _bounds(self, old: Gate, new: Gate) -> tuple[Formula, Formula]:
        """Return two formulas: whoever satisfies the second, but not the first, is looked for."""
        if self._aim is _Aim.OPENED:
            return old.any_way, new.any_way
        return negate(old.reported), new.clean

    def _is_contained(self, old: Formula, new: Formula) -> bool:
        """Return whether all who satisfy *new* satisfy *old*, whatever the segments are.

        False may mean that it is not known.
        """
        missing = _missing(new, old)
        if self._has_variables:
            return not any(missing)
        return all(_follows(part, new) for part in missing)

    def _differ(
        self, gates: _Gates, binding: Binding, sample: Sample | None, is_forged: bool
    ) -> Iterator[Finding]:
        old, new = self._judged(gates, self._sides(binding, _FIRST))
        segments = {at: text for at, text in binding.items() if text != self._own[at]}
        if not self._has_second:
            limit, wide = self._bounds(old, new)
            for one in _models(wide, limit, sample, is_forged):
                yield _with_segments(one, segments)
            return
        for formula, wanted in self._ways(old, new):
            for one in _models(formula, FALSE, sample, is_forged):
                also = _NOBODY if wanted is None else self._second(wanted, binding)
                if isinstance(one, Undecided) or isinstance(also, Undecided):
                    yield one if isinstance(one, Undecided) else also  # type: ignore[misc]
                elif also is not None:
                    yield _with_segments(_with_second(one, also), segments)

    def _ways(self, old: Gate, new: Gate) -> Iterator[tuple[Formula, _Second | None]]:
        """Yield what a first token must be, with what the second one must be, if any."""
        if self._aim is _Aim.LOOSENED:
            yield all_of((new.clean, old.reported)), _Second.ACCEPTED
            yield all_of((new.clean, old.clean)), _Second.LOOSENED
            return
        refused, unreported = negate(old.any_way), negate(old.reported)
        yield all_of((new.reported, refused)), None
        yield all_of((new.reported, unreported)), _Second.REFUSED
        yield all_of((new.clean, refused)), _Second.ACCEPTED
        yield all_of((new.clean, unreported)), _Second.OPENED

    def _sides(self, binding: Binding, number: int) -> _Sides:
        """Return the sides as they judge the first or the second token, with these segments."""
        sides = (self._side(access, binding, number) for access in (self._old, self._new))
        return _Sides(*sides)

    def _side(self, access: Access, binding: Binding, number: int) -> Side | None:
        route, match = access.route, access.match
        if route is None or match is None:
            return None
        if self._aim is _Aim.LOOSENED and route.reports:
            route = as_enforced(route)
        name = b""
        if number == _SECOND:
            second = None if route.sources is None else route.sources.second
            if second is None:
                return None
            route, name = route.judged[1], second.field
        lists = self._lists if access is self._new else {}
        return Side(access.settings, route, readings_of(match, binding), self._at, lists, name)

    # --- second tokens

    def _second(self, wanted: _Second, binding: Binding) -> Finding | None:
        """Return a second token as *wanted*, ``_NOBODY`` if none is needed, None if none is so."""
        key = wanted, tuple(binding.values())
        if key not in self._seconds:
            self._seconds[key] = self._find_second(wanted, self._sides(binding, _SECOND))
        return self._seconds[key]

    def _find_second(self, wanted: _Second, sides: _Sides) -> Finding | None:
        old, new = sides
        if wanted is not _Second.ACCEPTED and old is None:
            return None
        is_same = old is not None and new is not None and old.field == new.field
        if wanted is _Second.LOOSENED and not self._reports_rest:
            if is_same or new is None:
                return self._search_second(sides, is_read=True)
            return _OTHER_FIELD if self._reports_second(sides) else None
        if wanted is _Second.REFUSED or new is None:
            return _NOBODY
        return self._search_second(sides, is_same and wanted is not _Second.ACCEPTED)

    def _reports_second(self, sides: _Sides) -> bool:
        """Return whether the old side may let a second token pass that it only reports."""
        gates = (_with_token(origin)(sides)[0] for origin in self._origins)
        return any(gate.reported != FALSE for gate in gates)

    def _search_second(self, sides: _Sides, is_read: bool) -> Finding | None:
        """Return a second token that the new side accepts.

        If the old side reads it, too, what that makes of it counts as well.
        """
        result: Finding | None = None
        for origin in self._origins:
            sample = _sample(*self._policies, origin, COMPANION, self._at)
            for is_forged, gates in ((False, _with_token(origin)), (True, _with_forged(origin))):
                old, new = self._judged(gates, sides)
                limit, wide = self._bounds(old, OPEN if sides.new is None else new)
                for one in _models(wide, limit if is_read else FALSE, sample, is_forged):
                    if isinstance(one, Witness):
                        return one
                    result = one
        return result


@lru_cache(maxsize=256)
def _sample(old: Policy, new: Policy, origin: Origin, name: str, at: float) -> Sample | None:
    """Return the usual token of *origin* that *new* accepts, if any, and *old*, too, if it can."""
    if origin.is_opaque:
        issuer = next(one for one in new.introspecting.values() if one.issuer == origin.iss)
        return make_sample(issuer, None, origin, name, at)
    before, after = find_issuer(old, origin), find_issuer(new, origin)
    if after is None:
        return None
    return make_sample(after[0], None if before is None else before[0], origin, name, at)


def _models(
    new: Formula, old: Formula, sample: Sample | None, is_forged: bool
) -> Iterator[Finding]:
    """Yield tokens that satisfy *new*, but not *old*: one for each part of *old* that they lack."""
    for part in _missing(new, old):
        if _follows(part, new):
            continue
        one = _find_token((new, negate(part)), sample, is_forged)
        if isinstance(one, Witness):
            yield one
            if new == TRUE:
                return  # one of those who may send any token
        elif one is not None:
            yield Undecided("the rules of both are too intricate to compare", keys_of(part))


def _find_token(
    formulas: tuple[Formula, ...], sample: Sample | None, is_forged: bool
) -> Witness | text_values.Undecided | None:
    """Return a token that satisfies *formulas*."""
    if sample is None:
        found = satisfy(formulas, {})
        return _NOBODY if isinstance(found, Model) else found
    result: text_values.Undecided | None = None
    for more in ((), _OF_CLIENT, _OF_OTHERS):
        found = satisfy((*formulas, *more), sample.preferred)
        if isinstance(found, Model):
            made = sample.forged(found) if is_forged else sample.changed(found)
            if is_forged or sample.is_as_chosen(made, found):
                return made
            result = text_values.UNDECIDED
        elif not more:
            return found
    return result


def _missing(new: Formula, old: Formula) -> Iterator[Formula]:
    """Yield the parts of *old* that are none of *new*, which may be broken by it."""
    if new == FALSE:
        return
    known = set(conjuncts(new))
    yield from (part for part in conjuncts(old) if part not in known)


def _is_excluded(new: Formula, old: Formula) -> bool:
    """Return whether no token satisfies *new* but not *old*, whatever the segments are."""
    after, before = without_segments(new), without_segments(old)
    return all(satisfy((after, negate(part)), {}) is None for part in _missing(after, before))


def _follows(part: Formula, whole: Formula) -> bool:
    """Return whether *part* holds if *whole* does, as what that says about its claims shows.

    Then nothing else needs to be known: of thousands of routes, that is often the same.
    """
    names = _names_in(part)
    return _is_implied(
        part, tuple(one for one in conjuncts(whole) if not names.isdisjoint(_names_in(one)))
    )


@lru_cache(maxsize=4096)
def _is_implied(part: Formula, formulas: tuple[Formula, ...]) -> bool:
    return satisfy((*formulas, negate(part)), {}) is None


@lru_cache(maxsize=65536)
def _names_in(formula: Formula) -> frozenset[str]:
    """Return the claims that *formula* tests."""
    return frozenset(atom.path[0] for atom in atoms_of(formula))


def _tests_iss(gates: tuple[Gate, Gate]) -> bool:
    return any(atom.path[0] == "iss" for gate in gates for atom in atoms_of(gate.any_way))


def _with_segments(one: Finding, segments: Mapping[int, str]) -> Finding:
    return replace(one, segments=segments) if isinstance(one, Witness) and segments else one


def _with_second(first: Finding, second: Finding) -> Finding:
    if not isinstance(first, Witness) or not isinstance(second, Witness) or second is _NOBODY:
        return first
    return replace(first, text=f"{first.text}; its second token: {second.text}", second=second)


def _is_of_login(side: Access, name: str, origin: Origin) -> bool:
    """Return whether tokens of *origin* are those of sessions of the login *name*."""
    found = find_issuer(side.settings.policy, origin)
    return found is not None and side.settings.logins[name].issuer == found[0].name


def _places(old: Route | None, new: Route | None) -> Iterator[tuple[Place | None, bool]]:
    """Yield the places of a token that tell the sides apart, and whether the old side reads them.

    Tickets are not among them: whoever gets one has sent a token.
    """
    known = _places_of(old)
    common = [place for place, name in _places_of(new) if (place, name) in known]
    if common:
        yield None if Place.AUTHORIZATION in common else common[0], True
    for place, name in _places_of(new):
        if (place, name) not in known and place is not Place.TICKET:
            yield place, False


def _places_of(route: Route | None) -> list[tuple[Place, bytes | None]]:
    if route is None or route.sources is None:
        return [(Place.AUTHORIZATION, None)]
    sources = route.sources
    return [
        (place, sources.field if place is Place.HEADER else None)
        for place in Place
        if place in sources.places
    ]
