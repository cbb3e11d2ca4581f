"""Suppress warnings by comments in the file: ``# gateway: allow CODE because REASON``.

A suppression covers its own line, or the next one if it has a line to itself. It never covers an
error, and one that is malformed or unused is a warning itself: otherwise a warning that it once
suppressed could return unnoticed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.settings.text.comments import Comment
from gateway.settings.text.fault import WARNINGS, Code, Fault, Place, Severity
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean

_FORM = "write `# gateway: allow CODE because REASON`"


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment at *place* that allows warnings of *code* in line *covers*, with its reason."""

    place: Place
    code: Code
    reason: str
    covers: int


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A warning, and the suppression that covers it."""

    fault: Fault
    suppression: Suppression


def read_suppressions(comments: Iterable[Comment], faults: list[Fault]) -> tuple[Suppression, ...]:
    """Return the suppressions in *comments*; a malformed one is a warning."""
    found: list[Suppression] = []
    for comment in comments:
        suppression = _read(comment)
        if isinstance(suppression, Suppression):
            found.append(suppression)
        else:
            faults.append(Fault(comment.place, Code.BAD_SILENCE, suppression, Severity.WARNING))
    return tuple(found)


def _read(comment: Comment) -> Suppression | str:
    code, _, rest = comment.text.partition("allow")[2].strip().partition(" ")
    because, _, reason = rest.strip().partition(" ")
    if not code:
        return f"the code is missing: {_FORM}"
    if code not in WARNINGS:
        if code in set(Code):
            return f"`{code}` cannot be silenced: only warnings about the file itself can"
        return (
            f"`{shorten(code)}` is not the code of a warning{did_you_mean(code, sorted(WARNINGS))}"
        )
    if because != "because" or not reason.strip():
        return f"a reason is missing: {_FORM}"
    return Suppression(comment.place, Code(code), reason.strip(), comment.covers)


def apply_suppressions(
    warnings: Iterable[Fault], suppressions: Sequence[Suppression]
) -> tuple[list[Fault], list[Suppressed]]:
    """Return the *warnings* that are kept, and those that are suppressed."""
    by_line: dict[tuple[str, int, Code], Suppression] = {}
    for suppression in suppressions:
        by_line.setdefault(
            (suppression.place.file, suppression.covers, suppression.code), suppression
        )
    kept: list[Fault] = []
    suppressed: list[Suppressed] = []
    for fault in warnings:
        found = by_line.get((fault.place.file, fault.place.line, fault.code))
        if found is None or fault.severity is Severity.ERROR:
            kept.append(fault)
        else:
            suppressed.append(Suppressed(fault, found))
    return kept, suppressed


def find_unused(
    suppressions: Iterable[Suppression], suppressed: Iterable[Suppressed]
) -> list[Fault]:
    """Return a warning for each of *suppressions* that none of *suppressed* needed."""
    used = {one.suppression for one in suppressed}
    return [
        Fault(
            suppression.place,
            Code.UNUSED_SILENCE,
            f"line {suppression.covers} has no warning `{suppression.code.value}`:"
            " remove this comment",
            Severity.WARNING,
        )
        for suppression in suppressions
        if suppression not in used
    ]
