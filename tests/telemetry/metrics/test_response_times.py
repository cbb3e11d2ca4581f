"""How long responses took, by method and status, in labels that nobody outside can multiply."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.metrics.response_times import DURATION_BOUNDS, ResponseTimes

Seen = list[tuple[str, int, float]]

METHODS = st.sampled_from(["GET", "POST", "PROPFIND", "", "get"])
STATUSES = st.sampled_from([200, 404, 599, 600, 99, 0, -1])
SEEN: st.SearchStrategy[Seen] = st.lists(st.tuples(METHODS, STATUSES, st.floats(0, 20)))


def fill(seen: Seen) -> ResponseTimes:
    times = ResponseTimes()
    for method, status, seconds in seen:
        times.observe(method, status, seconds)
    return times


def counts_of(times: ResponseTimes) -> dict[tuple[str, str], list[int]]:
    return {(method, status): one.counts for method, status, one in times.rows()}


def test_responses_are_told_apart_by_method_and_status() -> None:
    times = fill([("GET", 200, 0.02), ("GET", 200, 0.02), ("GET", 404, 0.02), ("PUT", 200, 0.02)])

    assert {labels: sum(counts) for labels, counts in counts_of(times).items()} == {
        ("GET", "200"): 2,
        ("GET", "404"): 1,
        ("PUT", "200"): 1,
    }
    assert counts_of(times)["GET", "200"].index(2) == DURATION_BOUNDS.index(0.025)


def test_whatever_clients_ask_and_services_answer_the_labels_stay_few() -> None:
    odd = [f"M{number}" for number in range(1000)]
    times = fill([(method, status, 0.1) for method in odd for status in (0, 99, 600, 999, -1)])

    assert [labels for labels, _ in counts_of(times).items()] == [("_OTHER", "other")]
    assert sum(counts_of(times)["_OTHER", "other"]) == 5000


def test_what_was_no_request_has_another_method() -> None:
    assert list(counts_of(fill([("", 400, 0.1)]))) == [("_OTHER", "400")]


@given(SEEN, SEEN)
def test_two_add_up_to_what_one_would_have_counted(ones: Seen, others: Seen) -> None:
    times = fill(ones)

    times.add(fill(others))

    assert counts_of(times) == counts_of(fill(ones + others))
