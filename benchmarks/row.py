"""One row of the table: what is measured, its targets, its outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Level = Literal["bar", "goal"]  # a bar must hold; a goal is an aim
Bound = Literal["≥", "≤"]


@dataclass(frozen=True, slots=True)
class Bench:
    """The settings of a run."""

    folder: Path
    rounds: int
    seconds: int
    load_before: float  # of the machine, over one minute: with other load, figures say little


@dataclass(frozen=True, slots=True)
class Target:
    """A limit for the figure *of*: a number, or a multiple of the figure *against*."""

    level: Level
    bound: Bound
    limit: float
    against: str | None = None
    of: str = "gateway"

    def measured(self, figures: Mapping[str, float]) -> float | None:
        """Return the number that is compared with the limit; None if a figure is missing."""
        if self.of not in figures:
            return None
        if self.against is None:
            return figures[self.of]
        if not figures.get(self.against):
            return None
        return figures[self.of] / figures[self.against]

    def holds(self, figures: Mapping[str, float]) -> bool | None:
        """Return whether the limit holds; None if a figure is missing."""
        measured = self.measured(figures)
        if measured is None:
            return None
        return measured >= self.limit if self.bound == "≥" else measured <= self.limit


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures by name, in the order of the report, and why others are missing."""

    figures: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A row before it is measured."""

    name: str
    title: str
    unit: str
    targets: tuple[Target, ...]
    measure: Callable[[Bench], Outcome]
