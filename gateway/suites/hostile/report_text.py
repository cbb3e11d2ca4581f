"""Write for people what came of the attacks."""

from collections.abc import Iterator

from gateway.suites.hostile.findings import Finding, HostileReport


def format_attacks(report: HostileReport, every: bool) -> Iterator[str]:
    """Yield a block of lines for each attack that got through; *every* shows all routes, too."""
    for finding in report.failures:
        yield from _failure(finding)
    for route in report.routes if every else ():
        place = route.place
        where = f"{place.file}:{place.line}:{place.column}"
        attacks = _count(route.size, "attack")
        yield f"ok   {where}: {route.route}: {attacks}{_callers(route.callers)}"
    for finding in report.waived if every else ():
        yield f"waived {finding}: {finding.reason}"
    for route in report.routes:
        if route.left_out:
            yield f"{route.route}: not tried: {route.left_out}"


def format_attack_summary(report: HostileReport) -> str:
    """Return one line about all of it."""
    routes = sum(route.size > 0 for route in report.routes)
    parts = [f"{_count(report.size, 'attack')} on {_count(routes, 'route')} of {report.file}"]
    parts.append(f"{len(report.failures)} failed" if report.failures else "all held")
    if report.waived:
        parts.append(f"{len(report.waived)} waived")
    return ", ".join(parts)


def describe(finding: Finding) -> Iterator[str]:
    """Yield in words what became of an attack: what, on what, and where it was seen before."""
    yield f"{finding.kind.value}: {finding.text}"
    if finding.request:
        yield finding.request
    if finding.source:
        yield f"see {finding.source}"


def _failure(finding: Finding) -> Iterator[str]:
    yield f"FAIL {finding}"
    yield from (f"  {line}" for line in describe(finding))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _callers(callers: tuple[str | None, ...]) -> str:
    names = [name or "claims made from its rules" for name in callers]
    return f", with what it allows {' and '.join(names)}" if names else ""
