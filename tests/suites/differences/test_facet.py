"""What a part says, in a form that can be compared."""

from gateway.settings.text.fault import Place
from gateway.suites.differences.facet import Change, Facet, Statement, differing, same, summarise

A, B = Facet(1, "one"), Facet(1.0, "1.0")
TOLD = Statement("text", Place("gateway.yaml", 1, 1))


def test_parts_differ_where_values_do_whatever_the_text() -> None:
    assert same({"a": A}, {"a": B})
    assert list(differing({"a": A}, {"a": Facet(2, "one")})) == [("a", A, Facet(2, "one"))]


def test_what_only_one_of_them_has_differs() -> None:
    assert list(differing({"a": A, "b": B}, {"b": B, "c": A})) == [("a", A, None), ("c", None, A)]


def test_what_is_usual_goes_without_saying() -> None:
    facets = {"path": Facet("/a", "/a"), "hosts": Facet((), "any"), "mode": Facet("e", "enforce")}

    assert summarise(facets) == "path /a"


def test_a_change_is_in_one_word() -> None:
    assert Change("route", "a", "", None, TOLD).word == "added"
    assert Change("route", "a", "", TOLD, None).word == "removed"
    assert Change("route", "a", "path", TOLD, TOLD).word == "changed"
