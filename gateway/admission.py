"""Decide about a request; if a key is missing, fetch it and decide once more."""

from collections.abc import Callable
from typing import Protocol

from gateway.decision.browser import BrowserFields
from gateway.decision.decide import (
    check_revocation,
    decide,
    decide_by_session,
    settle,
    without_credentials,
    without_session,
)
from gateway.decision.head import RequestHead, SessionCredential
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationLists
from gateway.decision.routes.routing import Match
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import KeySets
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import (
    Deny,
    NeedCredentials,
    NeedKeys,
    NeedSession,
    Settled,
    Verdict,
    WantedKey,
)


class Keys(Protocol):
    """The keys of all issuers: ``keyring.Keyring``, or the mirror of one in a worker."""

    keys: KeySets  # what the decision reads, always current

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        """Fetch the keys again for a request that lacks *kid* (or any key, if None), if allowed."""

    def explain(self, wanted: WantedKey) -> str:
        """Describe in one line which key a token *wanted*, and which exist."""


class Admission:
    """The decision with its inputs: keys, revocation lists, the token cache and the clock.

    *policy* may be replaced at any time; each decision is made under one policy. *revocations*
    are live, as the keys of the keyring are.
    """

    def __init__(
        self,
        policy: Policy,
        keyring: Keys,
        revocations: RevocationLists,
        memo: TokenMemo,
        clock: Callable[[], float],
    ) -> None:
        self.policy = policy
        self._keyring = keyring
        self._keys = keyring.keys
        self._revocations = revocations
        self._authenticate = memo.authenticate
        self._clock = clock

    def decide(self, head: RequestHead) -> Verdict:
        """Decide with the keys that are loaded."""
        clock = self._clock
        return decide(head, self.policy, self._keys, clock(), self._authenticate, self._revocations)

    def decide_for(self, head: RequestHead, match: Match) -> Verdict:
        """Decide about a request that belongs to the route of *match*, which is in no table."""
        now = self._clock()
        return decide(
            head, self.policy, self._keys, now, self._authenticate, self._revocations, match
        )

    def decide_by_session(
        self,
        head: RequestHead,
        browser: BrowserFields,
        session: SessionCredential,
        match: Match | None = None,
    ) -> Settled | NeedKeys | NeedCredentials:
        """Decide about a request without a token, for which there is this *session*."""
        return decide_by_session(
            head,
            browser,
            session,
            self.policy,
            self._keys,
            self._clock(),
            self._authenticate,
            self._revocations,
            match,
        )

    async def decide_with_keys(
        self, head: RequestHead, need: NeedKeys, match: Match | None = None
    ) -> Settled:
        """Fetch the keys that *need* names, then decide, whether they came or not.

        A second token may need those of another issuer.
        """
        await self._keyring.refetch(need.issuer_name, need.kid)
        verdict = self.decide(head) if match is None else self.decide_for(head, match)
        if isinstance(verdict, NeedKeys) and verdict.deny.field != need.deny.field:
            await self._keyring.refetch(verdict.issuer_name, verdict.kid)
            verdict = self.decide(head) if match is None else self.decide_for(head, match)
        if isinstance(verdict, NeedCredentials):  # a reload came first
            return without_credentials(verdict.route, head.target)
        if isinstance(verdict, NeedSession):  # a reload came first
            return without_session(verdict.route, head.target)
        return settle(verdict.deny, head.target) if isinstance(verdict, NeedKeys) else verdict

    def may_revoke(self, token: SignedToken) -> bool:
        """Return whether any revocation list applies to the token's issuer."""
        return token.issuer.name in self.policy.revocations

    def find_revocation(self, token: SignedToken) -> Deny | None:
        """Return why *token*, which was accepted before, is revoked now, or None.

        A list that is not loaded revokes nothing here: what it allowed before goes on.
        """
        if not self.may_revoke(token):
            return None
        deny = check_revocation(token, self.policy, self._revocations, self._clock())
        return deny if deny is not None and deny.reason is Reason.TOKEN_REVOKED else None
