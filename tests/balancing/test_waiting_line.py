"""Those who wait are served in the order in which they came, or leave when their time is over."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.waiting_line import WaitingLine
from gateway.settings.values.balancing import QueueLimits


def test_there_is_room_for_so_many_and_no_more() -> None:
    line: WaitingLine[int] = WaitingLine(QueueLimits(2, 1.0))

    assert [line.join(number, 0.0) for number in range(3)] == [True, True, False]
    assert line.next() == 0
    assert line.join(3, 0.0)


def test_nobody_is_next_where_nobody_waits() -> None:
    line: WaitingLine[int] = WaitingLine(QueueLimits(2, 1.0))

    assert line.next() is None
    assert line.late(100.0) == []


def test_those_whose_time_is_over_leave() -> None:
    line: WaitingLine[int] = WaitingLine(QueueLimits(9, 1.0))
    for number in range(3):
        line.join(number, number * 0.5)

    assert line.late(0.9) == []
    assert line.late(1.5) == [0, 1]
    assert line.next() == 2


@given(st.lists(st.booleans(), max_size=9))
def test_those_who_are_gone_leave_and_the_others_wait_on_in_order(gone: list[bool]) -> None:
    line: WaitingLine[int] = WaitingLine(QueueLimits(9, 1.0))
    for number in range(len(gone)):
        line.join(number, 0.0)

    assert line.drop(gone.__getitem__) == [n for n, is_gone in enumerate(gone) if is_gone]
    assert line.late(1.0) == [n for n, is_gone in enumerate(gone) if not is_gone]


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("jnl"), st.floats(0, 1)), max_size=80),
)
def test_each_leaves_exactly_once_in_the_order_in_which_they_came(
    size: int, events: list[tuple[str, float]]
) -> None:
    line: WaitingLine[int] = WaitingLine(QueueLimits(size, 1.0))
    joined: list[int] = []
    left: list[int] = []
    now = 0.0

    for number, (event, pause) in enumerate(events):
        now += pause
        if event == "j" and line.join(number, now):
            joined.append(number)
        elif event == "n" and (first := line.next()) is not None:
            left.append(first)
        elif event == "l":
            left += line.late(now)
        assert len(line) <= size

    left += line.late(now + 2)
    assert left == joined
