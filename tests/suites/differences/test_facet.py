"""What a part says, in a form that can be compared."""

from gateway.settings.text.fault import Place
from gateway.suites.differences.facet import (
    Change,
    Facet,
    Kind,
    Statement,
    differing,
    judge,
    same,
    summarise,
)
from gateway.suites.differences.judges import by_requests, rises

A, B = Facet(1, "one", by_requests), Facet(1.0, "1.0", by_requests)
TWO = Facet(2, "one", rises())
TOLD = Statement("text", Place("gateway.yaml", 1, 1))


def test_parts_differ_where_values_do_whatever_the_text() -> None:
    assert same({"a": A}, {"a": B})
    assert list(differing({"a": A}, {"a": TWO})) == [("a", A, TWO)]


def test_what_only_one_of_them_has_differs() -> None:
    assert list(differing({"a": A, "b": B}, {"b": B, "c": A})) == [("a", A, None), ("c", None, A)]


def test_what_is_usual_goes_without_saying() -> None:
    facets = {
        "path": Facet("/a", "/a", by_requests),
        "hosts": Facet((), "any", by_requests),
        "mode": Facet("e", "enforce", by_requests),
    }

    assert summarise(facets) == "path /a"


def test_a_change_is_in_one_word() -> None:
    assert Change("route", "a", "", None, TOLD).word == "added"
    assert Change("route", "a", "", TOLD, None).word == "removed"
    assert Change("route", "a", "path", TOLD, TOLD).word == "changed"


def test_the_new_side_judges_and_the_old_one_if_there_is_no_new_one() -> None:
    assert judge(A, TWO) == {Kind.LOOSENED}
    assert judge(TWO, None) == {Kind.LOOSENED}
    assert judge(TWO, A) == frozenset()
