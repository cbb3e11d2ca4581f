"""The results of the attacks on a configuration, and the waivers of some of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from gateway.settings.text.fault import Place
from gateway.suites.files.suite import Waiver


class Kind(Enum):
    """How an attack or a route failed."""

    OPENED = "got through"
    OTHER_REASON = "refused for another reason"
    REPORTED = "only reported"
    NOT_ATTACKED = "not attacked"
    NOT_USED = "unused waiver"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to fix, or to waive.

    *name* and *variant* are those of the attack, *source* is where it was seen. *text* says what
    happened to *request*, *place* is the setting that should have refused it. *reason* is why it
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
    """The attacks on one route: how many of each name, and the findings.

    *callers* are the personas whose requests were altered; None if the claims were generated from
    the rules. *left_out* says what was not tried, and why.
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
        """Return the findings that are not waived."""
        every = (one for route in self.routes for one in route.findings)
        return tuple(one for one in (*every, *self.waivers) if one.reason is None)

    @property
    def waived(self) -> tuple[Finding, ...]:
        """Return the findings that are waived."""
        every = (one for route in self.routes for one in route.findings)
        return tuple(one for one in every if one.reason is not None)

    @property
    def size(self) -> int:
        """Return the number of attacks."""
        return sum(route.size for route in self.routes)


def waive(report: HostileReport, waivers: Sequence[Waiver], is_whole: bool) -> HostileReport:
    """Return *report* with the reasons of *waivers*.

    A waiver for an attack that does not get through is a finding itself, if *is_whole* says that
    all attacks were tried: it would hide the day on which the attack does.
    """
    used: set[tuple[Waiver, str]] = set()
    routes: list[RouteAttacks] = []
    for route in report.routes:
        findings = []
        for finding in route.findings:
            waiver = next((one for one in waivers if _covers(one, finding)), None)
            if waiver is not None:
                used.add((waiver, finding.name))
                finding = replace(finding, reason=waiver.reason)  # noqa: PLW2901
            findings.append(finding)
        routes.append(replace(route, findings=tuple(findings)))
    unused = [
        _unused(waiver, name)
        for waiver in waivers
        for name in waiver.attacks
        if is_whole and (waiver, name) not in used
    ]
    return HostileReport(report.file, tuple(routes), tuple(unused))


def _covers(waiver: Waiver, finding: Finding) -> bool:
    is_here = waiver.routes is None or finding.route in waiver.routes
    return is_here and finding.name in waiver.attacks


def _unused(waiver: Waiver, name: str) -> Finding:
    where = "any route" if waiver.routes is None else ", ".join(waiver.routes)
    text = "no such attack gets through there: remove it from the waiver"
    return Finding(Kind.NOT_USED, where, name, "", "", "", text, waiver.place)
