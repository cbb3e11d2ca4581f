"""Expose what the gateway's processes use together: time, memory, descriptors."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from prometheus_client import Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

# Not summed: the gateway started with its first process, and each process has its own limit.
_SMALLEST = frozenset({"process_start_time_seconds", "process_max_fds"})
_CPU = "process_cpu_seconds"


def process_families(pids: Sequence[int]) -> Iterator[Metric]:
    """Yield the families of ``process_…``, each the sum over the processes *pids*.

    The start and the limit of descriptors are the smallest value. A process that is gone counts
    only with its CPU time, if it was a child of this one.
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
            # Hundredths are inexact as floats: summed in another order, they could decrease in the
            # last digit, which Prometheus takes for a restart.
            yield CounterMetricFamily(name, family.documentation, value=round(total, 3))
        else:
            yield GaugeMetricFamily(name, family.documentation, value=total)


def _families(pids: Sequence[int]) -> Iterator[Metric]:
    for pid in pids:
        collector = ProcessCollector(pid=partial(str, pid), registry=None)
        collected: Iterable[Metric] = collector.collect()
        yield from collected
