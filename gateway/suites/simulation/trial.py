"""Decide requests under one configuration and at one time."""

from collections.abc import Collection, Iterable, Mapping

from gateway.decision.decide import find_route
from gateway.decision.explaining.explanation import Explanation
from gateway.decision.head import NO_SESSION, RequestHead, SessionCredential
from gateway.decision.routes.routing import Match
from gateway.decision.verdict import Allow
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.answers import as_opaque
from gateway.suites.simulation.browsers import Browser, browser_fields
from gateway.suites.simulation.minting import bearer, make_draft
from gateway.suites.simulation.persona import Persona, make_claims
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Outcome, Sandbox
from gateway.suites.simulation.token_attacks import ATTACKS
from gateway.suites.simulation.wire import (
    Field,
    ForwardedRequest,
    as_h2,
    carry,
    read_as_sent,
    read_head,
    write_head,
)


class Trial:
    """The decision of a gateway with *settings* at the time *at* (seconds since the epoch).

    Nothing is fetched: the issuers' *keys* are made here, and the *revocations* are lists of the
    tokens of the *personas* that are on them.
    """

    def __init__(self, settings: Settings, at: float, personas: Iterable[Persona] = ()) -> None:
        self.settings = settings
        self.at = at
        self._sandbox = Sandbox(settings, at, _find_revoked(settings, personas, at))
        self._rehearsal = self._sandbox.rehearsal
        self.keys = self._sandbox.keys
        self.find_answer = self._sandbox.find_answer
        self.revocations = self._sandbox.revocations
        self._credentials: dict[str, tuple[bytes, ...]] = {}

    def decide_as(
        self, persona: Persona, request: SimulatedRequest, also: Persona | None = None
    ) -> Outcome:
        """Return the outcome of *request* from *persona*: the verdict of ``ask_as``, without why.

        Each token is verified once, so this takes a fraction of the time.
        """
        head, session = self.head_of(persona, request, also), self.session_of(persona)
        if request.is_grpc:
            return self._sandbox.decide_h2(as_h2(head, True), session)
        return self._sandbox.decide(head, session)

    def ask_as(
        self, persona: Persona, request: SimulatedRequest, also: Persona | None = None
    ) -> Explanation:
        """Return the verdict on *request* from *persona*, and why.

        The token of *also* is sent as the second one, if the route requires one. Nothing is waited
        for: the verdict never asks for anything.
        """
        sent = read_as_sent(self._rehearsal, request, self.head_of(persona, request, also))
        session = self.session_of(persona)
        return self._rehearsal.explain(
            sent,
            self.keys.sets,
            self.at,
            self.revocations,
            session=session,
            find_answer=self.find_answer,
        )

    def forward_as(
        self,
        persona: Persona,
        request: SimulatedRequest,
        allow: Allow,
        also: Persona | None = None,
    ) -> ForwardedRequest:
        """Return the request that the service receives if *allow* allows *request* of *persona*."""
        sent = read_as_sent(self._rehearsal, request, self.head_of(persona, request, also))
        session = self.session_of(persona)
        return read_head(self._rehearsal.render(sent, allow, self.at, session))

    def head_of(
        self, persona: Persona, request: SimulatedRequest, also: Persona | None = None
    ) -> bytes:
        """Return the head of *request* as *persona* sends it, with the token of *also*."""
        credentials = () if persona.session is not None else self.credentials_of(persona)
        browser = persona.browser
        if browser is None and persona.session is not None:
            browser = Browser.PAGE
        own = () if browser is None else browser_fields(browser, request, self.settings.logins)
        carried = carry(credentials, request, self.settings.policy)
        second = () if also is None else self._second(request, also)
        return write_head(request, *carried, *own, *second)

    def _second(self, request: SimulatedRequest, also: Persona) -> tuple[Field, ...]:
        head = RequestHead(request.method, request.host, request.target, ())
        match = find_route(head, self.settings.policy)
        sources = match.route.sources if isinstance(match, Match) else None
        if sources is None or sources.second is None:
            return ()
        name = sources.second.name.encode("ascii")
        return tuple((name, value) for value in self.credentials_of(also))

    def session_of(self, persona: Persona) -> SessionCredential:
        """Return the session that the cookies of *persona* stand for."""
        if persona.session is None:
            return NO_SESSION
        return SessionCredential(persona.session, self.credentials_of(persona))

    def credentials_of(self, persona: Persona) -> tuple[bytes, ...]:
        """Return the values of the Authorization fields of *persona*; made once.

        Its issuer must be one of the configuration, its attack one of ``ATTACKS``.
        """
        known = self._credentials.get(persona.name)
        if known is None:
            known = self._credentials[persona.name] = self._make_credentials(persona)
        return known

    def _make_credentials(self, persona: Persona) -> tuple[bytes, ...]:
        if persona.issuer is None:
            return ()
        issuer = self.settings.issuers[persona.issuer].issuer
        draft = make_draft(persona, issuer, self.keys, self.at)
        if persona.attack is not None:
            return ATTACKS[persona.attack](draft)
        token = draft.sign()
        return (bearer(as_opaque(token) if issuer.introspects else token),)


def _find_revoked(
    settings: Settings, personas: Iterable[Persona], at: float
) -> Mapping[str, Collection[str]]:
    """Return the ``jti`` of the tokens that are on each list, by its name."""
    found: dict[str, list[str]] = {}
    for persona in personas:
        if persona.issuer is None:
            continue
        claims = make_claims(persona, settings.issuers[persona.issuer].issuer, at)
        for name in persona.revoked:
            found.setdefault(name, []).append(str(claims.get("jti")))
    return found
