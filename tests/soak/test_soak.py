"""A minute of mixed traffic with aborts and crashes; ``make soak`` runs ten, and slow attacks."""

import secrets
from pathlib import Path

import uvloop

from tests.soak.__main__ import report
from tests.soak.run import Load, soak


def test_no_answer_is_mixed_up_and_nothing_leaks_in_a_minute_of_mixed_traffic(
    tmp_path: Path,
) -> None:
    load = Load(secrets.token_hex(4), seconds=60, workers=8, pause_seconds=0.1)

    outcome = uvloop.run(soak(load, tmp_path))

    assert not outcome.faults, report(load, outcome)
    # It is a soak only if things were asked, and went wrong, all the time.
    assert outcome.requests > 100
    assert outcome.troubles > 5
