"""One of the two configurations, and its decisions."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gateway.decision.decide import find_route
from gateway.decision.explaining.steps import Owner, Setting
from gateway.decision.head import NO_SESSION, RequestHead, SessionCredential
from gateway.decision.policy import Issuer
from gateway.decision.routes.routing import Match, Route
from gateway.decision.verdict import Allow, Deny, LogIn, Publish
from gateway.settings.load import Loaded
from gateway.suites.differences.facet import Statement
from gateway.suites.samples.second_tokens import second_drafts, second_of
from gateway.suites.simulation.answers import as_opaque
from gateway.suites.simulation.browsers import Browser, browser_fields
from gateway.suites.simulation.compact import to_json
from gateway.suites.simulation.minting import Draft, bearer
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Sandbox, Sent
from gateway.suites.simulation.step_places import place_of_setting
from gateway.suites.simulation.token_attacks import ATTACKS
from gateway.suites.simulation.wire import Field, carry, write_head

ALLOW, PUBLISHED, LOGIN = "allow", "published", "login"
_STRANGER = "ES256"


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """A caller of both configurations, with the same claims.

    *iss* is that of the issuer, None for a caller without a token. If *algorithm* is None, it is
    the fastest that each configuration allows. *attack* is the name of an attack on the token.
    With *login*, the name of a login, the token is that of a session: none is sent. *browser* is
    what sends the requests, if a browser does; with *login* a page of the origin by default. The
    token is in *token_field*, by default where each configuration reads it; if it *is_opaque*, it
    is no JWT. A caller that *is_impostor* has a token of *iss* that says to be of somebody else.
    """

    name: str
    iss: str | None = None
    claims: Mapping[str, object] = field(default_factory=dict)
    header: Mapping[str, object] = field(default_factory=dict)
    algorithm: str | None = None
    attack: str | None = None
    login: str | None = None
    browser: Browser | None = None
    is_opaque: bool = False
    token_field: bytes | None = None
    is_impostor: bool = False


ANYBODY = Caller("anybody")
"""Whoever has a second token that satisfies a route."""


@dataclass(frozen=True, slots=True)
class State:
    """The outcome of a request: *word* is ``allow``, ``published``, ``login`` or a reason.

    *would_deny* is the reason that is only reported, *route* the route that decided, *servers* are
    the servers of its upstream.
    """

    word: str
    route: str | None = None
    servers: frozenset[tuple[bool, str]] = frozenset()
    would_deny: str | None = None

    def of_route(self, name: str, other: str) -> "State":
        """Return the same outcome by the route *other*, if it is one of the route *name*."""
        return replace(self, route=other) if self.route == name else self

    @property
    def is_allowed(self) -> bool:
        """Return whether the service receives the request."""
        return self.word == ALLOW


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a request has its outcome: *text* in words, None for a route that allows it.

    *setting* is what says so.
    """

    text: str | None
    setting: Setting

    def of_route(self, name: str, other: str) -> "Cause":
        """Return the same cause of the route *other*, if it is one of the route *name*."""
        own = self.setting
        if own.owner is not Owner.ROUTE or own.name != name:
            return self
        return Cause(self.text, Setting(own.owner, other, own.keys))


class Side:
    """The configuration *loaded* at the time *at*, with the tokens *revoked* on its lists."""

    def __init__(self, loaded: Loaded, at: float, revoked: Mapping[str, Collection[str]]) -> None:
        self.loaded = loaded
        self.sandbox = Sandbox(loaded.settings, at, revoked)
        self._servers = {
            name: frozenset((server.tls, server.authority) for server in one.servers)
            for name, one in loaded.settings.upstreams.items()
        }
        self._credentials: dict[Caller, tuple[bytes, ...]] = {}

    def find(self, request: SimulatedRequest) -> Match | Deny | Publish:
        """Return the route that owns *request*."""
        head = RequestHead(request.method, request.host, request.target, ())
        return find_route(head, self.loaded.settings.policy)

    def servers_of(self, route: Route) -> frozenset[tuple[bool, str]]:
        """Return the servers of *route*, each with whether it is reached over TLS."""
        return self._servers[route.upstream]

    def requires_second(self, request: SimulatedRequest) -> bool:
        """Return whether the route of *request* requires a second token."""
        return second_of(request, self.loaded.settings) is not None

    def ask(
        self, caller: Caller, request: SimulatedRequest, companion: Caller | None = None
    ) -> State:
        """Return the outcome of *request* from *caller*, with the token of *companion* besides.

        ``ANYBODY`` has a token that satisfies the route of each side.
        """
        head = self._head(caller, request, companion)
        outcome = self.sandbox.decide(head, self._session_of(caller))
        match outcome:
            case Sent():
                allow = outcome.allow
                report = None if allow.would_deny is None else allow.would_deny.reason.code
                route = allow.route
                return State(ALLOW, route.name, self.servers_of(route), report)
            case Deny():
                route_name = None if outcome.route is None else outcome.route.name
                return State(outcome.reason.code, route_name)
            case Publish():
                return State(PUBLISHED)
            case LogIn():
                refused = None if outcome.deny is None else outcome.deny.route
                return State(LOGIN, None if refused is None else refused.name)

    def explain(
        self, caller: Caller, request: SimulatedRequest, companion: Caller | None = None
    ) -> Statement:
        """Return the cause of the outcome in words, and its line."""
        return self.statement(self._cause(caller, request, companion))

    def cause_of(
        self, state: State, caller: Caller, request: SimulatedRequest, companion: Caller | None
    ) -> Cause:
        """Return the cause of *state*, the outcome that ``ask`` returns for the same request."""
        if state.is_allowed and state.would_deny is None and state.route is not None:
            return Cause(None, Setting(Owner.ROUTE, state.route))
        return self._cause(caller, request, companion)

    def statement(self, cause: Cause) -> Statement:
        """Return *cause* in words, and its line."""
        place = place_of_setting(cause.setting, self.loaded.places)
        return Statement(cause.text or f"by the route {cause.setting.name}", place)

    def _cause(self, caller: Caller, request: SimulatedRequest, companion: Caller | None) -> Cause:
        sandbox = self.sandbox
        explained = sandbox.rehearsal.explain(
            sandbox.rehearsal.read(self._head(caller, request, companion)),
            sandbox.keys.sets,
            sandbox.at,
            sandbox.revocations,
            session=self._session_of(caller),
            find_answer=sandbox.find_answer,
        )
        failed = [step for step in explained.steps if not step.holds]
        if failed:
            step, setting = failed[-1], failed[-1].setting
            if setting is None and explained.route is not None:
                setting = Setting(Owner.ROUTE, explained.route.name)
            text = f"{step.check.value}: expected {step.expected}"
            return Cause(text, setting or Setting(Owner.FILE, "", ("routes",)))
        if isinstance(explained.verdict, Allow):
            return Cause(None, Setting(Owner.ROUTE, explained.verdict.route.name))
        if isinstance(explained.verdict, LogIn):
            name = explained.verdict.logins[0]
            return Cause(f"the login {name} itself", Setting(Owner.FILE, "", ("login", name)))
        return Cause("a published document", Setting(Owner.FILE, "", ("resources",)))

    def _head(self, caller: Caller, request: SimulatedRequest, companion: Caller | None) -> bytes:
        credentials = () if caller.login is not None else self.credentials_of(caller)
        browser = caller.browser
        if browser is None and caller.login is not None:
            browser = Browser.PAGE
        logins = self.loaded.settings.logins
        own = () if browser is None else browser_fields(browser, request, logins)
        if caller.token_field is None:
            carried = carry(credentials, request, self.loaded.settings.policy)
        else:
            carried = tuple((caller.token_field, value) for value in credentials)
        second = () if companion is None else self._second(request, companion)
        return write_head(request, *carried, *own, *second)

    def _second(self, request: SimulatedRequest, companion: Caller) -> tuple[Field, ...]:
        settings, sandbox = self.loaded.settings, self.sandbox
        second = second_of(request, settings)
        if second is not None and companion is not ANYBODY:
            name = second.name.encode("ascii")
            return tuple((name, value) for value in self.credentials_of(companion))
        draft = next(second_drafts(request, settings, sandbox.keys, sandbox.at), None)
        if second is None or draft is None:
            return ()
        return ((second.name.encode("ascii"), bearer(draft.sign())),)

    def _session_of(self, caller: Caller) -> SessionCredential:
        if caller.login is None:
            return NO_SESSION
        return SessionCredential(caller.login, self.credentials_of(caller))

    def credentials_of(self, caller: Caller) -> tuple[bytes, ...]:
        """Return the values of the Authorization fields of *caller*; made once."""
        known = self._credentials.get(caller)
        if known is None:
            known = self._credentials[caller] = tuple(self._make_credentials(caller))
        return known

    def _signer(self, caller: Caller, iss: str) -> Issuer | None:
        """Return the issuer that signs the token of *caller*, of the issuer *iss*.

        That is whoever issues tokens with its `iss` here: it may be another than in the other
        configuration, if a name or a tenant has passed from one issuer to another.
        """
        policy, said = self.loaded.settings.policy, caller.claims.get("iss")
        if caller.is_impostor or not isinstance(said, str):
            return policy.named(iss)
        found = policy.issuers.get(said)
        if found is None and policy.tenants is not None:
            found = policy.tenants.find(said)
        return found or policy.named(iss)

    def _make_credentials(self, caller: Caller) -> Iterator[bytes]:
        if caller.iss is None:
            return
        issuer = self._signer(caller, caller.iss)
        if issuer is None:
            # The signature does not matter if no issuer is accepted.
            key = self.sandbox.stranger(_STRANGER)
            header = {"alg": key.algorithm, "kid": key.kid, **caller.header}
            yield bearer(key.sign(header, to_json(caller.claims)))
            return
        key = self.sandbox.keys.of(issuer.name, caller.algorithm)
        header = {"alg": key.algorithm, "kid": key.kid, **caller.header}
        draft = Draft(header, caller.claims, issuer, key, self.sandbox.keys)
        if caller.attack is None:
            token = draft.sign()
            yield bearer(as_opaque(token) if caller.is_opaque else token)
        else:
            yield from ATTACKS[caller.attack](draft)
