"""Reasons: a closed list."""

import re

from gateway.decision.reason import Reason


def test_every_reason_has_its_own_code_named_alike_and_a_status_of_refusal() -> None:
    assert len({reason.code for reason in Reason}) == len(Reason)
    for reason in Reason:
        assert reason.code == reason.name.lower()
        assert 400 <= reason.status <= 599
        assert re.fullmatch(r"[A-Z][A-Za-z' ]+", reason.title)
