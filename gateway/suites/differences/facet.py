"""Facets: the meaning of parts of a configuration, in a form that can be compared."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from gateway.settings.text.fault import Place


class Kind(Enum):
    """What a difference means for who has access; worst first."""

    OPENED = "opened"  # some request, caller or key is accepted that was not
    LOOSENED = "loosened"  # the same callers, with weaker proof or protection
    MOVED = "moved"  # other servers, or another path or host of theirs, receive requests
    KEYS = "keys"  # other keys or authorities decide whom to believe
    CLOSED = "closed"  # some request, caller or key is no longer accepted, or protected better
    CHANGED = "changed"  # the same outcome for another reason


Kinds = frozenset[Kind]
Judge = Callable[[object, object], Kinds]
"""Returns what a change from the old to the new value means; None: that side lacks the facet."""


@dataclass(frozen=True, slots=True)
class Facet:
    """Equal meaning has an equal *value*; *text* is for people, *keys* is the setting.

    *judge* says what another value means for who has access.
    """

    value: object
    text: str
    judge: Judge = field(compare=False, repr=False)
    keys: tuple[str, ...] = ()


Facets = Mapping[str, Facet]  # by name, in the order of the report


@dataclass(frozen=True, slots=True)
class Statement:
    """What one of the two configurations says, and where."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Change:
    """A difference of two configurations.

    *subject* is the kind of part (``route``), *name* its name, the new one if there are two,
    *facet* the facet that differs, empty for the whole part. *old* is None for an added part, *new*
    for a removed one. *kinds* is what the difference means by itself, whatever compared requests
    show; it is empty if it means nothing for access, or if only requests can show it.
    """

    subject: str
    name: str
    facet: str
    old: Statement | None
    new: Statement | None
    kinds: Kinds = frozenset()

    @property
    def word(self) -> str:
        """Return ``added``, ``removed`` or ``changed``."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"


def differing(old: Facets, new: Facets) -> Iterator[tuple[str, Facet | None, Facet | None]]:
    """Yield the facets in which two parts differ, including those that only one has."""
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before is None or after is None or before.value != after.value:
            yield name, before, after


def judge(old: Facet | None, new: Facet | None) -> Kinds:
    """Return what the difference of two facets means for who has access."""
    judged = new or old
    if judged is None:
        raise ValueError("a difference has an old or a new side")
    values = (None if one is None else one.value for one in (old, new))
    return judged.judge(*values)


def same(old: Facets, new: Facets) -> bool:
    """Return whether two parts mean the same."""
    return next(differing(old, new), None) is None


# Defaults are not worth mentioning.
_USUAL = frozenset(
    {"authorization", "any", "any time", "the default", "enforce", "no", "none", "normal"}
)


def summarise(facets: Facets) -> str:
    """Return all facets in one line, without the defaults."""
    shown = (f"{name} {facet.text}" for name, facet in facets.items() if facet.text not in _USUAL)
    return "; ".join(shown)


def listed(names: Iterable[str], nothing: str) -> str:
    """Return *names* in order, or *nothing* if there are none."""
    return ", ".join(sorted(names)) or nothing
