"""Describe an issuer's keys in one line, for the log."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from gateway.decision.keys import Key
from gateway.decision.tokens.signature import MAX_TRIED_KEYS
from gateway.decision.verdict import WantedKey
from gateway.keyring.kid_text import kid_text

MAX_SHOWN_KIDS = 10
_MAX_SHOWN_GROUPS = 5

# Room for two URLs with paths; metadata may name a URL of any length.
_MAX_ERROR_CHARACTERS = 300


# Called for each token with an unknown key: a flood of them shares one text per second.
@lru_cache(maxsize=256)
def describe_keys(
    kids: tuple[str | None, ...], age_seconds: int | None, last_error: str | None
) -> str:
    """Return the first ten of *kids*, their age, and why the last fetch failed.

    *age_seconds* is None for keys that were never fetched or never change.
    """
    parts = [_held(kids)]
    if age_seconds is not None:
        parts.append(f"fetched {age_seconds} s ago")
    if last_error is not None:
        parts.append(f"last error: {_shorten(last_error)}")
    return "; ".join(parts)


def describe_wanted(wanted: WantedKey, held: str) -> str:
    """Return in one line the key that a token *wanted*, and those *held* (``describe_keys``)."""
    asked = f"wanted from {wanted.issuer_name}: {kid_text(wanted.kid)} for {wanted.algorithm}"
    return f"{asked}; {held}"


def describe_alike(keys: Sequence[Key], algorithms: frozenset[str]) -> str | None:
    """Return in one line which *keys* for one algorithm share a `kid`, or have none.

    None if no two do. *algorithms* are those that the issuer's tokens may use.
    """
    fitting = Counter(
        (key.kid, name) for key in keys for name in sorted(key.algorithms & algorithms)
    )
    alike: dict[str | None, tuple[str, int]] = {}
    for (kid, algorithm), count in fitting.items():
        if count > alike.get(kid, ("", 1))[1]:
            alike[kid] = (algorithm, count)
    if not alike:
        return None
    shown = [
        f"{count} keys {kid_text(kid)} for {algorithm}{_left_untried(count)}"
        for kid, (algorithm, count) in list(alike.items())[:_MAX_SHOWN_GROUPS]
    ]
    more = len(alike) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _left_untried(count: int) -> str:
    if count <= MAX_TRIED_KEYS:
        return ""
    return f", of which the first {MAX_TRIED_KEYS} are tried"


def _held(kids: tuple[str | None, ...]) -> str:
    if not kids:
        return "no keys held"
    shown = ", ".join(map(kid_text, kids[:MAX_SHOWN_KIDS]))
    left_out = len(kids) - MAX_SHOWN_KIDS
    return f"keys held: {shown}" + (f" and {left_out} more" if left_out > 0 else "")


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_ERROR_CHARACTERS else f"{text[:_MAX_ERROR_CHARACTERS]}…"


def describe_unfit(keys: Iterable[Key], allowed: frozenset[str]) -> str:
    """Return in one line that no key of *keys*, of at least one, has an *allowed* algorithm."""
    has = ", ".join(sorted(frozenset().union(*(key.algorithms for key in keys))))
    wants = ", ".join(sorted(allowed))
    return f"no key for the issuer's `algorithms` ({wants}); those it has are for {has}"
