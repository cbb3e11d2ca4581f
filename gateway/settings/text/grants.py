"""The entries of `include`, and what they grant to included files."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.decision.routes.template import Segment, parse_template
from gateway.settings.text.fault import Place


class Grant(StrEnum):
    """The words of `may`; the main file has all grants, an included file none by default."""

    UPSTREAMS = "upstreams"
    ISSUERS = "issuers"  # for the routes of the same file, and routes that name them
    ISSUERS_FOR_ALL = "issuers-for-all"  # for every route that names no issuers, too
    RESOURCES = "resources"  # of the routes of the same file
    RESOURCES_FOR_ALL = "resources-for-all"
    IDENTITY = "identity"  # headers of its own routes and issuers, and fields of tokens
    ENVIRONMENT = "environment"
    FILES = "files"  # outside of the directory of the included file
    SILENCES = "silences"


IMPLIED = {
    Grant.ISSUERS_FOR_ALL: Grant.ISSUERS,
    Grant.RESOURCES_FOR_ALL: Grant.RESOURCES,
}

# A pattern that YAML reads as plain text in a flow mapping.
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./*?-]*")


@dataclass(frozen=True, slots=True)
class Include:
    """One entry of `include` at *place*: which files it names, and what they may declare.

    *pattern* is as written: a `${…}` in it is not replaced. With *hosts* or *under* (path
    prefixes), the files own requests only there.
    """

    pattern: str
    grants: frozenset[Grant]
    place: Place
    hosts: tuple[str, ...] | None = None
    under: tuple[str, ...] | None = None
    confines: str = ""  # *hosts* and *under* as written, `${…}` included

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return a value that is equal for entries with equal grants."""
        limits = (None if one is None else frozenset(one) for one in (self.hosts, self.under))
        return (*sort_grants(self.grants), *limits)

    @property
    def is_plain(self) -> bool:
        """Return whether the files may declare only routes, but anywhere."""
        return not self.grants and self.hosts is None and self.under is None

    def allows(self, grant: Grant) -> bool:
        """Return whether the files have *grant*."""
        return any(grant in {given, IMPLIED.get(given)} for given in self.grants)

    def refuse(self, what: str, grant: Grant) -> str:
        """Return why a file of this entry may not do *what*, and what to write to grant it."""
        pattern = self.pattern if _PLAIN.fullmatch(self.pattern) else json.dumps(self.pattern)
        entry = f"files: {pattern}, may: [{', '.join(sort_grants({*self.grants, grant}))}]"
        entry += f", {self.confines}" if self.confines else ""
        entry = f"`{{{entry}}}` in `include` ({self.at})"
        return f"this file may not {what}: to allow it, write {entry}"

    @property
    def at(self) -> str:
        """Return the place as ``file:line:column``."""
        return f"{self.place.file}:{self.place.line}:{self.place.column}"

    def owns_host(self, host: str) -> bool:
        """Return whether the files own every request for *host*, which may be a wildcard."""
        return self.hosts is None or any(
            host == own or (own.startswith("*.") and host.endswith(own[1:])) for own in self.hosts
        )

    def owns_path(self, segments: tuple[Segment, ...], is_prefix: bool) -> bool:
        """Return whether every path of a template is below one of *under*."""
        if self.under is None:
            return True
        for prefix in self.under:
            own = _read_prefix(prefix)
            if own is None or segments[: len(own)] != own:
                continue
            # `/a` is not below `/a/`, just as it is not a path of that prefix.
            if is_prefix or len(segments) > len(own):
                return True
        return False


def _read_prefix(prefix: str) -> tuple[Segment, ...] | None:
    try:
        return parse_template(prefix, is_prefix=True)
    except ValueError:  # reported where the entries are checked; nothing is below it
        return None


def sort_grants(grants: Iterable[Grant]) -> list[Grant]:
    """Return *grants* in the order of the documentation, without those that others imply."""
    given = set(grants)
    given -= {IMPLIED[grant] for grant in given if grant in IMPLIED}
    return [grant for grant in Grant if grant in given]


def describe_grants(include: Include) -> str:
    """Return what the files of an entry may declare, for people."""
    text = ", ".join(("routes", *sort_grants(include.grants)))
    if include.under is not None:
        text += f", under {' or '.join(include.under)}"
    if include.hosts is not None:
        text += f", for {' or '.join(include.hosts)}"
    return text
