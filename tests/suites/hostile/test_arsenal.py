"""All attacks on a route, in one order."""

from gateway.suites.files.attack_names import NAMES
from gateway.suites.hostile.arsenal import change_requests, forge_tokens
from gateway.suites.hostile.control import Control


def test_all_attacks_are_tried_in_the_same_order_again(order: Control) -> None:
    first, second = (
        [
            (one.name, one.variant, one.shown)
            for one in (*change_requests(order, []), *forge_tokens(order))
        ]
        for _ in range(2)
    )

    assert first == second
    assert len(set(first)) == len(first)


def test_each_states_what_it_is_refused_for_and_where_it_was_seen(order: Control) -> None:
    for one in (*change_requests(order, []), *forge_tokens(order)):
        assert one.reasons, one.name
        assert one.source, one.name
        assert one.name in NAMES
