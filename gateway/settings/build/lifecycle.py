"""Build how a configuration is reloaded, and how the gateway drains."""

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

    They are read here only to count as files of the configuration: a change of one is a change
    of the configuration. A pattern that matches nothing is an error: a reload would then run no
    tests, and nobody would notice.
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
    """Return when the configuration is reloaded, and what must pass before it is used."""
    reload = model.reload
    if reload.suites and not model.suites:
        message = "`suites` is missing: it names the suites to run"
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
        # The other half is left for streams that are closed last to finish.
        return DrainTimes(deadline, model.delay, deadline / 2)
    if model.streams > deadline:
        message = "longer than `deadline`: the last streams would be cut off"
        faults.append(part.child("streams").fault(Code.BAD_VALUE, message))
    return DrainTimes(deadline, model.delay, model.streams)
