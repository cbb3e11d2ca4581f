"""Generate claims that pass the claim tests of a route."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

from gateway.decision.rules.claim_names import ABSENT, find_claim
from gateway.decision.rules.claim_tests import ClaimTest
from gateway.suites.samples.meaning import Variables, claim_holds, fill, same

Claims = Mapping[str, object]

_SOME = "some"
# Enough for each choice of one list; all combinations of several would be too many.
_MAX_SETS = 32


def passing(tests: Sequence[ClaimTest], claims: Claims, variables: Variables) -> Iterator[Claims]:
    """Yield *claims* changed so that they pass all *tests*, each set in another way.

    At most 32; none if no way is found, which does not prove that there is none.
    """
    paths = sorted({test.path for test in tests}, key=lambda path: (len(path), path))
    choices = [list(_values(path, tests, claims, variables)) for path in paths]
    for values in islice(product(*choices), _MAX_SETS):
        made = claims
        for path, value in zip(paths, values, strict=True):
            made = with_claim(made, path, value)
        if all(claim_holds(test, made, variables) for test in tests):
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
    path: tuple[str, ...], tests: Sequence[ClaimTest], claims: Claims, variables: Variables
) -> Iterator[object]:
    """Yield values for the claim at *path* that pass every test of it."""
    own = [test for test in tests if test.path == path]
    now = find_claim(claims, path)
    listed = [test.operand for test in own if test.operator == "contains"]
    wanted = [fill(operand, variables) for operand in listed]
    tried: list[object] = [now]
    for test in own:
        tried.extend(_passing_one(test, now, wanted, variables))
    seen: list[object] = []
    for value in tried:
        if not any(same(value, one) for one in seen) and _pass(own, path, value, variables):
            seen.append(value)
            yield value


def _pass(
    tests: Sequence[ClaimTest], path: tuple[str, ...], value: object, variables: Variables
) -> bool:
    claims = with_claim({}, path, value)
    return all(claim_holds(test, claims, variables) for test in tests)


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
