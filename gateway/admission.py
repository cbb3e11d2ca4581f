"""Decide; where a key is lacking, ask the issuer for it, and decide once more."""

from collections.abc import Callable
from typing import Protocol

from gateway.decision.decide import check_revocation, decide, settle
from gateway.decision.head import RequestHead
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationLists
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import KeySets
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Deny, NeedKeys, Settled, Verdict, WantedKey


class Keys(Protocol):
    """The keys of all issuers: ``keyring.Keyring``, or what a worker process has of one."""

    keys: KeySets  # what the decision reads, always current

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        """Get better keys for a request that lacks *kid* (or any key, if None), if allowed."""

    def explain(self, wanted: WantedKey) -> str:
        """Return in one line which key a token *wanted*, and which there are."""


class Admission:
    """What stands between a request and the decision: keys, lists, the memo and the clock.

    *policy* may be replaced at any time; each decision is made under one policy. *revocations*
    are live, as the keyring's keys are.
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
        """Answer from what is at hand."""
        clock = self._clock
        return decide(head, self.policy, self._keys, clock(), self._authenticate, self._revocations)

    async def decide_with_keys(self, head: RequestHead, need: NeedKeys) -> Settled:
        """Answer after asking for the keys that *need* names, whether they came or not."""
        await self._keyring.refetch(need.issuer_name, need.kid)
        verdict = self.decide(head)
        return settle(verdict.deny, head.target) if isinstance(verdict, NeedKeys) else verdict

    def may_revoke(self, token: SignedToken) -> bool:
        """Say whether some list speaks of the token's issuer."""
        return token.issuer.name in self.policy.revocations

    def find_revocation(self, token: SignedToken) -> Deny | None:
        """Return why *token*, which was good once, is revoked by now, or None.

        A list that is not at hand revokes nothing here: what was allowed with it goes on.
        """
        if not self.may_revoke(token):
            return None
        deny = check_revocation(token, self.policy, self._revocations, self._clock())
        return deny if deny is not None and deny.reason is Reason.TOKEN_REVOKED else None
