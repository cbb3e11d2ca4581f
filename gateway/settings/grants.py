"""What an included file may declare besides routes, and the entry of `include` that says so."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.settings.fault import Place


class Grant(StrEnum):
    """The words of `may`; the main file may do all of it, an included file nothing by default."""

    UPSTREAMS = "upstreams"
    ISSUERS = "issuers"  # for the routes of the same file, and routes that name them
    ISSUERS_FOR_ALL = "issuers-for-all"  # for every route that names no issuers, too
    RESOURCES = "resources"  # of the routes of the same file
    RESOURCES_FOR_ALL = "resources-for-all"
    ENVIRONMENT = "environment"
    FILES = "files"  # outside of the directory of the included file
    SILENCES = "silences"


_IMPLIED = {
    Grant.ISSUERS_FOR_ALL: Grant.ISSUERS,
    Grant.RESOURCES_FOR_ALL: Grant.RESOURCES,
}

# A pattern that YAML reads as plain text in a flow mapping.
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./*?-]*")


@dataclass(frozen=True, slots=True)
class Include:
    """One entry of `include` at *place*: which files it names, and what they may declare.

    *pattern* is as it is written: a `${…}` in it is not replaced.
    """

    pattern: str
    grants: frozenset[Grant]
    place: Place

    def allows(self, grant: Grant) -> bool:
        """Return whether the files may do what *grant* stands for."""
        return any(grant in {given, _IMPLIED.get(given)} for given in self.grants)

    def refuse(self, what: str, grant: Grant) -> str:
        """Return why a file of this entry may not do *what*, and what to write to grant it."""
        pattern = self.pattern if _PLAIN.fullmatch(self.pattern) else json.dumps(self.pattern)
        entry = f"{{files: {pattern}, may: [{', '.join(sort_grants({*self.grants, grant}))}]}}"
        place = f"{self.place.file}:{self.place.line}:{self.place.column}"
        return f"this file may not {what}: to allow it, write `{entry}` in `include` ({place})"


def sort_grants(grants: Iterable[Grant]) -> list[Grant]:
    """Return *grants* in the order of the documentation; what another one implies is left out."""
    given = set(grants)
    given -= {_IMPLIED[grant] for grant in given if grant in _IMPLIED}
    return [grant for grant in Grant if grant in given]


def describe_grants(grants: Iterable[Grant]) -> str:
    """Return in words what a file with *grants* may declare."""
    return ", ".join(("routes", *sort_grants(grants)))
