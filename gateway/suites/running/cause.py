"""Say in one line what decided about a request, and where the configuration says so."""

from gateway.decision.verdict import Allow
from gateway.settings.text.places import Places
from gateway.suites.asking.step_places import place_of_step
from gateway.suites.running.judge import Outcome


def describe_cause(outcome: Outcome, places: Places) -> str:
    """Return ``file:line:column: check: expected …, found …`` of the step that failed.

    Where none did it is the route that lets the request through, or that the gateway answers
    with a document. No part of a token is in it.
    """
    verdict = outcome.explanation.verdict
    step = outcome.failed_step
    if step is not None:
        place = place_of_step(step, places)
        text = f"{step.check.value}: expected {step.expected}, found {step.found}"
    elif isinstance(verdict, Allow):
        place = places.of_route(verdict.route.name)
        text = f"the route {verdict.route.name} lets it through"
    else:
        place, text = None, "it is answered by a document for everybody"
    if place is None:
        return text
    return f"{place.file}:{place.line}:{place.column}: {text}"
