"""Record which routes and rules tests allowed, and which they refused."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.decision.explaining.explanation import Explanation
from gateway.decision.explaining.steps import Check, Step
from gateway.decision.routes.routing import Route
from gateway.decision.verdict import Allow
from gateway.settings.load import Loaded
from gateway.settings.text.fault import Place
from gateway.settings.text.places import Places

_Key = tuple[str, ...]

# These checks are not about who is allowed.
_OF_NO_RULE = frozenset({Check.BODY, Check.UPGRADE, Check.RATE_LIMITS})


@dataclass(frozen=True, slots=True)
class Rule:
    """A route, one of its requirements, or one scope that helps to satisfy it.

    *text* is for people, *place* where it is written. *can_refuse* is False for a public route, and
    for a single scope: only the whole rule refuses.
    """

    text: str
    place: Place
    can_refuse: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """A rule for which no test has the outcome *lacks*: ``allowed`` or ``refused``."""

    rule: Rule
    lacks: str


class Coverage:
    """The rules of one configuration that its tests covered.

    A rule counts as allowed if a request passed it and all other rules, and as refused if it
    stopped a request, or would have if it were enforced.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._rules = dict(_find_rules(loaded))
        self._allowed: set[_Key] = set()
        self._refused: set[_Key] = set()

    def add(self, explanation: Explanation) -> None:
        """Add the outcome of one request."""
        route, verdict = explanation.route, explanation.verdict
        if route is None:
            return
        if isinstance(verdict, Allow) and verdict.would_deny is None:
            self._allowed.add((route.name,))
            for step in explanation.steps:
                self._allowed.update(_keys(route, step))
            if explanation.token is not None:
                granted = explanation.token.claims.granted
                self._allowed.update(_scope_key(route.name, scope) for scope in granted)
            return
        for step in explanation.steps:
            if not step.holds and step.check not in _OF_NO_RULE:
                self._refused.add((route.name,))
                self._refused.update(_keys(route, step))

    def gaps(self) -> tuple[Gap, ...]:
        """Return what no test covered, in the order of the routes."""
        return tuple(
            Gap(rule, lacks)
            for key, rule in self._rules.items()
            for lacks, seen in (("allowed", self._allowed), ("refused", self._refused))
            if key not in seen and (rule.can_refuse or lacks == "allowed")
        )

    def counts(self) -> tuple[int, int]:
        """Return how much was covered, and how much there is."""
        total = sum(1 + rule.can_refuse for rule in self._rules.values())
        return total - len(self.gaps()), total


def _find_rules(loaded: Loaded) -> Iterator[tuple[_Key, Rule]]:
    for route in loaded.settings.policy.routes.routes:
        for key, text, setting in _rules_of(route, loaded.places):
            place = loaded.places.of_route(route.name, *setting)
            what = f"route {route.name}" if text is None else f"route {route.name}: {text}"
            yield (route.name, *key), Rule(what, place, not route.public)
        wanted = () if route.scopes is None else route.scopes.wanted
        for scope in wanted if len(wanted) > 1 else ():  # a single one is the rule itself
            place = loaded.places.of_route(route.name, "require", "scopes")
            text = f"route {route.name}: scope {scope}"
            yield _scope_key(route.name, scope), Rule(text, place, can_refuse=False)


def _rules_of(route: Route, places: Places) -> Iterator[tuple[_Key, str | None, _Key]]:
    """Yield the key of each rule, its text, and its setting."""
    yield (), None, ("name",)
    # The default of `issuers` is not a rule that somebody wrote.
    if route.issuers is not None and places.route_says(route.name, "require", "issuers"):
        text = f"issuer {' or '.join(sorted(route.issuers))}"
        yield (Check.ACCEPTED_ISSUER.name,), text, ("require", "issuers")
    if route.login:
        text = f"login {' or '.join(rule.name for rule in route.login)}"
        yield (Check.SESSION.name,), text, ("login",)
    if route.audiences is not None:
        text = f"audience {' or '.join(sorted(route.audiences))}"
        yield (Check.ROUTE_AUDIENCE.name,), text, ("require", "audiences")
    if route.scopes is not None:
        yield (Check.SCOPES.name,), f"scopes {route.scopes.text}", ("require", "scopes")
    for rule in route.claims:
        setting = ("require", "claims", rule.key)
        yield (Check.CLAIM_RULES.name, rule.text), rule.text, setting
    step_up = route.step_up
    if step_up is not None and step_up.acr_values:
        text = f"acr {' or '.join(step_up.acr_values)}"
        yield (Check.AUTHENTICATION.name, "acr"), text, ("require", "acr")
    if step_up is not None and step_up.max_age_seconds is not None:
        text = f"max_age {step_up.max_age_seconds}s"
        yield (Check.AUTHENTICATION.name, "max_age"), text, ("require", "max_age")


def _scope_key(route_name: str, scope: str) -> _Key:
    return route_name, Check.SCOPES.name, scope


def _keys(route: Route, step: Step) -> Iterator[_Key]:
    """Yield the keys of the rules that *step* is about; one that holds is about all of them."""
    if step.check is Check.CLAIM_RULES:
        yield route.name, step.check.name, step.expected
    elif step.check is not Check.AUTHENTICATION:
        yield route.name, step.check.name
    elif not step.holds and step.setting is not None:
        yield route.name, step.check.name, step.setting.keys[-1]
    else:
        for name in ("acr", "max_age"):
            yield route.name, step.check.name, name
