"""Find the line of the configuration that requires a step of a decision."""

from typing import assert_never

from gateway.decision.explaining.steps import Owner, Setting, Step
from gateway.settings.text.fault import Place
from gateway.settings.text.places import Places


def place_of_step(step: Step, places: Places) -> Place | None:
    """Return the place of the setting of *step*, or None if no setting requires it."""
    return None if step.setting is None else place_of_setting(step.setting, places)


def place_of_setting(setting: Setting, places: Places) -> Place:
    """Return the place of *setting*, or of the nearest one around it if it is not written."""
    match setting.owner:
        case Owner.FILE:
            return places.of(*setting.keys)
        case Owner.ISSUER:
            return places.of_issuer(setting.name, *setting.keys)
        case Owner.ROUTE:
            return places.of_route(setting.name, *setting.keys)
        case Owner.UPSTREAM:
            return places.of_upstream(setting.name, *setting.keys)
        case _:
            assert_never(setting.owner)
