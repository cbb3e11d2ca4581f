"""Remember tokens whose signature held, so that each is checked once."""

from hashlib import sha256

from gateway.decision.authenticate import KeySets, authenticate
from gateway.decision.policy import Policy
from gateway.decision.token import SignedToken
from gateway.decision.verdict import Deny, NeedKeys

# A few KiB each: at most about 200 MiB, for a population of users that few gateways see
# within the life of a token.
DEFAULT_CAPACITY = 50_000


class TokenMemo:
    """``authenticate`` with a memory.

    Kept by a hash of the whole token: no credential lies in memory (RFC 9700 §2.1), and no
    two tokens share an entry (CVE-2026-35030). Only successes are kept, so that guesses cost
    no memory, and only for the policy and the key set they were made with.

    Two generations instead of an LRU list: a hit costs one dictionary look-up and moves
    nothing, and a token in use survives, because finding it in the old generation puts it
    into the young one. A generation that is over is taken apart one token at a time: to free
    25,000 at once would hold up every request for tens of milliseconds.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self._generation_size = max(1, capacity // 2)
        self._policy: Policy | None = None
        self._young: dict[bytes, SignedToken] = {}
        self._old: dict[bytes, SignedToken] = {}
        self._over: dict[bytes, SignedToken] = {}
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def authenticate(
        self, token: bytes, policy: Policy, keys: KeySets
    ) -> SignedToken | Deny | NeedKeys:
        """Answer as ``decide.authenticate`` does, from memory where that is the same."""
        if policy is not self._policy:
            self._forget(policy)
        digest = sha256(token).digest()
        known = self._young.get(digest)
        if known is not None and keys.get(known.issuer.name) is known.key_set:
            self.hits += 1
            return known
        known = self._old.pop(digest, None)
        if known is not None and keys.get(known.issuer.name) is known.key_set:
            self._keep(digest, known)
            self.hits += 1
            return known
        self.misses += 1
        answer = authenticate(token, policy, keys)
        if isinstance(answer, SignedToken):
            self._keep(digest, answer)
        return answer

    def _forget(self, policy: Policy) -> None:
        self._policy = policy
        self._young = {}
        self._old = {}
        self._over = {}

    def _keep(self, digest: bytes, token: SignedToken) -> None:
        if len(self._young) >= self._generation_size:
            # One is taken out for each that is put in, so that none is left by now.
            self._over = self._old
            self._old = self._young
            self._young = {}
        self._young[digest] = token
        if self._over:
            self._over.popitem()
