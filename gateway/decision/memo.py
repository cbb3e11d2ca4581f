"""Remember tokens whose signature held, so that each is checked once."""

from hashlib import sha256

from gateway.decision.authenticate import KeySets, authenticate
from gateway.decision.generations import Generations
from gateway.decision.policy import Policy
from gateway.decision.token import SignedToken
from gateway.decision.verdict import Deny, NeedKeys

# A few KiB each: at most about 200 MiB, for a population of users that few gateways see
# within the life of a token.
DEFAULT_CAPACITY = 50_000


class TokenMemo(Generations[bytes, SignedToken]):
    """``authenticate`` with a memory.

    Kept by a hash of the whole token: no credential lies in memory (RFC 9700 §2.1), and no
    two tokens share an entry (CVE-2026-35030). Only successes are kept, so that guesses cost
    no memory, and only for the policy and the key set they were made with.

    Generations by descent, not in a field of their own: every request looks into them.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        super().__init__(capacity)
        self._policy: Policy | None = None
        self.hits = 0
        self.misses = 0

    def authenticate(
        self, token: bytes, policy: Policy, keys: KeySets
    ) -> SignedToken | Deny | NeedKeys:
        """Answer as ``decide.authenticate`` does, from memory where that is the same."""
        if policy is not self._policy:
            self._policy = policy
            self.clear()
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
        self.misses += 1
        answer = authenticate(token, policy, keys)
        if isinstance(answer, SignedToken):
            self.keep(digest, answer)
        return answer
