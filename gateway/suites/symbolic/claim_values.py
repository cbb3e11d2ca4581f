"""Find a value of one claim that passes some tests and fails others, or prove there is none."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.decision.rules.claim_names import ABSENT
from gateway.decision.rules.claim_tests import strictly_equal
from gateway.decision.rules.glob import ANY_CHARACTER, glob_matches
from gateway.decision.tenants import is_tenant
from gateway.decision.tokens.svid import trust_domain_of
from gateway.suites.symbolic.formula import Atom, Literal
from gateway.suites.symbolic.text_values import UNDECIDED, Pattern, find_texts

_TIMES_END: Final = 2.0**53  # see decision.tokens.claims
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3


class NoValue:
    """What is returned if no value is as wished."""


NO_VALUE: Final = NoValue()


def holds(atom: Atom, value: object) -> bool:
    """Return whether a claim of this *value*, ABSENT if it is missing, passes the test of *atom*.

    A null counts as missing, except for ``named``: that the token has a claim of this name.
    """
    if atom.operator == "named":
        return value is not ABSENT
    missing = value is ABSENT or value is None
    if atom.operator == "type":
        return missing or _TYPES[str(atom.operand)](value)
    return not missing and _OPERATORS[atom.operator](value, atom.operand)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _matches(value: object, operand: object) -> bool:
    if not (isinstance(value, str) and isinstance(operand, Pattern)):
        return False
    counted = operand.at_signs is None or value.count("@") == operand.at_signs
    return counted and glob_matches(operand.pieces, value)


def _items(value: object) -> list[str]:
    """Return the texts in a list, or in a text with spaces between."""
    if isinstance(value, str):
        return value.split(" ")
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _are_texts(value: object, forbidden: str = "") -> bool:
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str)]
        return len(texts) == len(value) and not any(forbidden and forbidden in one for one in texts)
    return isinstance(value, str)


_OPERATORS: Final[Mapping[str, Callable[[object, object], bool]]] = {
    "exists": lambda value, _: True,
    "equals": strictly_equal,
    "contains": lambda value, wanted: (
        isinstance(value, list) and any(strictly_equal(item, wanted) for item in value)
    ),
    "matches": _matches,
    "at_least": lambda value, least: _is_number(value) and value >= least,  # type: ignore[operator]
    "above": lambda value, bound: _is_number(value) and value > bound,  # type: ignore[operator]
    # A scope in a text or a list, any scope, an audience, a tenant, a workload of a trust domain,
    # one of some words in lower case.
    "item": lambda value, wanted: wanted in _items(value),
    "any_item": lambda value, _: any(_SCOPE.fullmatch(one) for one in _items(value)),
    "member": lambda value, wanted: (
        wanted in value if isinstance(value, list) else strictly_equal(value, wanted)
    ),
    "tenant": lambda value, _: isinstance(value, str) and is_tenant(value),
    "workload": lambda value, domain: trust_domain_of(value) == domain,
    "in_any_case": lambda value, words: (
        isinstance(value, str) and isinstance(words, tuple) and value.lower() in words
    ),
}

# What a claim must be, if the token has it.
_TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "text": lambda value: isinstance(value, str),
    "subject": lambda value: isinstance(value, str) and value != "",
    "texts": _are_texts,
    "scopes": lambda value: _are_texts(value, forbidden=" "),
    "time": lambda value: _is_number(value) and 0 <= value < _TIMES_END,  # type: ignore[operator]
}

_ANY: Final = frozenset({"text", "number", "list", "boolean", "table"})

# The kinds of values that pass a test.
_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "contains": frozenset({"list"}),
    "matches": frozenset({"text"}),
    "at_least": frozenset({"number"}),
    "above": frozenset({"number"}),
    "item": frozenset({"text", "list"}),
    "any_item": frozenset({"text", "list"}),
    "member": frozenset({"text", "list"}),
    "tenant": frozenset({"text"}),
    "workload": frozenset({"text"}),
    "in_any_case": frozenset({"text"}),
}


_NO_PATTERNS: Final = frozenset({"tenant", "workload", "any_item", "in_any_case"})


@dataclass(slots=True)
class _Node:
    """The tests of one claim, and of those below it."""

    own: list[Literal] = field(default_factory=list)
    below: dict[str, "_Node"] = field(default_factory=dict)

    def fits(self, value: object) -> bool:
        """Return whether *value* is as all tests say, in the claims below as well."""
        return all(holds(one.atom, value) is one.positive for one in self.own) and all(
            node.fits(value.get(name, ABSENT) if isinstance(value, dict) else ABSENT)
            for name, node in self.below.items()
        )


def find_value(literals: Iterable[Literal], preferred: object = ABSENT) -> object:
    """Return a value for the first claim on the paths of *literals*, which is the same for all.

    It passes or fails their tests as they say, and is *preferred* if that does. Return ABSENT for
    a missing claim, None for null, NO_VALUE if no value can be right, and UNDECIDED if it is not
    known whether one can.
    """
    root = _Node()
    for one in literals:
        node = root
        for name in one.atom.path[1:]:
            node = node.below.setdefault(name, _Node())
        node.own.append(one)
    return preferred if root.fits(preferred) else _find(root)


def _find(node: _Node) -> object:
    exact = next((one for one in node.own if one.positive and one.atom.operator == "equals"), None)
    if exact is not None:
        return exact.atom.operand if node.fits(exact.atom.operand) else NO_VALUE
    if not node.below:
        return _find_leaf(node)
    plain: object = NO_VALUE
    if all(below.fits(ABSENT) for below in node.below.values()):
        plain = _find_leaf(node)
        if plain is not NO_VALUE and plain is not UNDECIDED:
            return plain
    table = _find_table(node)
    return plain if table is NO_VALUE else table


def _find_table(node: _Node) -> object:
    members: dict[str, object] = {}
    for name, below in node.below.items():
        value = ABSENT if below.fits(ABSENT) else _find(below)
        if value is NO_VALUE or value is UNDECIDED:
            return value
        if value is not ABSENT:
            members[name] = value
    # Other members tell it apart from the tables that it must not be.
    other = next(name for name in _fresh_texts(node.own) if name not in node.below)
    made = [members, *({**members, other: number} for number in range(len(node.own) + 1))]
    return next((one for one in made if node.fits(one)), NO_VALUE)


def _find_leaf(node: _Node) -> object:
    own = node.own
    kinds = _ANY
    for one in own:
        if one.positive and one.atom.operator in _KINDS:
            kinds &= _KINDS[one.atom.operator]
    result: object = NO_VALUE
    for candidate in _candidates(own, kinds):
        if candidate is UNDECIDED:
            result = UNDECIDED
        elif not (node.below and isinstance(candidate, dict)) and node.fits(candidate):
            return candidate
    return result


def _candidates(own: Sequence[Literal], kinds: frozenset[str]) -> Iterator[object]:
    """Yield values until one must be right, if any is; UNDECIDED if that is not known of a kind."""
    yield from (ABSENT, None)
    if "text" in kinds:
        yield from _texts(own)
    if "number" in kinds:
        yield from _numbers(own)
    if "list" in kinds:
        yield from _lists(own)
    if "boolean" in kinds:
        yield from (True, False)
    if "table" in kinds:
        yield {}
        other = next(_fresh_texts(own))
        yield from ({other: number} for number in range(len(own) + 1))


def _operands(own: Iterable[Literal], positive: bool, *operators: str) -> list[object]:
    return [
        one.atom.operand
        for one in own
        if one.positive is positive and one.atom.operator in operators
    ]


def _fresh_texts(own: Iterable[Literal]) -> Iterator[str]:
    """Yield texts that no test names."""
    named = [one.atom.operand for one in own]
    yield from (text for text in ("other", "another") if not any(text in _parts(n) for n in named))
    number = 0
    while True:
        number += 1
        if not any(f"other-{number}" in _parts(one) for one in named):
            yield f"other-{number}"


def _parts(operand: object) -> Iterator[object]:
    """Yield everything in *operand*, itself and names in tables included."""
    yield operand
    if isinstance(operand, list | tuple):
        for one in operand:
            yield from _parts(one)
    elif isinstance(operand, dict):
        for name, one in operand.items():
            yield name
            yield from _parts(one)


# --- texts


def _texts(own: Sequence[Literal]) -> Iterator[object]:
    members = _operands(own, True, "member")
    if members:  # it is the one audience
        yield members[0]
        return
    yield from _usual_texts(own)
    wanted, unwanted = _patterns(own, True), _patterns(own, False)
    found: object = None
    for found in find_texts(wanted, unwanted):
        yield found
    # These tests are no patterns: a text may fit all patterns, but fail them.
    if found is not None and any(one.atom.operator in _NO_PATTERNS for one in own):
        yield UNDECIDED


def _usual_texts(own: Sequence[Literal]) -> Iterator[str]:
    """Yield texts that are right most of the time, which is cheaper than to search for one."""
    globs = [one for one in _operands(own, True, "matches") if isinstance(one, Pattern)]
    for one in globs:
        for between in ("", "x", "some"):
            yield between.join(one.pieces).replace(ANY_CHARACTER, "x")
    for domain in _operands(own, True, "workload"):
        yield f"spiffe://{domain}/other"
    for words in _operands(own, True, "in_any_case"):
        yield from (str(one) for one in _parts(words) if isinstance(one, str))
    items = _operands(own, True, "item")
    if items:
        yield " ".join(map(str, items))
    elif not globs:
        yield next(_fresh_texts(own))
        yield ""


def _patterns(own: Iterable[Literal], positive: bool) -> list[Pattern]:
    found: list[Pattern] = []
    for one in own:
        atom, operand = one.atom, one.atom.operand
        if one.positive is not positive:
            continue
        if isinstance(operand, Pattern):
            found.append(operand)
        elif atom.operator == "item":
            found.append(Pattern(("", f" {operand} ", ""), is_word=True))
        elif atom.operator in {"equals", "member"} and isinstance(operand, str):
            found.append(Pattern((operand,)))
        elif atom.operator == "type" and operand == "subject" and positive:
            found.append(Pattern((ANY_CHARACTER, "")))
        elif atom.operator == "workload" and positive:
            found.append(Pattern((f"spiffe://{operand}/", "")))
    return found


# --- numbers


def _numbers(own: Sequence[Literal]) -> Iterator[object]:
    (low, is_open), (high, is_closed) = _bounds(own)
    spare = range(len(own) + 1)  # so many values can be excluded one by one
    if low > high or (low == high and (is_open or not is_closed)):
        return
    yield from (one for one in (low, high) if not math.isinf(one))
    if math.isinf(low):
        yield from ((7 if math.isinf(high) else math.ceil(high) - 1) - number for number in spare)
    elif math.isinf(high):
        yield from (math.floor(low) + 1 + number for number in spare)
    else:
        yield from (one for number in spare if (one := math.floor(low) + 1 + number) < high)
        middle = high
        for _ in spare:
            middle = low + (middle - low) / 2
            yield middle
        if math.nextafter(low, math.inf) < high:
            yield UNDECIDED


def _bounds(own: Iterable[Literal]) -> tuple[tuple[float, bool], tuple[float, bool]]:
    """Return the least number, and whether it is excluded; the greatest, and whether it is not."""
    low, high = (-math.inf, False), (math.inf, True)
    for one in own:
        atom, bound = one.atom, one.atom.operand
        if atom.operator == "type" and bound == "time" and one.positive:
            low, high = max(low, (0, False)), min(high, (_TIMES_END, False))
        elif atom.operator in {"at_least", "above"} and isinstance(bound, int | float):
            if one.positive:
                low = max(low, (bound, atom.operator == "above"))
            else:
                high = min(high, (bound, atom.operator == "above"))
    return low, high


# --- lists


def _lists(own: Sequence[Literal]) -> Iterator[object]:
    items: list[object] = []
    for wanted in _operands(own, True, "contains", "item", "member"):
        if not any(strictly_equal(wanted, one) for one in items):
            items.append(wanted)
    fresh = next(_fresh_texts(own))
    yield list(items)
    yield [*items, fresh]
    # Others differ from the lists that it must not be, without another text.
    for number in range(1, len(own) + 1):
        yield [*items, *items[:1] * number]
        yield [*items, *[""] * number]
        yield [*items, *[False] * number]
