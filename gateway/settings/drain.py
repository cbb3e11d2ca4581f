"""Work out the times of the drain."""

from typing import NamedTuple

from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.models import DrainModel


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
