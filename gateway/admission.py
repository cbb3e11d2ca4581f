"""Decide; where a key is lacking, ask the issuer for it, and decide once more."""

from collections.abc import Callable

from gateway.decision.decide import decide, settle
from gateway.decision.head import RequestHead
from gateway.decision.memo import TokenMemo
from gateway.decision.policy import Policy
from gateway.decision.verdict import NeedKeys, Settled, Verdict
from gateway.keyring.keyring import Keyring


class Admission:
    """What stands between a request and the decision: keys, the memo and the clock.

    *policy* may be replaced at any time; each decision is made under one policy.
    """

    def __init__(
        self, policy: Policy, keyring: Keyring, memo: TokenMemo, clock: Callable[[], float]
    ) -> None:
        self.policy = policy
        self._keyring = keyring
        self._keys = keyring.keys
        self._authenticate = memo.authenticate
        self._clock = clock

    def decide(self, head: RequestHead) -> Verdict:
        """Answer from what is at hand."""
        clock = self._clock
        return decide(head, self.policy, self._keys, clock(), self._authenticate)

    async def decide_with_keys(self, head: RequestHead, need: NeedKeys) -> Settled:
        """Answer after asking for the keys that *need* names, whether they came or not."""
        await self._keyring.refetch(need.issuer_name, need.kid)
        verdict = self.decide(head)
        return settle(verdict.deny, head.target) if isinstance(verdict, NeedKeys) else verdict
