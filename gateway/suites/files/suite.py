"""Tests of access rules, as a suite file states them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Place
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import SimulatedRequest

FieldValues = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demands:
    """What must be true of an allowed request; None and empty values require nothing."""

    route: str | None = None
    upstream: str | None = None
    target: str | None = None
    headers: tuple[tuple[str, FieldValues], ...] = ()
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    would_deny: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected outcome of a request: *answer* is ``allow``, ``published`` or a reason code.

    For a call of gRPC it may be the name of a status instead.
    *demands* are for ``allow``. *place* is where the expectation is written.
    """

    place: Place
    answer: str
    demands: Demands = Demands()


@dataclass(frozen=True, slots=True)
class AccessTest:
    """One request, and the expected outcome by persona.

    *also* is the persona whose token is sent as the second one, by name.
    """

    name: str
    place: Place
    request: SimulatedRequest
    expected: Mapping[str, Expectation]
    also: str | None = None


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
    """The tests of one file, and their personas.

    *file* is its name as given. *gateway* is the configuration under test, or None if the file
    names none; *environment* is set for it. *at* is in seconds since the epoch. *waivers* are for
    attacks. *root* is the whole file.
    """

    file: str
    gateway: Path | None
    environment: Mapping[str, str]
    at: float
    personas: Mapping[str, PersonaPart]
    tests: tuple[AccessTest, ...]
    root: Part
    waivers: tuple[Waiver, ...] = ()
