"""A name is looked up periodically; its known addresses stay until there are others."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.lookup import MIN_PAUSE_SECONDS, UNKNOWN_PAUSE_SECONDS, Lookup

ADDRESSES = st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "::1"]), max_size=5)


def find(lookup: Lookup, *addresses: str, now: float = 0.0) -> bool:
    lookup.begin(now)
    return lookup.find(addresses, now, 0.5)


def test_a_name_is_due_at_once_and_then_periodically() -> None:
    lookup = Lookup(30.0)
    assert lookup.is_due(0.0)

    find(lookup, "10.0.0.1")

    assert not lookup.is_due(26.9)
    assert lookup.is_due(33.1)


def test_it_is_not_looked_up_twice_at_one_time() -> None:
    lookup = Lookup(30.0)
    lookup.begin(0.0)

    assert not lookup.is_due(1000.0)


def test_another_order_is_not_another_set() -> None:
    """Name servers rotate their lists with each response."""
    lookup = Lookup(30.0)

    assert find(lookup, "10.0.0.1", "10.0.0.2")
    assert not find(lookup, "10.0.0.2", "10.0.0.1")
    assert lookup.addresses == ("10.0.0.1", "10.0.0.2")


def test_removed_addresses_are_dropped_and_new_ones_added() -> None:
    lookup = Lookup(30.0)
    find(lookup, "10.0.0.1", "10.0.0.2")

    assert find(lookup, "10.0.0.3", "10.0.0.2", "10.0.0.2")
    assert lookup.addresses == ("10.0.0.2", "10.0.0.3")


def test_known_addresses_stay_while_the_name_does_not_resolve() -> None:
    lookup = Lookup(30.0)
    find(lookup, "10.0.0.1")

    lookup.begin(30.0)
    lookup.fail("no such name", 31.0, 0.5)
    assert (lookup.addresses, lookup.error) == (("10.0.0.1",), "no such name")
    assert not find(lookup, now=60.0)  # an answer without an address is none
    assert (lookup.addresses, lookup.error) == (("10.0.0.1",), "it has no address")


def test_an_unknown_name_is_looked_up_again_sooner() -> None:
    lookup = Lookup(30.0)
    lookup.begin(0.0)
    lookup.fail("no such name", 0.0, 0.5)

    assert lookup.due_at == UNKNOWN_PAUSE_SECONDS


def test_a_failed_connection_brings_a_look_up_forward_but_not_each_one() -> None:
    lookup = Lookup(30.0)
    find(lookup, "10.0.0.1", now=0.0)

    lookup.hurry()

    assert not lookup.is_due(MIN_PAUSE_SECONDS - 0.1)
    assert lookup.is_due(MIN_PAUSE_SECONDS)


@given(st.lists(ADDRESSES, max_size=20))
def test_there_is_always_an_address_after_the_first_one(answers: list[list[str]]) -> None:
    lookup = Lookup(30.0)

    for answer in answers:
        before = lookup.addresses
        changed = find(lookup, *answer)

        assert changed == (lookup.addresses != before)
        assert set(lookup.addresses) == (set(answer) or set(before))
        assert len(set(lookup.addresses)) == len(lookup.addresses)
