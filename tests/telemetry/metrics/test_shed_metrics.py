"""Requests that were shed are shown by the limit that had no room, of all processes together."""

from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.exposition import shed_families


def test_each_kind_of_limit_is_shown_and_processes_add_up() -> None:
    total, one, dead = Metrics(), Metrics(), Metrics()
    one.shed.update(route=3)
    dead.shed.update(route=1, gateway=2)
    dead.settle()

    total.add(one)
    total.add(dead)

    (family,) = shed_families(total)
    assert [(sample.name, sample.labels, sample.value) for sample in family.samples] == [
        ("gateway_requests_shed_total", {"limit": "gateway"}, 2),
        ("gateway_requests_shed_total", {"limit": "route"}, 4),
    ]
