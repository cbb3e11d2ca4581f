"""Tries of a route table that can be walked."""

from gateway.suites.symbolic.tries import HostTries, hosts_around
from tests.suites.symbolic.tables import named


def test_a_host_has_its_own_trie_those_of_wildcards_around_it_and_that_of_any() -> None:
    tries = HostTries(
        [
            named("any", "/a"),
            named("near", "/a", hosts=["*.b.example"]),
            named("far", "/a", hosts=["*.example"]),
            named("own", "/a", hosts=["a.b.example"]),
        ]
    )

    assert [root.host for root in tries.levels("a.b.example")] == [
        "a.b.example",
        ".b.example",
        ".example",
        "",
    ]
    assert [root.host for root in tries.levels(".b.example")] == [".b.example", ".example", ""]
    assert [root.host for root in tries.levels("other.test")] == [""]


def test_what_is_around_any_host_is_nothing() -> None:
    assert not list(hosts_around(""))


def test_templates_that_differ_in_names_only_share_a_leaf() -> None:
    first, second = named("get", "/a/{x}", "GET"), named("rest", "/a/{y}")
    (leaf,) = HostTries([first, second]).leaves()

    assert (leaf.owner("GET"), leaf.owner("POST"), leaf.owner(None)) == (first, second, second)
    assert list(leaf.routes()) == [first, second]


def test_a_leaf_is_marked_with_its_literals() -> None:
    """All but an empty one: no other segment leads to where that one does."""
    leaves = HostTries([named("r", "/a/{x}/b/"), named("s", "/{x}/*")]).leaves()

    assert {next(leaf.routes()).name: leaf.marks for leaf in leaves} == {"r": 0b101, "s": 0}
