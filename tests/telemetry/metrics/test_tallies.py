"""What two counted by name is counted together, and only in one of them."""

from gateway.telemetry.metrics.tallies import add_tallies


def test_what_both_counted_adds_up() -> None:
    ours, theirs = {"a": 1, "b": 2}, {"b": 3, "c": 4}

    add_tallies(ours, theirs)

    assert ours == {"a": 1, "b": 5, "c": 4}
    assert theirs == {"b": 3, "c": 4}


def test_what_is_added_to_itself_is_twice_as_much() -> None:
    ours = {"a": 1}

    add_tallies(ours, ours)

    assert ours == {"a": 2}
