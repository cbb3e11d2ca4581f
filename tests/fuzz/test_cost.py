"""What an input costs is judged by the quickest of several runs, against its length."""

import pytest

from tests.fuzz.cost import TooSlowError, check_cost


class Runs:
    """Work, and the clock it is measured by: each run takes the next of *milliseconds*."""

    def __init__(self, *milliseconds: float) -> None:
        self.left = list(milliseconds)
        self.seconds = 0.0

    def work(self, _data: bytes) -> None:
        self.seconds += self.left.pop(0) / 1000

    def clock(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("length", "milliseconds"),
    [(0, [0.9]), (1, [0.9]), (1024, [0.9]), (4096, [3.9]), (1024, [9, 9, 9, 9, 9, 9, 0.9])],
)
def test_what_costs_a_millisecond_for_each_kib_or_less_holds(
    length: int, milliseconds: list[float]
) -> None:
    runs = Runs(*milliseconds)

    check_cost(runs.work, bytes(length), runs.clock)

    assert runs.left == []


@pytest.mark.parametrize(("length", "milliseconds"), [(10, 1.1), (1024, 1.1), (4096, 4.1)])
def test_what_costs_more_every_time_is_a_finding(length: int, milliseconds: float) -> None:
    runs = Runs(*[milliseconds] * 7)

    with pytest.raises(TooSlowError, match=f"{milliseconds:.2f} ms for {length} bytes"):
        check_cost(runs.work, bytes(length), runs.clock)
