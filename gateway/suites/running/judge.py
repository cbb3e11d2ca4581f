"""Compare the outcome of a request with the expected one, and find the cause."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from gateway.decision.explaining.explanation import Explanation
from gateway.decision.verdict import Allow, Deny, LogIn, Publish
from gateway.http.writing.grpc_status import grpc_status_of
from gateway.settings.text.places import Places
from gateway.suites.files.models import ALLOW, LOGIN, PUBLISHED, STATUSES
from gateway.suites.files.suite import AccessTest, Demands, Expectation, Suite
from gateway.suites.simulation.sandbox import Outcome as Decided
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.step_places import place_of_step
from gateway.suites.simulation.trial import Trial
from gateway.suites.simulation.wire import ForwardedRequest, read_head

_NOTHING = Demands()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The outcome of the request of *test* for the persona of this name.

    *got* is in the words of an expectation. *differences* say what is not as expected; there are
    none if the test passed.
    """

    suite: Suite
    test: AccessTest
    persona: str
    expectation: Expectation
    got: str
    differences: tuple[str, ...]
    trial: Trial = field(repr=False)

    @property
    def passed(self) -> bool:
        """Return whether all is as expected."""
        return not self.differences

    def explain(self) -> Explanation:
        """Return the verdict and its steps; found anew each time, because most tests pass."""
        personas, also = self.suite.personas, self.test.also
        second = None if also is None else personas[also].persona
        return self.trial.ask_as(personas[self.persona].persona, self.test.request, second)


def judge(trial: Trial, suite: Suite, test: AccessTest, name: str) -> Outcome:
    """Decide the request of *test* for the persona *name*, and compare."""
    persona, expectation = suite.personas[name].persona, test.expected[name]
    also = None if test.also is None else suite.personas[test.also].persona
    decided = trial.decide_as(persona, test.request, also)
    got, answer = _name(decided), expectation.answer
    demands = expectation.demands
    if demands.would_deny is not None:
        answer = _reporting(demands.would_deny)
    differences: tuple[str, ...] = ()
    if answer in STATUSES and isinstance(decided, Deny):
        status = grpc_status_of(decided.reason).name
        if status != answer:
            differences = (f"expected {answer}, got {status}, for {got}",)
    elif got != answer:
        differences = (f"expected {answer}, got {got}",)
    elif isinstance(decided, Sent) and demands != _NOTHING:
        differences = tuple(_find_differences(demands, decided))
    return Outcome(suite, test, name, expectation, got, differences, trial)


def _name(decided: Decided) -> str:
    match decided:
        case Sent():
            report = decided.allow.would_deny
            return ALLOW if report is None else _reporting(report.reason.code)
        case Deny():
            return decided.reason.code
        case Publish():
            return PUBLISHED
        case LogIn():
            return LOGIN
        case _:
            assert_never(decided)


def _reporting(reason: str) -> str:
    # Only allowed in report mode: a plain `allow` must not match, or nobody would notice.
    return f"allow, with {reason} only reported"


def _find_differences(demands: Demands, sent: Sent) -> Iterator[str]:
    allow, forwarded = sent.allow, read_head(sent.head)
    for what, wanted, found in (
        ("the route", demands.route, allow.route.name),
        ("the upstream", demands.upstream, allow.route.upstream),
        ("the target", demands.target, forwarded.target),
    ):
        if wanted is not None and wanted != found:
            yield f"{what}: expected {wanted}, got {found}"
    yield from _find_other_fields(demands, forwarded)


def _find_other_fields(demands: Demands, forwarded: ForwardedRequest) -> Iterator[str]:
    for name, values in demands.headers:
        found = forwarded.values(name)
        if found != values:
            yield f"the header {name}: expected {_show(name, values)}, got {_show(name, found)}"
    for name in demands.present:
        if not forwarded.values(name):
            yield f"the header {name}: expected it, got none"
    for name in demands.absent:
        found = forwarded.values(name)
        if found:
            yield f"the header {name}: expected none, got {_show(name, found)}"


def _show(name: str, values: tuple[str, ...]) -> str:
    if not values:
        return "none"
    if name.lower() == "authorization":
        return "a credential (hidden)"
    return " and ".join(map(repr, values))


def describe_cause(outcome: Outcome, places: Places) -> str:
    """Return ``file:line:column: check: expected …, found …`` of the step that failed.

    If none failed, return the route that allows the request, or what of the gateway responds. The
    text holds no part of a token.
    """
    explanation = outcome.explain()
    verdict = explanation.verdict
    step = next((one for one in explanation.steps if not one.holds), None)
    if step is not None:
        place = place_of_step(step, places)
        text = f"{step.check.value}: expected {step.expected}, found {step.found}"
    elif isinstance(verdict, Allow):
        place = places.of_route(verdict.route.name)
        text = f"the route {verdict.route.name} allows it"
    elif isinstance(verdict, LogIn):
        place, text = places.of("login", verdict.logins[0]), "the login itself responds"
    else:
        place, text = None, "the gateway responds with a published document"
    if place is None:
        return text
    return f"{place.file}:{place.line}:{place.column}: {text}"
