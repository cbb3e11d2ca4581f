"""Attack every route of a configuration, and report what got through."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.verdict import Deny
from gateway.settings.text.fault import Place
from gateway.settings.text.places import Places
from gateway.suites.files.attack_names import NOT_ATTACKED, REPORT_MODE
from gateway.suites.hostile.arsenal import change_requests, forge_tokens
from gateway.suites.hostile.attack import Attack, Guard
from gateway.suites.hostile.control import Cases, Controls
from gateway.suites.hostile.findings import Finding, HostileReport, Kind, RouteAttacks
from gateway.suites.hostile.h2_tricks import spoof_h2_on_public
from gateway.suites.hostile.openness import find_more_open
from gateway.suites.hostile.spoofed_headers import identity_names, spoof_on_public
from gateway.suites.samples.sample_requests import owned_requests
from gateway.suites.selection import Selects, select_all
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import (
    Decide,
    DecideBySession,
    DecideH2,
    Outcome,
    Sandbox,
    Sent,
)


class Campaign:
    """The attacks on the configuration in *sandbox*; its lines are in *places*.

    *cases* are the requests of suites, to derive attacks from. *decide* decides the attacks,
    *decide_by_session* those by session, and *decide_h2* those over HTTP/2; by default all are the
    sandbox's own, and tests put weaker ones in their place.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - tests put one of these in place of each
        self,
        sandbox: Sandbox,
        places: Places,
        cases: Cases = (),
        decide: Decide | None = None,
        decide_by_session: DecideBySession | None = None,
        decide_h2: DecideH2 | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._places = places
        self._decide = decide or sandbox.decide
        self._decide_by_session = decide_by_session or sandbox.decide
        self._decide_h2 = decide_h2 or sandbox.decide_h2
        # What is attacked is what the configuration itself allows, whatever decides the attacks.
        self._all = Controls(sandbox, sandbox.decide, cases)
        routes = sandbox.settings.policy.routes.routes
        self._controls = {route.name: self._all.of(route) for route in routes if not route.public}
        self._public = dict(self._find_public(routes))

    def run(
        self, selects: Selects = select_all, advance: Callable[[], None] | None = None
    ) -> HostileReport:
        """Attack every route with all attacks whose names are selected.

        *advance* is called after each route.
        """
        self._selects = selects
        attacked = []
        for route in self._sandbox.settings.policy.routes.routes:
            attack = self._attack_public if route.public else self._attack
            attacked.append(attack(route))
            if advance is not None:
                advance()
        return HostileReport(self._places.of().file, tuple(attacked))

    def _find_public(self, routes: Sequence[Route]) -> Iterator[tuple[str, SimulatedRequest]]:
        for route in routes:
            if route.public:
                owned = next(owned_requests(route, self._sandbox.settings.policy), None)
                if owned is not None:
                    yield route.name, owned.request

    def _attack(self, route: Route) -> RouteAttacks:
        controls = self._controls[route.name]
        place = self._places.of_route(route.name)
        if not controls:
            return RouteAttacks(route.name, place, {}, (self._not_attacked(route),))
        first = controls[0]
        decide = self._sandbox.decide
        more_open, too_many = find_more_open(first, self._public, self._all, decide)
        attacks = chain(
            change_requests(first, more_open), *(forge_tokens(control) for control in controls)
        )
        counts, findings = self._try(route, attacks)
        return RouteAttacks(
            route.name,
            place,
            counts,
            findings,
            tuple(control.caller for control in controls),
            f"path attacks from {too_many} more distant routes" if too_many else "",
        )

    def _attack_public(self, route: Route) -> RouteAttacks:
        """Attack the identity headers, which services trust on public routes too."""
        place = self._places.of_route(route.name)
        request = self._public.get(route.name)
        if request is None:
            return RouteAttacks(route.name, place, {}, ())
        names = identity_names(self._sandbox.settings.policy.identity)
        attacks = spoof_on_public(request, names)
        if self._sandbox.settings.http2:
            attacks = chain(attacks, spoof_h2_on_public(request, names))
        counts, findings = self._try(route, attacks)
        return RouteAttacks(route.name, place, counts, findings)

    def _try(
        self, route: Route, attacks: Iterable[Attack]
    ) -> tuple[Mapping[str, int], tuple[Finding, ...]]:
        counts: Counter[str] = Counter()
        findings: list[Finding] = []
        reported: list[Finding] = []
        for attack in attacks:
            if not self._selects(f"{route.name} {attack.name} {attack.variant}"):
                continue
            counts[attack.name] += 1
            judged = judge(self._with_logins(attack), self._outcome(attack))
            if judged is None:
                continue
            kind, text = judged
            place = self._place(route, attack.guard)
            finding = Finding(
                kind, route.name, attack.name, attack.variant, attack.source, attack.shown,
                text, place,
            )  # fmt: skip
            (reported if kind is Kind.REPORTED else findings).append(finding)
        if reported:
            findings.append(self._only_reported(route, reported))
        return counts, tuple(findings)

    def _with_logins(self, attack: Attack) -> Attack:
        """Return *attack* as routes with a login refuse it: the host counts, or who logged in."""
        if not self._sandbox.settings.logins or Reason.TOKEN_MISSING not in attack.reasons:
            return attack
        return replace(
            attack, reasons=attack.reasons | {Reason.LOGIN_REQUIRED, Reason.LOGIN_MISDIRECTED}
        )

    def _outcome(self, attack: Attack) -> Outcome:
        if attack.h2 is not None:
            return self._decide_h2(attack.h2)
        if attack.session is None:
            return self._decide(attack.head)
        return self._decide_by_session(attack.head, attack.session)

    def _only_reported(self, route: Route, reported: Sequence[Finding]) -> Finding:
        """Return one finding for all that report mode allows."""
        first, count = reported[0], len(reported)
        place, text = first.place, "an issuer is in report mode"
        if route.reports:
            place, text = self._places.of_route(route.name, "mode"), "the route is in report mode"
        return Finding(
            Kind.REPORTED, route.name, REPORT_MODE, f"{count} attacks", "", first.request,
            f"{text}: these requests are allowed, without identity", place,
        )  # fmt: skip

    def _not_attacked(self, route: Route) -> Finding:
        text = (
            "no request was found that the route allows: no test of a suite has one, and no claims"
            " could be generated from its rules"
        )
        place = self._places.of_route(route.name)
        return Finding(Kind.NOT_ATTACKED, route.name, NOT_ATTACKED, "", "", route.path, text, place)

    def _place(self, route: Route, guard: Guard) -> Place:
        if guard.issuer is not None:
            return self._places.of_issuer(guard.issuer, *guard.keys)
        return self._places.of_route(route.name, *guard.keys)


def judge(attack: Attack, outcome: Outcome) -> tuple[Kind, str] | None:
    """Return how *attack* succeeded, in words; None if it was refused as it must be."""
    if isinstance(outcome, Deny):
        if outcome.reason in attack.reasons:
            return None
        expected = ", ".join(sorted(reason.code for reason in attack.reasons))
        text = f"refused for {outcome.reason.code}; expected {expected or 'that it is allowed'}"
        return Kind.OTHER_REASON, text
    if not isinstance(outcome, Sent):
        return None  # a published document, or a redirect to log in
    would_deny = outcome.allow.would_deny
    if would_deny is not None and would_deny.reason in attack.reasons:
        return Kind.REPORTED, f"{would_deny.reason.code} is only reported"
    harm = attack.harm(outcome)
    return None if harm is None else (Kind.OPENED, harm)
