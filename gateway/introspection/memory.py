"""Remember what one issuer said about tokens, by their digest alone."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, TypeVar

from gateway.decision.tokens.generations import Generations
from gateway.decision.tokens.introspected import TokenAnswer

V = TypeVar("V")

# Some 40 MiB at most, of claims as large as they usually are.
_ACTIVE: Final = 10_000

# Made-up tokens are all different: a flood of them evicts only each other.
_INACTIVE: Final = 5_000

# So soon a token that is not active is asked about again: it may be known elsewhere first.
INACTIVE_SECONDS: Final = 10.0

# 100 bytes each, and longer than any answer counts.
_SUBJECTS: Final = 50_000


class AnswerMemory:
    """The answers of one issuer, each for *cache_seconds* at most and never beyond its `exp`.

    Also remembers whose a token was: it never becomes somebody else's. Nothing here leads back to
    a token or a subject.
    """

    def __init__(self, cache_seconds: float) -> None:
        self._cache_seconds = cache_seconds
        self._active: Generations[bytes, TokenAnswer] = Generations(_ACTIVE)
        self._inactive: Generations[bytes, TokenAnswer] = Generations(_INACTIVE)
        self._subjects: Generations[bytes, bytes] = Generations(_SUBJECTS)

    def __len__(self) -> int:
        return len(self._active) + len(self._inactive)

    def find(self, digest: bytes, now: float) -> TokenAnswer | None:
        """Return the answer about a token, by its *digest*, if it still counts at *now*."""
        known = _find(self._active, digest) or _find(self._inactive, digest)
        return known if known is not None and now < known.fresh_until else None

    def is_contradicted(self, digest: bytes, members: Mapping[str, object]) -> bool:
        """Return whether the token was another subject's before."""
        known = _find(self._subjects, digest)
        return known is not None and known != _subject(members)

    def keep(
        self, digest: bytes, members: Mapping[str, object] | None, asked_at: float
    ) -> TokenAnswer:
        """Remember what was said at *asked_at*; None says that the token is not active."""
        if members is None:
            seconds = min(self._cache_seconds, INACTIVE_SECONDS)
            answer = TokenAnswer(None, asked_at, asked_at + seconds)
            _drop(self._active, digest)
            self._inactive.keep(digest, answer)
            return answer
        fresh_until, ends_at = asked_at + self._cache_seconds, members.get("exp")
        if type(ends_at) is int or type(ends_at) is float:
            fresh_until = min(fresh_until, ends_at)
        answer = TokenAnswer(members, asked_at, fresh_until)
        _drop(self._inactive, digest)
        self._active.keep(digest, answer)
        self._subjects.keep(digest, _subject(members))
        return answer


def digest_of(token: bytes) -> bytes:
    """Return what stands for *token* in memory."""
    return sha256(token).digest()


def _subject(members: Mapping[str, object]) -> bytes:
    return sha256(repr(members.get("sub")).encode("utf-8", "surrogatepass")).digest()


def _find(generations: Generations[bytes, V], digest: bytes) -> V | None:
    known = generations.young.get(digest)
    if known is None:
        known = generations.old.pop(digest, None)
        if known is not None:
            generations.keep(digest, known)
    return known


def _drop(generations: Generations[bytes, V], digest: bytes) -> None:
    generations.young.pop(digest, None)
    generations.old.pop(digest, None)
