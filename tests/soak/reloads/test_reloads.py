"""A hundred reloads under full load: no request fails, and each is by one policy alone.

``make soak`` does ten times as many, under more clients.
"""

from pathlib import Path

import pytest
import uvloop

from tests.soak.reloads.policies import POLICIES
from tests.soak.reloads.run import Load, reload_under_load


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_and_none_is_by_a_mixed_policy(tmp_path: Path, workers: int) -> None:
    """Nor by the former policy, once the reload is said to be live: in any worker."""
    load = Load(reloads=100, clients=32, workers=workers)

    outcome = uvloop.run(reload_under_load(load, tmp_path))

    assert outcome.faults == ()
    assert (outcome.applied, outcome.workers) == (100, workers)
    # Both of them let in and kept out, all the time.
    for policy in POLICIES:
        assert outcome.answers[policy, 200] > 1000
        assert outcome.answers[policy, 403] > 100
