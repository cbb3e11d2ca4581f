"""Generate claims that pass the claim rules of a route, or fail them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, product, zip_longest
from typing import NamedTuple

from gateway.decision.rules.claim_names import ABSENT, find_claim
from gateway.decision.rules.claim_tests import ClaimRule, ClaimTest
from gateway.suites.samples.meaning import Variables, claim_holds, fill, same

Claims = Mapping[str, object]

_SOME = "some"
# Enough for each choice of one list; all combinations of several would be too many.
_MAX_SETS = 32
# Ways to satisfy groups, of which a few lines can have millions.
_MAX_WAYS = 32


class _Wish(NamedTuple):
    """That *test* holds, or that it does not."""

    test: ClaimTest
    holds: bool

    def is_met(self, claims: Claims, variables: Variables) -> bool:
        """Return whether *claims* are as wished."""
        return claim_holds(self.test, claims, variables) is self.holds


_Way = tuple[_Wish, ...]  # all of them together


def passing(rules: Sequence[ClaimRule], claims: Claims, variables: Variables) -> Iterator[Claims]:
    """Yield *claims* changed so that they pass all *rules*, each set in another way.

    At most 32, of each way to satisfy groups in turn; none if no way is found, which does not prove
    that there is none.
    """
    for made in _changed(_all_ways(rules), claims, variables):
        if all(claim_holds(rule, made, variables) for rule in rules):
            yield made


def failing(rule: ClaimRule, claims: Claims, variables: Variables) -> Iterator[Claims]:
    """Yield *claims* changed so that they fail *rule*, each set in another way; at most 32."""
    for made in _changed(_rule_ways(rule, False), claims, variables):
        if not claim_holds(rule, made, variables):
            yield made


def _all_ways(rules: Sequence[ClaimRule]) -> Iterator[_Way]:
    return _together(_rule_ways(rule, True) for rule in rules)


def _no_way(rules: Sequence[ClaimRule]) -> Iterator[_Way]:
    """Yield the ways in which not all *rules* hold."""
    return chain.from_iterable(_rule_ways(rule, False) for rule in rules)


def _rule_ways(rule: ClaimRule, positive: bool) -> Iterator[_Way]:
    """Yield the ways in which *rule* holds, or does not."""
    if isinstance(rule, ClaimTest):
        return iter([(_Wish(rule, positive),)])
    inner = _all_ways if positive != (rule.kind == "not") else _no_way
    each = (inner(part) for part in rule.parts)
    one_suffices = positive == (rule.kind == "any")
    return chain.from_iterable(each) if one_suffices else _together(each)


def _together(each: Iterable[Iterator[_Way]]) -> Iterator[_Way]:
    bounded = [list(islice(ways, _MAX_WAYS)) for ways in each]
    for ways in islice(product(*bounded), _MAX_WAYS):
        yield tuple(chain.from_iterable(ways))


def _changed(ways: Iterator[_Way], claims: Claims, variables: Variables) -> Iterator[Claims]:
    """Yield claims that may be as one of *ways* says, the first of each way first."""
    each = [_of_way(way, claims, variables) for way in islice(ways, _MAX_WAYS)]
    in_turn = chain.from_iterable(zip_longest(*each))
    return islice((made for made in in_turn if made is not None), _MAX_SETS)


def _of_way(way: _Way, claims: Claims, variables: Variables) -> Iterator[Claims]:
    paths = sorted({wish.test.path for wish in way}, key=lambda path: (len(path), path))
    choices = [list(_values(path, way, claims, variables)) for path in paths]
    for values in islice(product(*choices), _MAX_SETS):
        made = claims
        for path, value in zip(paths, values, strict=True):
            made = with_claim(made, path, value)
        yield made


def with_claim(claims: Claims, path: Sequence[str], value: object) -> Claims:
    """Return a copy of *claims* with *value* at *path*; ABSENT removes it."""
    name, *rest = path
    changed = dict(claims)
    if rest:
        inner = changed.get(name)
        value = with_claim(inner if isinstance(inner, dict) else {}, rest, value)
    if value is ABSENT:
        changed.pop(name, None)
    else:
        changed[name] = value
    return changed


def _values(
    path: tuple[str, ...], way: _Way, claims: Claims, variables: Variables
) -> Iterator[object]:
    """Yield values for the claim at *path* that are as *way* says."""
    own = [wish for wish in way if wish.test.path == path]
    now = find_claim(claims, path)
    listed = [wish.test.operand for wish in own if wish.holds and wish.test.operator == "contains"]
    wanted = [fill(operand, variables) for operand in listed]
    tried: list[object] = [now]
    for wish in own:
        if wish.holds:
            tried.extend(_passing_one(wish.test, now, wanted, variables))
        else:
            tried.extend(_failing_one(wish.test, now, wanted, variables))
    seen: list[object] = []
    for value in tried:
        alone = with_claim({}, path, value)
        is_new = not any(same(value, one) for one in seen)
        if is_new and all(wish.is_met(alone, variables) for wish in own):
            seen.append(value)
            yield value


def _passing_one(
    test: ClaimTest, now: object, wanted: list[object], variables: Variables
) -> list[object]:
    """Return values that pass *test* by itself; *wanted* is what a list must contain."""
    operand = fill(test.operand, variables)
    match test.operator:
        case "equals" | "at_least":
            return [operand]
        case "not_equals":
            return [_SOME, f"not-{operand}"]
        case "in":
            return list(operand) if isinstance(operand, list) else []
        case "contains":
            listed = now if isinstance(now, list) else [] if now is ABSENT else [now]
            return [[*listed, *wanted]]
        case "matches":
            text = str(operand).replace("?", "x")
            return [text.replace("*", ""), text.replace("*", _SOME)]
        case _:  # exists
            return [_SOME, 1, [_SOME]] if operand else [ABSENT]


def _failing_one(
    test: ClaimTest, now: object, wanted: list[object], variables: Variables
) -> list[object]:
    """Return values that fail *test* by itself; *wanted* is what a list must contain."""
    operand = fill(test.operand, variables)
    match test.operator:
        case "not_equals":
            return [operand, ABSENT]
        case "exists":
            return [ABSENT] if operand else [_SOME, 1, [_SOME]]
        case "contains":
            listed = now if isinstance(now, list) else []
            return [[*(one for one in listed if not same(one, operand)), *wanted], ABSENT]
        case "at_least":
            return [ABSENT, -1, _SOME]
        case _:
            return [ABSENT, _SOME, f"not-{operand}"]
