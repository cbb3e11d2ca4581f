"""Show what the gateway's processes take together: time, memory, descriptors."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from prometheus_client import Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

# Neither adds up: the gateway began with its first process, and each has a limit of its own.
_SMALLEST = frozenset({"process_start_time_seconds", "process_max_fds"})
_CPU = "process_cpu_seconds"


def process_families(pids: Sequence[int]) -> Iterator[Metric]:
    """Yield the families of ``process_…``, each the sum over the processes *pids*.

    Of the start and of the limit of descriptors it is the smallest. A process that is gone
    counts no more; but for its time, where it was a child of this one.
    """
    values: dict[str, list[float]] = {}
    found: dict[str, Metric] = {}
    for family in _families(pids):
        found.setdefault(family.name, family)
        values.setdefault(family.name, []).extend(sample.value for sample in family.samples)
    for name, family in found.items():
        total = min(values[name]) if name in _SMALLEST else sum(values[name])
        if name == _CPU:
            times = os.times()
            total += times.children_user + times.children_system
            # Ticks of a hundredth, each a little off as a float: summed in another order they could
            # go back by the last digit, which Prometheus takes for a restart.
            yield CounterMetricFamily(name, family.documentation, value=round(total, 3))
        else:
            yield GaugeMetricFamily(name, family.documentation, value=total)


def _families(pids: Sequence[int]) -> Iterator[Metric]:
    for pid in pids:
        collector = ProcessCollector(pid=partial(str, pid), registry=None)
        collected: Iterable[Metric] = collector.collect()
        yield from collected
