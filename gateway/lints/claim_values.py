"""Warn about tests of claims that no token of most issuers passes, or that every token passes."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.decision.rules.claim_tests import KINDS
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.text.regexes import find_choices, find_glob, looks_like_regex
from gateway.settings.text.scalars import show_yaml
from gateway.settings.values.configuration import Settings
from gateway.settings.values.usual_claims import ClaimKind, usual_kind

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]+)?")
# What compares with one value.
_COMPARES = ("equals", "not_equals", "in")


class _Lines(NamedTuple):
    """What to write instead: for an operand with a star, and for a claim that is a list."""

    of_star: str
    of_list: str


_NEVER_OF_LIST = _Lines(
    "", ", which `{operator}` never holds for: name an item, e.g. `contains: admin`"
)
_LINES = {
    "equals": _Lines("write `matches: {shown}`", ": write `contains: {shown}`"),
    "in": _Lines("write `any: [{match}, …]` in `claims`", ": write `any: [{each}]` in `claims`"),
    "not_equals": _Lines(
        "write `not: [{match}]` in `claims`",
        ", and never equal to one value: write `not: [{first}]` in `claims`",
    ),
    "contains": _Lines(
        "name each item, e.g. `any: [{{{name}: {{contains: admin}}}}, …]` in `claims`", ""
    ),
}


class _Test(NamedTuple):
    """A test of *claim* by *operator*; *part* is its operand, and *of_route* where it is."""

    claim: str
    operator: str
    part: Part
    of_route: bool

    @property
    def operands(self) -> list[tuple[object, Part]]:
        """Return each value that the claim is compared with."""
        raw = self.part.raw
        if isinstance(raw, list):
            return [(item, self.part.child(index)) for index, item in enumerate(raw)]
        return [(raw, self.part)]

    @property
    def shown(self) -> str:
        """Return the operand as YAML, or how a value of the environment may be shown."""
        return "…" if self.part.document.is_filled(self.part.path) else show_yaml(self.part.raw)

    @property
    def name(self) -> str:
        """Return the claim as YAML."""
        return show_yaml(self.claim)


def find_claim_faults(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each operand of an unusual type, or with a pattern that is none here."""
    tests = [test for part, of_route in _rules(settings, places) for test in _tests(part, of_route)]
    numbers = {test.claim for test in tests if _is_of_number(test)}
    for test in tests:
        found = [*_misread(test)] or [*_of_kind(test)] or [*_of_type(test, numbers)]
        yield from found


def _rules(settings: Settings, places: Places) -> Iterator[tuple[Part, bool]]:
    """Yield each `claims` of the configuration, and whether a route has it."""
    for name in settings.issuers:
        yield places.issuer(name).child("require").child("claims"), False
    for route in settings.policy.routes.routes:
        require = places.route(route.name).child("require")
        yield require.child("claims"), True
        if route.sources is not None:
            yield require.child("also").child("claims"), True


def _tests(part: Part, of_route: bool) -> Iterator[_Test]:
    raw = part.raw
    for name in raw if isinstance(raw, dict) else ():
        item = part.child(name)
        if isinstance(item.raw, list) and name in KINDS:
            for index in range(len(item.raw)):
                yield from _tests(item.child(index), of_route)
        for operator in item.raw if isinstance(item.raw, dict) else ():
            yield _Test(name, operator, item.child(operator), of_route)


def _misread(test: _Test) -> Iterator[Fault]:
    """Yield a warning if the operand is a pattern that the operator does not read as one."""
    raw = test.part.raw
    if test.operator == "matches":
        if isinstance(raw, str) and looks_like_regex(raw):
            yield test.part.warning(Code.PATTERN_MISREAD, _of_regex(test, raw))
        return
    if test.operator not in _COMPARES and test.operator != "contains":
        return
    for operand, part in test.operands:
        # A secret of the environment may have any character.
        is_filled = part.document.is_filled(part.path)
        if isinstance(operand, str) and "*" in operand and not is_filled:
            yield part.warning(Code.PATTERN_MISREAD, _of_star(test, show_yaml(operand)))


def _of_regex(test: _Test, regex: str) -> str:
    why = "`matches` takes a glob, in which only `*` stands for others"
    if test.part.document.is_filled(test.part.path):
        return f"{why}: this looks like a regular expression"
    choices, glob = find_choices(regex), find_glob(regex)
    if choices is not None:
        return f"{why}: write `in: {show_yaml(choices)}`"
    if glob is not None:
        return f"{why}: write `matches: {show_yaml(glob)}`"
    return f'{why}: list the values with `in`, or write a glob such as `matches: "*@example.com"`'


def _of_star(test: _Test, shown: str) -> str:
    if shown == '"*"' and test.operator in {"equals", "in"}:
        return f"`*` is the text of one star here: write `{test.name}: {{exists: true}}`"
    line = _LINES[test.operator].of_star.format(
        shown=shown, match=f"{{{test.name}: {{matches: {shown}}}}}", name=test.name
    )
    return f"`*` is no pattern in `{test.operator}`: {line}"


def _of_kind(test: _Test) -> Iterator[Fault]:
    """Yield a warning if the claim is one that cannot be compared in this way."""
    if test.operator == "exists":
        return
    kind = usual_kind(test.claim)
    if kind is ClaimKind.LIST and test.operator != "contains":
        yield test.part.warning(Code.CLAIM_SUSPECT, _of_list(test))
    elif kind is ClaimKind.SCOPES and test.of_route:
        listed = "…" if test.operator == "matches" else _listed(test)
        message = (
            f"`{test.claim}` is one text with all scopes at most issuers: write"
            f" `scopes: {listed}` in `require`"
        )
        yield test.part.warning(Code.CLAIM_SUSPECT, message)
    elif kind is ClaimKind.AUDIENCE:
        where = "`require`" if test.of_route else "the issuer"
        message = (
            "`aud` may be a text or a list (RFC 7519 §4.1.3), and only `audiences` reads both:"
            f" write `audiences: {_listed(test)}` in {where}"
        )
        yield test.part.warning(Code.CLAIM_SUSPECT, message)


def _listed(test: _Test) -> str:
    if isinstance(test.part.raw, list) or test.shown == "…":
        return test.shown
    return f"[{test.shown}]"


def _of_list(test: _Test) -> str:
    contain = [f"{{{test.name}: {{contains: {_item(part)}}}}}" for _, part in test.operands]
    lines = _LINES.get(test.operator, _NEVER_OF_LIST)
    line = lines.of_list.format(
        shown=test.shown, first=contain[0], each=", ".join(contain), operator=test.operator
    )
    return f"`{test.claim}` is a list at most issuers{line}"


def _item(part: Part) -> str:
    return "…" if part.document.is_filled(part.path) else show_yaml(part.raw)


def _of_type(test: _Test, numbers: set[str]) -> Iterator[Fault]:
    """Yield a warning for each operand that has another JSON type than the claim usually has."""
    kind = usual_kind(test.claim)
    if kind is ClaimKind.TEXT and test.operator == "at_least":
        message = f"`{test.claim}` is a text, and never at least a number"
        yield test.part.warning(Code.CLAIM_SUSPECT, message)
    if test.operator not in _COMPARES:
        return
    for operand, part in test.operands:
        written = _meant(operand, kind, test.claim in numbers)
        if written is not None and not part.document.is_filled(part.path):
            why = _why(operand, kind, test.claim)
            alone = f"{test.operator}: {written}" if part is test.part else written
            yield part.warning(Code.CLAIM_SUSPECT, f"{why}: write `{alone}`")


def _meant(operand: object, kind: ClaimKind | None, is_number: bool) -> str | None:
    """Return *operand* as YAML of the type that it should have; None if it may have it."""
    if kind is ClaimKind.TEXT:
        is_text = isinstance(operand, str)
        return None if is_text else f'"{show_yaml(operand)}"'
    if not isinstance(operand, str):
        return None
    if operand.lower() in {"true", "false"}:
        return operand.lower()
    if (is_number or kind is ClaimKind.TIME) and _NUMBER.fullmatch(operand):
        return operand
    return None


def _why(operand: object, kind: ClaimKind | None, claim: str) -> str:
    if kind is ClaimKind.TEXT:
        return f"`{claim}` is a text, and never equal to {show_yaml(operand)} without quotes"
    if kind is ClaimKind.TIME or (isinstance(operand, str) and operand[-1:].isdigit()):
        return f"`{claim}` is compared as a number elsewhere, and a number is never equal to a text"
    return "in quotes this is a text, and true or false in a token is never equal to it"


def _is_of_number(test: _Test) -> bool:
    """Return whether *test* says that its claim is a number."""
    if test.operator == "at_least":
        return True
    return test.operator in _COMPARES and any(
        isinstance(operand, int | float) and not isinstance(operand, bool)
        for operand, _ in test.operands
    )
