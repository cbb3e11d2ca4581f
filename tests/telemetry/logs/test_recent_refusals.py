"""Of many refusals the last are remembered, each by the id of its request."""

import json

import pytest

from gateway.telemetry.logs.recent_refusals import CAPACITY, RecentRefusals


def line(number: int, **members: object) -> bytes:
    # As the access log writes it: no space before a value.
    return json.dumps({"id": f"id-{number}", **members}, separators=(",", ":")).encode() + b"\n"


def test_a_refusal_is_found_by_the_id_of_its_request() -> None:
    recent = RecentRefusals()
    for number in range(5):
        recent.keep(line(number, reason=f"reason {number}"))

    found = recent.find("id-3")

    assert found == {"id": "id-3", "reason": "reason 3"}


def test_no_more_are_kept_than_the_capacity_says() -> None:
    recent = RecentRefusals(3)
    for number in range(5):
        recent.keep(line(number, x=1))

    assert [recent.find(f"id-{number}") is not None for number in range(5)] == [
        *(False, False),
        *(True, True, True),
    ]
    assert CAPACITY == 1000


@pytest.mark.parametrize("wanted", ["", "id-", "id-11", '"', 'id-1","path":"x', "\x00", "\ud800"])
def test_what_is_no_id_that_was_given_finds_nothing(wanted: str) -> None:
    recent = RecentRefusals()
    recent.keep(line(1, path='"id":"id-11",'))

    assert recent.find(wanted) is None
