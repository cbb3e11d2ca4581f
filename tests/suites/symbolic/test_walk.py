"""The walk through two tables at once."""

import pytest

from gateway.decision.browser import LoginRule
from gateway.suites.symbolic.tries import HostTries
from gateway.suites.symbolic.walk import TooManyStepsError, Walk
from tests.suites.symbolic.tables import named


def walk(old: list[str], new: list[str], max_steps: int = 1000) -> Walk:
    tables = ([named(path, path) for path in paths] for paths in (old, new))
    return Walk(HostTries(next(tables)), HostTries(next(tables)), lambda *_: False, max_steps)


def test_hosts_come_from_the_least_specific_on() -> None:
    old = HostTries([named("a", "/a", hosts=["h.example", "*.a.example"])])
    new = HostTries([named("a", "/a", hosts=["*.example"])])

    found = Walk(old, new, lambda *_: False).hosts()

    assert found == ["", ".example", ".a.example", "h.example"]


def test_any_segment_stands_for_all_that_lead_nowhere_else() -> None:
    found = [one.path for one in walk(["/t/{x}", "/t/a"], ["/t/{x}"]).meetings("")]

    assert found == [("t", None), ("t", "a")]


def test_a_host_meets_only_what_less_specific_ones_do_not() -> None:
    table = [named("any", "/{x}/a"), named("own", "/h/{x}", hosts=["h.example"])]
    both = Walk(HostTries(table), HostTries(table), lambda *_: False)

    assert [one.path for one in both.meetings("h.example")] == [("h", None)]


def test_routes_with_a_login_are_met_on_each_host_by_session() -> None:
    rule = LoginRule("staff", frozenset(), frozenset())
    table = [
        named("any", "/{x}/a", login=(rule,)),
        named("without", "/b/c"),
        named("own", "/h/{x}", hosts=["h.example"], login=(rule,)),
    ]
    both = Walk(HostTries(table), HostTries(table), lambda *_: False)

    found = [one.path for one in both.meetings("h.example", by_session=True)]

    assert found == [(None, "a"), ("h", None)]


def test_hosts_that_share_a_trie_do_not_walk_it_again() -> None:
    """Two hundred hosts with a route, and two hundred routes for any host: no product of these."""
    table = [
        *(named(f"h{n}", "/{x}/own", hosts=[f"h{n}.example"]) for n in range(200)),
        *(named(f"any{n}", f"/any-{n}/{{x}}/y") for n in range(200)),
    ]
    both = Walk(HostTries(table), HostTries(table), lambda *_: False, max_steps=5000)

    assert sum(1 for host in both.hosts() for _ in both.meetings(host)) == 400


def test_a_walk_ends_after_so_many_steps_and_names_where() -> None:
    names = [f"/{number}" for number in range(100)]

    with pytest.raises(TooManyStepsError) as raised:
        list(walk(names, names, max_steps=10).meetings(""))

    assert raised.value.leaf is not None
    assert [route.name for route in raised.value.leaf.routes()] == ["/0"]
