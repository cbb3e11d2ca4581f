"""Operators of other products, and what to write here instead."""

import re
from collections.abc import Mapping, Sequence

from gateway.decision.rules.claim_tests import OPERATORS
from gateway.settings.text.scalars import show_yaml
from gateway.settings.values.usual_claims import ClaimKind, usual_kind

# As they are compared: in lower case, and of words only the letters.
_SAME: Mapping[str, str] = {
    word: operator
    for operator, words in {
        "equals": "eq = == === is equal equalto value const exact exactly stringequals",
        "not_equals": "ne neq != <> isnot notequal notequalto stringnotequals",
        "in": "oneof anyof isin isoneof among enum values allowed",
        "contains": "contain has include includes containing hasitem arraycontains member",
        "matches": "match glob like pattern stringlike wildcard",
        "at_least": "gte ge >= min minimum atleast greaterorequal greaterthanorequal",
    }.items()
    for word in words.split()
}
_EXISTS: Mapping[str, bool] = {
    **dict.fromkeys(["exist", "present", "required", "defined", "isset", "notnull"], True),
    **dict.fromkeys(["absent", "missing", "notexists", "notpresent", "isnull", "undefined"], False),
}
_NOT_IN = frozenset(["notin", "nin", "noneof", "notoneof"])
_NOT_CONTAINS = frozenset(["notcontains", "excludes", "lacks", "doesnotcontain"])
_CONTAINS_ANY = frozenset(["any", "containsany", "hasany", "anyin", "intersects", "containsoneof"])
_CONTAINS_ALL = frozenset(["all", "containsall", "hasall", "allof", "superset"])
_MORE = frozenset(["gt", ">", "greater", "greaterthan", "above", "morethan"])
_LESS = frozenset(["lt", "<", "less", "lessthan", "below"])
_AT_MOST = frozenset(
    ["lte", "le", "<=", "max", "maximum", "atmost", "lessorequal", "lessthanorequal"]
)
_BEGINS = frozenset(["startswith", "beginswith", "hasprefix", "prefix"])
_ENDS = frozenset(["endswith", "hassuffix", "suffix"])
_REGEX = frozenset(
    ["regex", "regexp", "regularexpression", "regexmatch", "matchesregex", "re", "~", "=~"]
)

_SIGNS = re.compile(r"[^a-z]+")


def find_meant_operator(claim: str, written: str, operand: object) -> str | None:
    """Return what to write instead of the operator *written* with *operand*, if that is known.

    *claim* is the name of the tested claim. An operator of ours may have an unfit operand. An
    *operand* of None is not known.
    """
    word = written.lower().strip()
    word = _SIGNS.sub("", word) or word
    own = next((one for one in OPERATORS if one.replace("_", "") == word), None)
    name = show_yaml(claim)
    if word in _EXISTS or own == "exists":
        is_so = _EXISTS.get(word, True) is (operand not in (False, "false"))
        return f"write `exists: {'true' if is_so else 'false'}`"
    same = own or _SAME.get(word)
    if operand is None:
        return None if same is None else f"write `{same}`"
    if same is not None:
        return _with_operator(claim, same, operand)
    if word in _REGEX:
        return (
            "there are no regular expressions; `matches` takes a glob, in which `*` is anything,"
            ' e.g. `matches: "*@example.com"`'
        )
    if word in _BEGINS | _ENDS and isinstance(operand, str):
        glob = f"{operand}*" if word in _BEGINS else f"*{operand}"
        return f"write `matches: {show_yaml(glob)}`"
    return _with_group(name, word, operand) or _with_number(name, word, operand)


def _with_operator(claim: str, operator: str, operand: object) -> str | None:
    """Return the test of *claim* by *operator*, with an operand that it takes."""
    items, name = _items(operand), show_yaml(claim)
    if operator == "in":
        return f"write `in: {show_yaml(items)}`"
    if isinstance(operand, list):
        if not items or not all(isinstance(item, str | int | float) for item in items):
            return None
        if usual_kind(claim) is ClaimKind.LIST or operator == "contains":
            kind = "not" if operator == "not_equals" else "any"
            if len(items) == 1 and kind == "any":
                return f"write `contains: {show_yaml(items[0])}`"
            return f"write `{kind}: {_each(name, 'contains', items)}` in `claims`"
        if operator == "not_equals":
            return f"write `not: [{{{name}: {{in: {show_yaml(items)}}}}}]` in `claims`"
        if operator == "equals":
            one = show_yaml(items[0])
            return f"write `in: {show_yaml(items)}`, or `contains: {one}` if the claim is a list"
        return None
    if operator == "at_least":
        number = _number(operand)
        return None if number is None else f"write `at_least: {number}`"
    return f"write `{operator}: {show_yaml(operand)}`"


def _with_group(name: str, word: str, operand: object) -> str | None:
    items = _items(operand)
    if word in _NOT_IN:
        return f"write `not: [{{{name}: {{in: {show_yaml(items)}}}}}]` in `claims`"
    for words, kind in (
        (_NOT_CONTAINS, "not"),
        (_CONTAINS_ANY, "any"),
        (_CONTAINS_ALL, "all"),
    ):
        if word in words:
            return f"write `{kind}: {_each(name, 'contains', items)}` in `claims`"
    return None


def _with_number(name: str, word: str, operand: object) -> str | None:
    number = _number(operand)
    if number is None:
        return None
    if word in _MORE:
        return f"write `at_least` with the least number that passes, e.g. `at_least: {number + 1}`"
    if word in _LESS | _AT_MOST:
        least = number + (word in _AT_MOST)
        return (
            f"write `{name}: {{exists: true}}` and `not: [{{{name}: {{at_least: {least}}}}}]` in"
            " `claims`"
        )
    return None


def _items(operand: object) -> Sequence[object]:
    return operand if isinstance(operand, list) else [operand]


def _number(operand: object) -> int | float | None:
    """Return *operand* as a number, also if it is the text of one."""
    if isinstance(operand, bool):
        return None
    if isinstance(operand, str) and re.fullmatch(r"-?[0-9]{1,15}", operand):
        return int(operand)
    return operand if isinstance(operand, int | float) else None


def _each(name: str, operator: str, items: Sequence[object]) -> str:
    tests = ", ".join(f"{{{name}: {{{operator}: {show_yaml(item)}}}}}" for item in items)
    return f"[{tests}]"
