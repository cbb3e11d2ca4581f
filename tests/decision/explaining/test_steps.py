"""A step holds unless it has a reason."""

from gateway.decision.explaining.steps import Check, Step
from gateway.decision.reason import Reason


def test_a_step_holds_unless_it_has_a_reason() -> None:
    assert Step(Check.TIMES, "now", "now").holds
    assert not Step(Check.TIMES, "now", "then", Reason.TOKEN_EXPIRED).holds
