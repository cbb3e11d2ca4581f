"""What came of attacking the routes of a configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gateway.settings.text.fault import Place


class Kind(Enum):
    """How an attack, or a route, is not as it must be."""

    OPENED = "got through"
    OTHER_REASON = "refused for another reason"
    REPORTED = "only reported"
    NOT_ATTACKED = "not attacked"
    NOT_USED = "waives nothing"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be mended, or waived.

    *name* and *variant* are those of the attack, *source* is where it was seen. *text* says what
    became of *request*, *place* is the setting that should have refused it. *reason* is why it
    is waived, if it is.
    """

    kind: Kind
    route: str
    name: str
    variant: str
    source: str
    request: str
    text: str
    place: Place
    reason: str | None = None

    @property
    def title(self) -> str:
        """Return the route and the attack."""
        variant = f" ({self.variant})" if self.variant else ""
        return f"{self.route}: {self.name}{variant}"

    def __str__(self) -> str:
        place = self.place
        return f"{place.file}:{place.line}:{place.column}: {self.title}"


@dataclass(frozen=True, slots=True)
class RouteAttacks:
    """The attacks on one route: how many of each name, and those that did not fail.

    *callers* are the personas whose requests were changed; of one that is None the claims were
    made from the rules. *left_out* says what was not tried, and why.
    """

    route: str
    place: Place
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    callers: tuple[str | None, ...] = ()
    left_out: str = ""

    @property
    def size(self) -> int:
        """Return the number of attacks."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, eq=False)
class HostileReport:
    """The attacks on all routes of the configuration in *file*.

    *waivers* are findings about waivers themselves.
    """

    file: str
    routes: tuple[RouteAttacks, ...]
    waivers: tuple[Finding, ...] = field(default=())

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Return what is neither as it must be nor waived."""
        every = (one for route in self.routes for one in route.findings)
        return tuple(one for one in (*every, *self.waivers) if one.reason is None)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """Return what is waived."""
        every = (one for route in self.routes for one in route.findings)
        return tuple(one for one in every if one.reason is not None)

    @property
    def size(self) -> int:
        """Return the number of attacks."""
        return sum(route.size for route in self.routes)
