"""Find what someone may have meant to write."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return ``: did you mean x?`` for the nearest of *known*, or nothing."""
    near = get_close_matches(wrong.lower(), {name.lower(): name for name in known}, 1, 0.6)
    if not near:
        return ""
    meant = next(name for name in known if name.lower() == near[0])
    return f": did you mean `{meant}`?"
