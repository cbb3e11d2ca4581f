"""Build rules over claims: tests, and groups of them."""

from collections.abc import Sequence

from gateway.decision.rules.claim_names import parse_claim_name
from gateway.decision.rules.claim_tests import (
    KINDS,
    ClaimRule,
    ClaimTest,
    compile_claim_group,
    compile_claim_test,
)
from gateway.decision.rules.operands import path_variables
from gateway.settings.schema.routes.claims import ClaimModel, ClaimsModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.regexes import find_choices, find_glob, is_anchored
from gateway.settings.text.scalars import shorten, show_yaml
from gateway.settings.text.suggestions import did_you_mean

# Nobody understands a rule that is nested deeper; each refusal would have to show it.
MAX_DEPTH = 5


class _Builder:
    """Builds the rules of one `claims`; *variables* are the names that they may compare with."""

    def __init__(self, variables: frozenset[str] | None, faults: list[Fault]) -> None:
        self._variables = variables
        self._faults = faults

    def rules(self, model: ClaimsModel, part: Part, depth: int) -> tuple[ClaimRule, ...]:
        """Return one test for each operator of each claim, and one group for each list."""
        found: list[ClaimRule] = []
        for name, term in model.root.items():
            item = part.child(name)
            if isinstance(term, ClaimModel):
                found.extend(self._tests(name, term, item))
            else:
                found.extend(self._group(name, term, item, depth + 1))
        return tuple(found)

    def _group(
        self, name: str, models: Sequence[ClaimsModel], item: Part, depth: int
    ) -> list[ClaimRule]:
        if name not in KINDS:
            message = (
                f"`{shorten(name)}` is no group, so it takes a table of tests, e.g. {{exists:"
                f" true}}; lists belong under {', '.join(KINDS[:-1])} or {KINDS[-1]}"
            )
            self._faults.append(item.key_fault(Code.WRONG_TYPE, message))
            return []
        if depth > MAX_DEPTH:
            message = f"groups of claims are nested at most {MAX_DEPTH} deep: flatten this one"
            self._faults.append(item.key_fault(Code.NOT_SUPPORTED, message))
            return []
        parts = [self.rules(model, item.child(at), depth) for at, model in enumerate(models)]
        # A part without rules has faults.
        return [compile_claim_group(name, parts)] if parts and all(parts) else []

    def _tests(self, name: str, model: ClaimModel, item: Part) -> list[ClaimTest]:
        try:
            path = parse_claim_name(name)
        except ValueError as error:
            self._faults.append(item.key_fault(Code.BAD_VALUE, str(error)))
            return []
        if not item.raw:
            message = "no operator: write one, e.g. exists: true"
            self._faults.append(item.key_fault(Code.MISSING_KEY, message))
        tests: list[ClaimTest] = []
        for operator, operand in model.model_dump(by_alias=True, exclude_unset=True).items():
            at = item.child(operator)
            try:
                tests.append(compile_claim_test(path, operator, operand))
            except ValueError as error:
                self._faults.append(at.fault(Code.BAD_VALUE, str(error)))
            self._refuse_unknown_variables(operand, at)
            if operator == "matches" and is_anchored(str(operand)):
                self._faults.append(at.fault(Code.BAD_VALUE, _meant_by(str(operand), at)))
        return tests

    def _refuse_unknown_variables(self, operand: object, at: Part) -> None:
        known = self._variables
        for unknown in sorted(path_variables(operand) - (known or frozenset())):
            if known is None:
                message = (
                    f"`{{path.{unknown}}}`: there is no path here, as these rules are for every"
                    " route; compare with it in `require` of the routes whose path has it"
                )
            else:
                message = f"the path has no variable `{unknown}`{did_you_mean(unknown, known)}"
            self._faults.append(at.fault(Code.UNKNOWN_REFERENCE, message))


def _meant_by(regex: str, part: Part) -> str:
    why = "`matches` takes a glob and no regular expression"
    choices, glob = find_choices(regex), find_glob(regex)
    if part.document.is_filled(part.path) or (choices is None and glob is None):
        return f'{why}: write one such as `matches: "*@example.com"`, or list values with `in`'
    if choices is not None:
        return f"{why}: write `in: {show_yaml(choices)}`"
    return f"{why}: write `matches: {show_yaml(glob)}`"


def build_claim_rules(
    model: ClaimsModel | None, part: Part, variables: frozenset[str] | None, faults: list[Fault]
) -> tuple[ClaimRule, ...]:
    """Return the rules; *variables* are the path's, or None for rules of no single route."""
    return () if model is None else _Builder(variables, faults).rules(model, part, 0)
