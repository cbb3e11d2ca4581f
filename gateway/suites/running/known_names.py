"""Hold a suite against its configuration: every name in it must be a name there."""

from collections.abc import Collection, Iterator

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.values.configuration import Settings
from gateway.suites.running.suite import Suite

Named = tuple[str, Part, Collection[str]]  # what it is, where it stands, and what there is


def find_unknown_names(suite: Suite, settings: Settings) -> tuple[Fault, ...]:
    """Return a fault for each issuer, list, route and upstream that *settings* do not have."""
    return tuple(
        part.fault(
            Code.UNKNOWN_REFERENCE,
            f"no {what} `{shorten(part.raw)}` in the configuration{did_you_mean(part.raw, known)}",
        )
        for what, part, known in _find_names(suite, settings)
        if isinstance(part.raw, str) and part.raw not in known
    )


def _find_names(suite: Suite, settings: Settings) -> Iterator[Named]:
    yield from _in_personas(suite, settings)
    yield from _in_tests(suite, settings)
    routes = {route.name for route in settings.policy.routes.routes}
    for waiver in _items(suite.root.child("hostile").child("waive")):
        for part in _items(waiver.child("routes")):
            yield "route", part, routes


def _in_personas(suite: Suite, settings: Settings) -> Iterator[Named]:
    for one in suite.personas.values():
        yield "issuer", one.part.child("issuer"), settings.issuers
        for part in _items(one.part.child("revoked")):
            yield "revocation list", part, settings.revocations


def _in_tests(suite: Suite, settings: Settings) -> Iterator[Named]:
    routes = {route.name for route in settings.policy.routes.routes}
    for test in _items(suite.root.child("tests")):
        for expectation in _items(test.child("expect")):
            allow = expectation.child("allow")
            yield "route", allow.child("route"), routes
            yield "upstream", allow.child("upstream"), settings.upstreams


def _items(part: Part) -> Iterator[Part]:
    if isinstance(part.raw, dict):
        yield from map(part.child, part.raw)
    elif isinstance(part.raw, list):
        yield from map(part.child, range(len(part.raw)))
