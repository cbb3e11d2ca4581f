"""A gateway without a socket: what it reads, decides and would send."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType

from gateway.decision.decide import decide, decide_by_session, settle, without_credentials
from gateway.decision.head import NO_SESSION, RequestHead, SessionCredential
from gateway.decision.revocation import Revocation, RevocationList
from gateway.decision.routes.host import canonical_host
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import (
    Allow,
    Deny,
    LogIn,
    NeedCredentials,
    Needed,
    NeedSession,
    Publish,
    Settled,
)
from gateway.http.reading.request import Request
from gateway.http.rehearsal import H2Head, Rehearsal
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.answers import simulate_answers
from gateway.suites.simulation.run_keys import RunKey, RunKeys, make_key


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """An allowed request; *head* is what the service receives."""

    allow: Allow
    head: bytes = field(repr=False)


Outcome = Sent | Deny | Publish | LogIn
Decide = Callable[[bytes], Outcome]
"""Decides a request, from its head."""

DecideH2 = Callable[[H2Head], Outcome]
"""Decides a request over HTTP/2, from its head."""

DecideBySession = Callable[[bytes, SessionCredential], Outcome]
"""Decides a request from its head, with the session that its cookies stand for."""


_NOBODY: Mapping[str, Collection[str]] = MappingProxyType({})


class Sandbox:
    """A gateway with *settings* at the time *at* (seconds since the epoch).

    Its issuers have keys made for the run, and an attacker has others. Each revocation list holds
    the token that ``revoked_id`` names, and those whose ``jti`` is in *revoked*.
    """

    def __init__(
        self, settings: Settings, at: float, revoked: Mapping[str, Collection[str]] = _NOBODY
    ) -> None:
        self.settings = settings
        self.at = at
        self.keys = RunKeys(one.issuer for one in settings.issuers.values())
        self._strangers: dict[str, RunKey] = {}
        self._memo = TokenMemo()
        self.find_answer = simulate_answers(self.keys.sets)
        self.rehearsal = Rehearsal(settings)
        self.revocations: Mapping[str, RevocationList] = {
            name: _make_list([revoked_id(name), *revoked.get(name, ())])
            for name in settings.revocations
        }

    def decide(self, head: bytes, session: SessionCredential = NO_SESSION) -> Outcome:
        """Return the outcome of the request with this head; unknown keys are not waited for.

        *session* is the one that its cookies stand for.
        """
        return self._decide(self.rehearsal.read(head), session)

    def decide_h2(self, head: H2Head, session: SessionCredential = NO_SESSION) -> Outcome:
        """Return the outcome of the request over HTTP/2 with this head, as ``decide`` does."""
        return self._decide(self.rehearsal.read_h2(head), session)

    def _decide(self, request: Request, session: SessionCredential) -> Outcome:
        fields = request.fields
        if fields.fault is not None:
            return fields.fault
        own = self.rehearsal.find_own(request)
        if own is not None:
            return own
        host = canonical_host(fields.host) or ""
        authorization, also = fields.authorization, fields.also
        asked = RequestHead(request.method, host, request.target, authorization, None, also)
        verdict = decide(
            asked,
            self.settings.policy,
            self.keys.sets,
            self.at,
            self._memo.authenticate,
            self.revocations,
            find_answer=self.find_answer,
        )
        if isinstance(verdict, NeedCredentials):
            verdict = without_credentials(verdict.route, request.target)
        elif isinstance(verdict, Needed):
            verdict = settle(verdict.deny, request.target)
        elif isinstance(verdict, NeedSession):
            verdict = self._decide_by_session(asked, request, session)
            finished = self.rehearsal.finish(request, verdict)
            if isinstance(finished, LogIn):
                return finished
        if not isinstance(verdict, Allow):
            return verdict
        body_bytes = self.settings.route_options[verdict.route.index].body_bytes
        refusal = request.check_allowed(verdict.route, body_bytes)
        if refusal is not None:
            return refusal
        return Sent(verdict, self.rehearsal.render(request, verdict, self.at, session))

    def _decide_by_session(
        self, asked: RequestHead, request: Request, session: SessionCredential
    ) -> Settled:
        verdict = decide_by_session(
            asked,
            request.browser(),
            session,
            self.settings.policy,
            self.keys.sets,
            self.at,
            self._memo.authenticate,
            self.revocations,
            find_answer=self.find_answer,
        )
        if isinstance(verdict, NeedCredentials):
            return without_credentials(verdict.route, asked.target)
        return settle(verdict.deny, asked.target) if isinstance(verdict, Needed) else verdict

    def stranger(self, algorithm: str) -> RunKey:
        """Return the attacker's key for *algorithm*; no issuer has it."""
        if algorithm not in self._strangers:
            self._strangers[algorithm] = make_key(algorithm, "attacker")
        return self._strangers[algorithm]


def _make_list(ids: Iterable[str]) -> RevocationList:
    return RevocationList([Revocation((("jti", one),), inf, inf) for one in ids])


def revoked_id(list_name: str) -> str:
    """Return the ``jti`` of the token that is on this list."""
    return f"revoked-by-{list_name}"
