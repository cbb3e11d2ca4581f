"""The CORS options of a route: which other origins may read its responses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cors:
    """The CORS options of one route (Fetch standard, "CORS protocol").

    *origins* are as browsers write them; *patterns* match the origins of a wildcard, by the
    wildcard as written. *is_open* means that pages of every origin may read, without
    credentials. *methods* empty means every method of the route; *headers* and *exposed* are
    comma-separated lists, ready for a field.
    """

    origins: frozenset[bytes]
    patterns: Mapping[bytes, re.Pattern[bytes]]
    is_open: bool
    methods: frozenset[str]
    headers: bytes
    exposed: bytes
    credentials: bool
    max_age_seconds: int

    def allows(self, origin: bytes) -> bool:
        """Return whether pages of *origin*, as in the Origin field, may read."""
        return (
            self.is_open
            or origin in self.origins
            or any(one.fullmatch(origin) is not None for one in self.patterns.values())
        )
