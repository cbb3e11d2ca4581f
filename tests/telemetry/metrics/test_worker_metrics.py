"""Workers are counted, whether they ever died or not."""

import pytest

from gateway.telemetry.metrics.exposition import worker_families


@pytest.mark.parametrize(("restarts", "shown"), [([0], (1, 0)), ([0, 3, 1], (3, 4))])
def test_workers_and_their_restarts_are_shown(restarts: list[int], shown: tuple[int, int]) -> None:
    samples = {
        sample.name: sample.value
        for family in worker_families(restarts)
        for sample in family.samples
    }

    assert (samples["gateway_workers"], samples["gateway_worker_restarts_total"]) == shown
