"""A gateway without a socket: what it reads, decides and would send."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType

from gateway.decision.decide import decide, settle, without_session
from gateway.decision.head import RequestHead
from gateway.decision.revocation import Revocation, RevocationList
from gateway.decision.routes.host import canonical_host
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Allow, Deny, NeedKeys, NeedSession, Publish
from gateway.http.rehearsal import Rehearsal
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.run_keys import RunKey, RunKeys, make_key


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """An allowed request; *head* is what the service receives."""

    allow: Allow
    head: bytes = field(repr=False)


Outcome = Sent | Deny | Publish
Decide = Callable[[bytes], Outcome]
"""Decides a request, from its head."""


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
        self.rehearsal = Rehearsal(settings)
        self.revocations: Mapping[str, RevocationList] = {
            name: _make_list([revoked_id(name), *revoked.get(name, ())])
            for name in settings.revocations
        }

    def decide(self, head: bytes) -> Outcome:
        """Return the outcome of the request with this head; unknown keys are not waited for."""
        request = self.rehearsal.read(head)
        fields = request.fields
        if fields.fault is not None:
            return fields.fault
        preflight = self.rehearsal.find_preflight(request)
        if preflight is not None:
            return preflight
        host = canonical_host(fields.host) or ""
        asked = RequestHead(request.method, host, request.target, fields.authorization)
        verdict = decide(
            asked,
            self.settings.policy,
            self.keys.sets,
            self.at,
            self._memo.authenticate,
            self.revocations,
        )
        if isinstance(verdict, NeedKeys):
            verdict = settle(verdict.deny, request.target)
        elif isinstance(verdict, NeedSession):
            verdict = without_session(verdict.route, request.target)
        if not isinstance(verdict, Allow):
            return verdict
        body_bytes = self.settings.route_options[verdict.route.index].body_bytes
        refusal = request.check_allowed(verdict.route, body_bytes)
        if refusal is not None:
            return refusal
        return Sent(verdict, self.rehearsal.render(request, verdict, self.at))

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
