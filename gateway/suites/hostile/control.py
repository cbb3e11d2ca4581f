"""Find what a route allows: the request and the token that attacks are derived from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.policy import Issuer
from gateway.decision.routes.routing import Match, Route
from gateway.decision.rules.claim_names import find_claim
from gateway.decision.rules.claim_tests import all_tests
from gateway.decision.rules.operands import path_variables
from gateway.suites.samples.sample_claims import allowed_claims
from gateway.suites.samples.sample_requests import owned_requests
from gateway.suites.samples.second_tokens import second_drafts, second_of
from gateway.suites.simulation.minting import Draft, bearer, make_draft
from gateway.suites.simulation.persona import Persona, make_header
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Decide, Sandbox, Sent
from gateway.suites.simulation.wire import Field, carry, token_field, write_head

Cases = Sequence[tuple[Persona, SimulatedRequest]]

GENERATED = "some-caller"
_MAX_REQUESTS = 64
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """A *request* that *route* allows with the token of *draft*, as an attacker may have seen it.

    *caller* is the persona of the token, or None if its claims were generated from the route's
    rules. *sent* is what the service receives; *sandbox* is the gateway that is attacked. *second*
    is the token in a field of the request that the route requires besides, if it does.
    """

    route: Route
    request: SimulatedRequest
    variables: Mapping[str, str]
    draft: Draft
    caller: str | None
    sent: Sent
    sandbox: Sandbox
    second: Draft | None = None

    def without_second(self) -> SimulatedRequest:
        """Return the request without its second token."""
        sources = self.route.sources
        if sources is None or sources.second is None:
            return self.request
        name = sources.second.name.lower()
        kept = tuple(one for one in self.request.headers if one[0].lower() != name)
        return replace(self.request, headers=kept)

    @property
    def field(self) -> bytes:
        """Return the name of the field with the token."""
        return token_field(self.route)

    def carry(self, *credentials: bytes) -> tuple[Field, ...]:
        """Return one field for each of *credentials*, where the route takes its token from."""
        return tuple((self.field, credential) for credential in credentials)

    @property
    def issuer(self) -> Issuer:
        """Return the issuer of the token."""
        return self.draft.issuer


class Controls:
    """The controls of all routes of the configuration in *sandbox*.

    *cases* are the personas and requests of suites; if a route allows none of them, claims are
    generated from its rules. *decide* says what is allowed.
    """

    def __init__(self, sandbox: Sandbox, decide: Decide, cases: Cases) -> None:
        self._sandbox = sandbox
        self._decide = decide
        self._of_cases: dict[tuple[str, str], Control] = {}
        for persona, request in cases:
            control = self._try_case(persona, request)
            if control is not None:
                key = control.route.name, control.issuer.name
                self._of_cases.setdefault(key, control)

    def of(self, route: Route) -> list[Control]:
        """Return one control for each issuer whose tokens *route* allows, if one is found."""
        found = (
            self._of_cases.get((route.name, name)) or next(self._made(route, one.issuer), None)
            for name, one in self._sandbox.settings.issuers.items()
        )
        return [control for control in found if control is not None]

    def least_like(self, route: Route, control: Control) -> Control | None:
        """Return a control of *route* whose token has no more than it needs, or else any.

        If possible, it has the same issuer as *control*, and path variables that match the claims
        of *control*.
        """
        settings = self._sandbox.settings
        wanted = _variables_like(route, control)
        others = (one.issuer for one in settings.issuers.values())
        for issuer in dict.fromkeys((control.issuer, *others)):
            made = next(self._made(route, issuer, wanted), None)
            if made is not None:
                return made
        return next(iter(self.of(route)), None)

    def _try_case(self, persona: Persona, request: SimulatedRequest) -> Control | None:
        if persona.issuer is None or persona.attack is not None or persona.revoked:
            return None
        if any(name.lower() == "authorization" for name, _ in request.headers):
            return None
        sandbox = self._sandbox
        issuer = sandbox.settings.issuers[persona.issuer].issuer
        draft = make_draft(persona, issuer, sandbox.keys, sandbox.at)
        return self._try(request, draft, persona.name)

    def _made(
        self, route: Route, issuer: Issuer, wanted: Mapping[str, str] = _NO_VARIABLES
    ) -> Iterator[Control]:
        sandbox, policy = self._sandbox, self._sandbox.settings.policy
        key = sandbox.keys.of(issuer.name)
        header = make_header(Persona(GENERATED), issuer, key.algorithm, key.kid)
        requests = owned_requests(route, policy, variables=wanted)
        for owned in islice(requests, _MAX_REQUESTS):
            ways = allowed_claims(GENERATED, issuer, route, policy, owned.variables, sandbox.at)
            for claims in ways:
                draft = Draft(header, claims, issuer, key, sandbox.keys)
                control = self._try(owned.request, draft, None)
                if control is not None and control.route is route:
                    yield control

    def _try(self, request: SimulatedRequest, draft: Draft, caller: str | None) -> Control | None:
        """Return the control, if the request is allowed because of its token.

        It has the second token that the route requires, if it does.
        """
        sandbox = self._sandbox
        second = second_of(request, sandbox.settings)
        if second is None:
            return self._try_one(request, draft, caller)
        for other in second_drafts(request, sandbox.settings, sandbox.keys, sandbox.at):
            value = bearer(other.sign()).decode("ascii")
            both = replace(request, headers=(*request.headers, (second.name, value)))
            control = self._try_one(both, draft, caller)
            if control is not None:
                return replace(control, second=other)
        return None

    def _try_one(
        self, request: SimulatedRequest, draft: Draft, caller: str | None
    ) -> Control | None:
        policy = self._sandbox.settings.policy
        fields = carry((bearer(draft.sign()),), request, policy)
        outcome = self._decide(write_head(request, *fields))
        if not isinstance(outcome, Sent) or outcome.allow.token is None:
            return None
        match = find_route(RequestHead(request.method, request.host, request.target, ()), policy)
        if not isinstance(match, Match):
            return None
        variables, sandbox = match.variables, self._sandbox
        return Control(match.route, request, variables, draft, caller, outcome, sandbox)


def _variables_like(route: Route, control: Control) -> Mapping[str, str]:
    """Return path variables for *route*: those of *control*, or what its claims must equal."""
    variables = dict(control.variables)
    for test in all_tests(route.claims):
        for name in path_variables(test.operand):
            value = find_claim(control.draft.claims, test.path)
            if test.operand == f"{{path.{name}}}" and isinstance(value, str):
                variables[name] = value
    return {name: value for name, value in variables.items() if _PLAIN.fullmatch(value)}
