"""Cache tokens whose signature was checked, so that each is checked once."""

from hashlib import sha256

from gateway.decision.keys import KeySet
from gateway.decision.policy import Policy
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import Authenticated, KeySets, authenticate
from gateway.decision.tokens.generations import Generations
from gateway.decision.tokens.signature import cost_checks
from gateway.decision.verdict import Deny, NeedIntrospection, NeedKeys

# A few KiB each: at most about 200 MiB, for more users than most gateways see within the lifetime
# of a token.
DEFAULT_CAPACITY = 50_000

# About 200 bytes each. A client with an outdated token repeats it endlessly; a guess comes once,
# and evicts only other refusals.
_REFUSALS = 2_000


class TokenMemo(Generations[bytes, SignedToken]):
    """``authenticate`` with a cache.

    Keys are hashes of whole tokens: no credential stays in memory (RFC 9700 §2.1), and no two
    tokens share an entry (CVE-2026-35030). An entry is valid only for the policy and the key set
    that it was made with. Of refusals, only those of signature checks are kept, because they are
    expensive: a few, and separately, so that guesses evict no tokens. They are valid as long as all
    key sets stay the same, since a refused token proves no issuer. One that asks for newer keys
    asks again each time.

    A subclass of Generations rather than a wrapper: every request looks into it.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY, refusals: int = _REFUSALS) -> None:
        super().__init__(capacity)
        self._refused: Generations[bytes, Deny | NeedKeys] = Generations(refusals)
        self._refused_by: tuple[KeySet | None, ...] = ()
        self._policy: Policy | None = None
        self.hits = 0
        self.misses = 0

    def authenticate(self, token: bytes, policy: Policy, keys: KeySets) -> Authenticated:
        """Return the result of ``authenticate``, from the cache if it is still valid."""
        if policy is not self._policy:
            self._policy = policy
            self.clear()
            self._refused.clear()
        digest = sha256(token).digest()
        known = self.young.get(digest)
        if known is not None and keys.get(known.issuer.name) is known.key_set:
            self.hits += 1
            return known
        known = self.old.pop(digest, None)
        if known is not None and keys.get(known.issuer.name) is known.key_set:
            self.keep(digest, known)
            self.hits += 1
            return known
        refused = self._recall_refusal(digest, policy, keys)
        if refused is not None:
            self.hits += 1
            return refused
        self.misses += 1
        answer = authenticate(token, policy, keys)
        if isinstance(answer, SignedToken):
            self.keep(digest, answer)
        elif isinstance(answer, NeedIntrospection):
            pass  # what its issuer says is remembered elsewhere, for as long as it holds
        elif cost_checks(answer if isinstance(answer, Deny) else answer.deny):
            self._forget_refusals_by_others(policy, keys)
            self._refused.keep(digest, answer)
        return answer

    def _recall_refusal(
        self, digest: bytes, policy: Policy, keys: KeySets
    ) -> Deny | NeedKeys | None:
        memory = self._refused
        known = memory.young.get(digest)
        if known is None:
            known = memory.old.pop(digest, None)
            if known is None:
                return None
            memory.keep(digest, known)
        self._forget_refusals_by_others(policy, keys)
        return memory.young.get(digest)

    def _forget_refusals_by_others(self, policy: Policy, keys: KeySets) -> None:
        # A loop over all issuers: only for refusals.
        key_sets = tuple([keys.get(issuer.name) for issuer in policy.trusted])
        if key_sets != self._refused_by:
            self._refused_by = key_sets
            self._refused.clear()
