"""Find the suites that a configuration names, and say when it is read again."""

from pathlib import Path
from typing import NamedTuple

from gateway.settings.schema.models import ConfigFile, DrainModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources, find_files
from gateway.settings.text.scalars import shorten
from gateway.settings.text.yaml_nodes import MAX_FILE_BYTES
from gateway.settings.values.configuration import Reloads


def find_named_suites(
    model: ConfigFile, root: Part, sources: Sources, faults: list[Fault]
) -> tuple[Path, ...]:
    """Return the suite files that the main file names, each once, in its order.

    They are read here, though not for what they say: so they count among the files that a
    configuration is made of, and a change of one is a change of it. A pattern that matches
    nothing is an error: a reload would be tested by nothing, and nobody would notice.
    """
    found: dict[Path, None] = {}
    for index, pattern in enumerate(model.suites or ()):
        part = root.child("suites").child(index)
        matches = find_files(pattern, sources.main.directory, sources.disk)
        if not matches:
            faults.append(part.fault(Code.MISSING_FILE, f"no file matches `{shorten(pattern)}`"))
        for path in matches:
            try:
                sources.disk.read(path, MAX_FILE_BYTES + 1)
            except OSError:
                message = f"cannot read {shorten(pattern)}"
                faults.append(part.fault(Code.MISSING_FILE, message))
            else:
                found[path] = None
    return tuple(found)


def build_reloads(model: ConfigFile, root: Part, faults: list[Fault]) -> Reloads:
    """Return when the configuration is read again, and what must hold before it counts."""
    reload = model.reload
    if reload.suites and not model.suites:
        message = "which suites? Name them in `suites`"
        part = root.child("reload").child("suites")
        faults.append(part.fault(Code.MISSING_KEY, message))
    return Reloads(reload.watch, reload.suites, reload.wait)


class DrainTimes(NamedTuple):
    """How long each part of the drain takes, in seconds."""

    deadline_seconds: float
    delay_seconds: float
    streams_seconds: float


def build_drain(model: DrainModel | float, part: Part, faults: list[Fault]) -> DrainTimes:
    """Return the times of the drain; its short form is the deadline alone."""
    if not isinstance(model, DrainModel):
        model = DrainModel.model_construct(deadline=model, delay=0.0, streams=None)
    deadline = model.deadline
    if model.streams is None:
        # Time to answer is left to those who are told last, as much as there was to tell them.
        return DrainTimes(deadline, model.delay, deadline / 2)
    if model.streams > deadline:
        message = "longer than the deadline: then those told last would be cut before"
        faults.append(part.child("streams").fault(Code.BAD_VALUE, message))
    return DrainTimes(deadline, model.delay, model.streams)
