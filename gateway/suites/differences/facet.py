"""One thing that a part of a configuration says, in a form that can be compared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.settings.text.fault import Place


@dataclass(frozen=True, slots=True)
class Facet:
    """*value* is equal where the meaning is; *text* says it to people, *keys* lead to it."""

    value: object
    text: str
    keys: tuple[str, ...] = ()


Facets = Mapping[str, Facet]  # by name, in the order in which they are told


@dataclass(frozen=True, slots=True)
class Told:
    """What one of the two configurations says, and where."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Change:
    """A difference of two configurations.

    *subject* is the kind of part (``route``), *name* its name in the newer one that has it,
    *facet* what of it differs, empty where it is the whole. *old* is None for what was added,
    *new* for what was removed.
    """

    subject: str
    name: str
    facet: str
    old: Told | None
    new: Told | None

    @property
    def word(self) -> str:
        """Return ``added``, ``removed`` or ``changed``."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"


def differing(old: Facets, new: Facets) -> Iterator[tuple[str, Facet | None, Facet | None]]:
    """Yield the facets in which two parts differ; one that only one of them has, too."""
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before is None or after is None or before.value != after.value:
            yield name, before, after


def same(old: Facets, new: Facets) -> bool:
    """Say whether two parts mean the same."""
    return next(differing(old, new), None) is None


# What is so by default goes without saying.
_USUAL = frozenset({"any", "any time", "as for all", "enforce", "no", "none", "normal"})


def summarise(facets: Facets) -> str:
    """Return all facets in one line, but for what is usual."""
    told = (f"{name} {facet.text}" for name, facet in facets.items() if facet.text not in _USUAL)
    return "; ".join(told)
