"""Items leave the queue in the order of arrival, or when their time is over."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.upstream.queue import BoundedQueue
from gateway.settings.values.balancing import QueueLimits


def test_the_size_of_the_queue_is_limited() -> None:
    queue: BoundedQueue[int] = BoundedQueue(QueueLimits(2, 1.0))

    assert [queue.join(number, 0.0) for number in range(3)] == [True, True, False]
    assert queue.next() == 0
    assert queue.join(3, 0.0)


def test_an_empty_queue_has_no_next() -> None:
    queue: BoundedQueue[int] = BoundedQueue(QueueLimits(2, 1.0))

    assert queue.next() is None
    assert queue.late(100.0) == []


def test_those_whose_time_is_over_are_removed() -> None:
    queue: BoundedQueue[int] = BoundedQueue(QueueLimits(9, 1.0))
    for number in range(3):
        queue.join(number, number * 0.5)

    assert queue.late(0.9) == []
    assert queue.late(1.5) == [0, 1]
    assert queue.next() == 2


@given(st.lists(st.booleans(), max_size=9))
def test_those_who_are_gone_are_removed_and_the_others_keep_their_order(gone: list[bool]) -> None:
    queue: BoundedQueue[int] = BoundedQueue(QueueLimits(9, 1.0))
    for number in range(len(gone)):
        queue.join(number, 0.0)

    assert queue.drop(gone.__getitem__) == [n for n, is_gone in enumerate(gone) if is_gone]
    assert queue.late(1.0) == [n for n, is_gone in enumerate(gone) if not is_gone]


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("jnl"), st.floats(0, 1)), max_size=80),
)
def test_each_leaves_exactly_once_in_the_order_of_arrival(
    size: int, events: list[tuple[str, float]]
) -> None:
    queue: BoundedQueue[int] = BoundedQueue(QueueLimits(size, 1.0))
    joined: list[int] = []
    left: list[int] = []
    now = 0.0

    for number, (event, pause) in enumerate(events):
        now += pause
        if event == "j" and queue.join(number, now):
            joined.append(number)
        elif event == "n" and (first := queue.next()) is not None:
            left.append(first)
        elif event == "l":
            left += queue.late(now)
        assert len(queue) <= size

    left += queue.late(now + 2)
    assert left == joined
