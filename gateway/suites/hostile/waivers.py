"""Waive attacks that are let through on purpose, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.types import Strict, Text, bad
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Place
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.suites.hostile.findings import Finding, HostileReport, Kind, RouteAttacks
from gateway.suites.hostile.names import NAMES


def _attack_name(value: str) -> str:
    if value not in NAMES:
        message = f"no attack `{shorten(value)}`{did_you_mean(value, NAMES)}"
        raise bad(Code.UNKNOWN_REFERENCE, message)
    return value


AttackName = Annotated[
    str, AfterValidator(_attack_name), WithJsonSchema({"type": "string", "enum": list(NAMES)})
]


class WaiverModel(Strict):
    """Attacks that may get through."""

    attacks: list[AttackName] = Field(min_length=1, description="Attacks, by name.")
    routes: list[Text] | None = Field(
        default=None, min_length=1, description="On these routes; by default on all."
    )
    reason: Text = Field(description="Why they do no harm, or who answers for it.")


class HostileModel(Strict):
    """What `--hostile` is told."""

    waive: list[WaiverModel] = Field(min_length=1, description="What may get through, and why.")


@dataclass(frozen=True, slots=True)
class Waiver:
    """What may get through: *attacks* on *routes* (None: on all), for a *reason*."""

    place: Place
    attacks: tuple[str, ...]
    routes: tuple[str, ...] | None
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Say whether this is meant by it."""
        is_here = self.routes is None or finding.route in self.routes
        return is_here and finding.name in self.attacks


def build_waivers(model: HostileModel | None, part: Part) -> tuple[Waiver, ...]:
    """Return the waivers of a suite; *part* is its section ``hostile``."""
    if model is None:
        return ()
    at = part.child("waive")
    return tuple(
        Waiver(
            at.document.key_place(at.child(index).path),
            tuple(one.attacks),
            None if one.routes is None else tuple(one.routes),
            one.reason,
        )
        for index, one in enumerate(model.waive)
    )


def waive(report: HostileReport, waivers: Sequence[Waiver], is_whole: bool) -> HostileReport:
    """Return *report* with the reasons of *waivers*.

    A waiver for what does not get through is a finding itself, where *is_whole* says that all
    attacks were tried: it would hide the day on which it does.
    """
    used: set[tuple[Waiver, str]] = set()
    routes: list[RouteAttacks] = []
    for route in report.routes:
        findings = []
        for finding in route.findings:
            waiver = next((one for one in waivers if one.covers(finding)), None)
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


def _unused(waiver: Waiver, name: str) -> Finding:
    where = "any route" if waiver.routes is None else ", ".join(waiver.routes)
    text = "none of these gets through there: take it out of the waiver"
    return Finding(Kind.NOT_USED, where, name, "", "", "", text, waiver.place)
