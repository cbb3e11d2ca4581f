"""Warn about routes that drop rules of the route around them."""

from collections.abc import Iterator

from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_tests import all_tests
from gateway.lints.nesting import Nesting
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places


def find_dropped_rules(nesting: Nesting, places: Places) -> Iterator[Fault]:
    """Yield a warning for each route that has no rule where the one around it has one.

    Rules are not inherited. If somebody adds `/tenants/{tenant}/invoices` to
    `/tenants/{tenant}/` and forgets the test of `tenant`, every tenant's invoices are open. Only
    missing rules are reported: other scopes, or another value, were written on purpose.
    """
    for pair in nesting.nested():
        if not pair.is_part and not pair.is_of_host:
            continue
        for route in pair.inner.routes:
            if route.public:
                continue
            for outer in pair.around.owners(route.methods):
                missing = [] if outer.public else _left_out(route, outer, places)
                if missing:
                    message = (
                        f"`{route.name}` drops what `{outer.name}` ({outer.place}) around it"
                        f" requires: {', '.join(missing)}"
                    )
                    part = places.route(route.name).child("require")
                    yield part.key_warning(Code.RULE_DROPPED, message)
                    break


def _left_out(route: Route, outer: Route, places: Places) -> list[str]:
    own = {test.claim for test in all_tests(route.claims)}
    named = [dict.fromkeys(test.claim for test in all_tests([rule])) for rule in outer.claims]
    claims = dict.fromkeys("`, `".join(names) for names in named if own.isdisjoint(names))
    rules = [
        ("`issuers`", _names_issuers(outer, places) and not _names_issuers(route, places)),
        ("`audiences`", outer.audiences is not None and route.audiences is None),
        ("`scopes`", outer.scopes is not None and route.scopes is None),
        *((f"the claim `{claim}`", True) for claim in claims),
        ("`acr`", _asks_acr(outer) and not _asks_acr(route)),
        ("`max_age`", _asks_age(outer) and not _asks_age(route)),
    ]
    return [name for name, is_left_out in rules if is_left_out]


def _names_issuers(route: Route, places: Places) -> bool:
    # A route that names no issuers has them from its file; only written ones are a rule.
    return route.issuers is not None and places.route_says(route.name, "require", "issuers")


def _asks_acr(route: Route) -> bool:
    return route.step_up is not None and bool(route.step_up.acr_values)


def _asks_age(route: Route) -> bool:
    return route.step_up is not None and route.step_up.max_age_seconds is not None
