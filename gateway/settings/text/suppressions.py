"""Take out the warnings that a file silences in place: ``# gateway: allow CODE because REASON``.

A silence speaks of its own line, or of the next one where it has a line to itself. It never
reaches an error, and one that says or does nothing is a warning of its own: otherwise what it
once allowed could come back unseen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.settings.text.comments import Comment
from gateway.settings.text.fault import WARNINGS, Code, Fault, Place, Severity
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean

_FORM = "write `# gateway: allow CODE because REASON`"


@dataclass(frozen=True, slots=True)
class Silence:
    """What stands at *place*: warnings of *code* in line *covers* are allowed, and why."""

    place: Place
    code: Code
    reason: str
    covers: int


@dataclass(frozen=True, slots=True)
class Silenced:
    """A warning, and the silence that speaks of it."""

    fault: Fault
    silence: Silence


def read_silences(comments: Iterable[Comment], faults: list[Fault]) -> tuple[Silence, ...]:
    """Return what *comments* silence; one that cannot be read is a warning."""
    found: list[Silence] = []
    for comment in comments:
        silence = _read(comment)
        if isinstance(silence, Silence):
            found.append(silence)
        else:
            faults.append(Fault(comment.place, Code.BAD_SILENCE, silence, Severity.WARNING))
    return tuple(found)


def _read(comment: Comment) -> Silence | str:
    code, _, rest = comment.text.partition("allow")[2].strip().partition(" ")
    because, _, reason = rest.strip().partition(" ")
    if not code:
        return f"this names no code: {_FORM}"
    if code not in WARNINGS:
        if code in set(Code):
            return f"`{code}` cannot be silenced: only warnings about what stands here can"
        return f"`{shorten(code)}` is no code of a warning{did_you_mean(code, sorted(WARNINGS))}"
    if because != "because" or not reason.strip():
        return f"a reason is missing: {_FORM}"
    return Silence(comment.place, Code(code), reason.strip(), comment.covers)


def apply_silences(
    warnings: Iterable[Fault], silences: Sequence[Silence]
) -> tuple[list[Fault], list[Silenced]]:
    """Return the *warnings* that no silence speaks of, and those that one does."""
    by_line: dict[tuple[str, int, Code], Silence] = {}
    for silence in silences:
        by_line.setdefault((silence.place.file, silence.covers, silence.code), silence)
    kept: list[Fault] = []
    silenced: list[Silenced] = []
    for fault in warnings:
        found = by_line.get((fault.place.file, fault.place.line, fault.code))
        if found is None or fault.severity is Severity.ERROR:
            kept.append(fault)
        else:
            silenced.append(Silenced(fault, found))
    return kept, silenced


def find_unused(silences: Iterable[Silence], silenced: Iterable[Silenced]) -> list[Fault]:
    """Return a warning for each of *silences* that none of *silenced* needed."""
    used = {one.silence for one in silenced}
    return [
        Fault(
            silence.place,
            Code.UNUSED_SILENCE,
            f"there is no warning `{silence.code.value}` in line {silence.covers}: take this out",
            Severity.WARNING,
        )
        for silence in silences
        if silence not in used
    ]
