"""Which pages of other origins may read a route's answers, and what they may send."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cors:
    """What a route says to browsers (Fetch standard, "CORS protocol").

    *origins* are as browsers write them; *patterns*, by the wildcards that are written, match those
    that one stands for.
    *is_open* says that pages of every origin may read, without credentials. *methods* empty
    means every method of the route; *headers* and *exposed* are lists as fields have them.
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
        """Return whether pages of *origin*, as it stands in the field, may read."""
        return (
            self.is_open
            or origin in self.origins
            or any(one.fullmatch(origin) is not None for one in self.patterns.values())
        )
