"""Say which line of the configuration asks for a step of a decision."""

from typing import assert_never

from gateway.decision.explaining.steps import Owner, Step
from gateway.settings.text.fault import Place
from gateway.settings.text.places import Places


def place_of_step(step: Step, places: Places) -> Place | None:
    """Return where the setting of *step* stands, or None where nothing asks for it."""
    setting = step.setting
    if setting is None:
        return None
    match setting.owner:
        case Owner.FILE:
            return places.of(*setting.keys)
        case Owner.ISSUER:
            return places.of_issuer(setting.name, *setting.keys)
        case Owner.ROUTE:
            return places.of_route(setting.name, *setting.keys)
        case _:
            assert_never(setting.owner)
