"""What is read is what was kept, until its moment; what is over takes no room."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.login.stores.expiring import Expiring

KEYS = st.binary(min_size=1, max_size=1).map(lambda key: bytes([key[0] % 5]))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class AsADictionary(RuleBasedStateMachine):
    """Compares the table with a dictionary that looks at all of its entries each time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.forgotten: list[tuple[bytes, int]] = []
        self.table: Expiring[int] = Expiring(self.clock, lambda *one: self.forgotten.append(one))
        self.model: dict[bytes, tuple[float, int]] = {}
        self.expected: list[tuple[bytes, int]] = []
        self.count = 0

    def expire(self) -> None:
        for key, (until, value) in list(self.model.items()):
            if until <= self.clock.now:
                del self.model[key]
                self.expected.append((key, value))

    @rule(key=KEYS, seconds=st.integers(-1, 20))
    def put(self, key: bytes, seconds: int) -> None:
        self.expire()
        self.count += 1
        self.table.put(key, self.count, self.clock.now + seconds)
        self.model[key] = (self.clock.now + seconds, self.count)

    @rule(key=KEYS)
    def pop(self, key: bytes) -> None:
        self.expire()
        found = self.model.pop(key, None)
        assert self.table.pop(key) == (found and found[1])

    @rule(seconds=st.integers(0, 15))
    def pass_time(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def forget(self) -> None:
        self.expire()
        self.table.forget()
        assert len(self.table) == len(self.model)
        assert sorted(self.forgotten) == sorted(self.expected)

    @invariant()
    def reads_the_same(self) -> None:
        for key in (bytes([n]) for n in range(5)):
            until, value = self.model.get(key, (0.0, 0))
            assert self.table.get(key) == (value if until > self.clock.now else None)
        values = [value for until, value in self.model.values() if until > self.clock.now]
        assert sorted(self.table.newest()) == sorted(values)
        assert sorted(value for _, value in self.table.items()) == sorted(values)


TestAsADictionary = AsADictionary.TestCase


def test_a_key_that_comes_and_goes_takes_no_room() -> None:
    table: Expiring[int] = Expiring(Clock())
    for number in range(10_000):
        table.put(b"key", number, 2000.0)
        table.pop(b"key")

    assert len(table._moments) < 100


def test_the_last_to_arrive_is_the_first_of_the_newest() -> None:
    table: Expiring[int] = Expiring(Clock())
    for number in range(3):
        table.put(bytes([number]), number, 2000.0 - number)
    table.put(b"\x00", 0, 3000.0)

    assert list(table.newest()) == [2, 1, 0]


@given(st.integers(0, 12))
def test_those_that_are_over_first_are_forgotten_first(count: int) -> None:
    table: Expiring[int] = Expiring(Clock())
    for number in range(10):
        table.put(bytes([number]), number, 2000.0 - number)

    assert table.forget_first(count) == list(range(9, -1, -1))[:count]
    assert len(table) == max(0, 10 - count)
