"""Find the line of the configuration that requires a step of a decision."""

from typing import assert_never

from gateway.decision.explaining.steps import Owner, Step
from gateway.settings.text.fault import Place
from gateway.settings.text.places import Places


def place_of_step(step: Step, places: Places) -> Place | None:
    """Return the place of the setting of *step*, or None if no setting requires it."""
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
