"""Keep exchanged tokens, each for one token of a caller and one upstream."""

from typing import Final

from gateway.decision.tokens.generations import Generations
from gateway.service_tokens.requests import Found, ServiceToken

# Some KiB each. Refusals have a place of their own: callers that are refused evict no token.
CAPACITY: Final = 10_000
_REFUSALS: Final = 1000

Place = tuple[str, bytes]
"""The upstream, and the SHA-256 of the caller's token."""


class ExchangedTokens:
    """At most *capacity* tokens, and the last refusals, in use until they expire."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._tokens: Generations[Place, Found] = Generations(capacity)
        self._refusals: Generations[Place, Found] = Generations(_REFUSALS)

    def __len__(self) -> int:
        return len(self._tokens)

    def recall(self, place: Place, now: float) -> Found | None:
        """Return what is kept at *place* and holds at *now*, or None."""
        found = _recall(self._tokens, place)
        if found is None or found.until <= now:
            found = _recall(self._refusals, place)
        return None if found is None or found.until <= now else found

    def keep(self, place: Place, found: Found) -> None:
        """Keep what was *found* for *place*; what holds for one request only is not kept."""
        if isinstance(found, ServiceToken):
            self._tokens.keep(place, found)
        elif found.until:
            self._refusals.keep(place, found)

    def forget(self, place: Place, token: ServiceToken) -> None:
        """Forget *token* at *place*, if it is still there."""
        for generation in (self._tokens.young, self._tokens.old):
            if generation.get(place) == token:
                del generation[place]


def _recall(kept: Generations[Place, Found], place: Place) -> Found | None:
    found = kept.young.get(place)
    if found is None:
        found = kept.old.pop(place, None)
        if found is not None:
            kept.keep(place, found)
    return found
