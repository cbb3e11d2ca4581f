"""Tests of access rules, as a suite file states them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Place
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import AskedRequest

FieldValues = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demands:
    """What must be true of a request that is let through; None and empty ask for nothing."""

    route: str | None = None
    upstream: str | None = None
    target: str | None = None
    headers: tuple[tuple[str, FieldValues], ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    would_deny: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must become of a request: *answer* is ``allow``, ``published`` or a reason code.

    *demands* are for ``allow``. *place* is where it stands.
    """

    place: Place
    answer: str
    demands: Demands = Demands()


@dataclass(frozen=True, slots=True)
class AccessTest:
    """One request and, by persona, what must become of it."""

    name: str
    place: Place
    request: AskedRequest
    expected: Mapping[str, Expectation]


@dataclass(frozen=True, slots=True, eq=False)
class PersonaPart:
    """A persona, and the part of the file that describes it."""

    persona: Persona
    part: Part


@dataclass(frozen=True, slots=True)
class Waiver:
    """Attacks that may get through: *attacks* on *routes* (None: on all), for a *reason*."""

    place: Place
    attacks: tuple[str, ...]
    routes: tuple[str, ...] | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Suite:
    """The tests of one file, and who asks in them.

    *file* is its name as people gave it. *gateway* is the configuration that it is about, and
    None where the file does not say; *environment* is set for it. *at* is in seconds since the
    epoch. *waivers* are for attacks. *root* is the whole file.
    """

    file: str
    gateway: Path | None
    environment: Mapping[str, str]
    at: float
    personas: Mapping[str, PersonaPart]
    tests: tuple[AccessTest, ...]
    root: Part
    waivers: tuple[Waiver, ...] = ()
