"""Routes: the most specific one owns the request."""

from itertools import permutations

import pytest

from gateway.decision.routes.routing import (
    Match,
    NoMatch,
    Route,
    RouteConflict,
    RouteTable,
    find_conflicts,
)
from tests.decision.policies import numbered, route


def find(table: RouteTable, path: str, method: str = "GET", host: str = "h") -> str | NoMatch:
    """Return the name of the route that owns a request."""
    match = table.find(host, tuple(path.split("/")[1:]), method)
    return match.route.name if isinstance(match, Match) else match


UNKNOWN = NoMatch(())

PATHS = RouteTable(
    numbered(
        route(path)
        for path in (
            "/", "/orders", "/orders/*", "/orders/{id}", "/orders/{id}/items", "/orders/new",
            "/orders/new/*", "/orders/{id}/items/*", "/{one}/items", "/a%40b", "/deep/{x}/c",
            "/deep/b/{y}/d",
        )
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "/"),
        ("/orders", "/orders"),
        ("/orders/", "/orders/*"),
        ("/orders/7", "/orders/{id}"),
        ("/orders/new", "/orders/new"),
        ("/orders/new/", "/orders/new/*"),
        ("/orders/new/items", "/orders/new/*"),
        ("/orders/7/items", "/orders/{id}/items"),
        ("/orders/7/items/", "/orders/{id}/items/*"),
        ("/orders/7/items/8/9", "/orders/{id}/items/*"),
        ("/orders/7/other", "/orders/*"),
        ("/orders/a/b/c/d", "/orders/*"),
        ("/things/items", "/{one}/items"),
        ("/a@b", "/a%40b"),
        ("/deep/b/c", "/deep/{x}/c"),
        ("/deep/b/c/d", "/deep/b/{y}/d"),
        ("/deep/b/c/e", UNKNOWN),
        ("/deep", UNKNOWN),
        ("//items", UNKNOWN),
        ("/ORDERS", UNKNOWN),
        ("/order", UNKNOWN),
        ("/ordersx", UNKNOWN),
    ],
)
def test_literals_go_before_variables_and_exact_ends_before_prefixes(
    path: str, name: str | NoMatch
) -> None:
    """CVE-2026-27587, CVE-2020-8595."""
    assert find(PATHS, path) == name


def test_a_prefix_does_not_match_its_own_name_without_the_slash() -> None:
    table = RouteTable((route("/orders/*"),))

    assert find(table, "/orders") == UNKNOWN
    assert find(table, "/orders/") == find(table, "/orders/1/2") == "/orders/*"


def test_the_root_prefix_matches_every_path() -> None:
    table = RouteTable((route("/*"),))

    assert find(table, "/") == find(table, "/a") == find(table, "/a/b/") == "/*"


def test_a_variable_prefix_is_the_last_way_out() -> None:
    table = RouteTable(numbered([route("/a/*"), route("/a/{x}/b"), route("/a/{x}/*")]))

    assert find(table, "/a/1/b") == "/a/{x}/b"
    assert find(table, "/a/1/c") == "/a/{x}/*"
    assert find(table, "/a/1") == "/a/*"


def test_variables_have_their_decoded_values() -> None:
    table = RouteTable(
        numbered([route("/t/{tenant}/o/{id}"), route("/t/{x}/p", methods=frozenset({"GET"}))])
    )

    match = table.find("h", ["t", "a b", "o", "7"], "GET")

    assert isinstance(match, Match)
    assert match.variables == {"tenant": "a b", "id": "7"}


def test_routes_of_one_template_keep_their_own_variable_names() -> None:
    one, two = (
        route("/t/{a}", methods=frozenset({"GET"})),
        route("/t/{b}", methods=frozenset({"PUT"})),
    )
    table = RouteTable(numbered([one, two]))

    got, put = table.find("h", ("t", "1"), "GET"), table.find("h", ("t", "1"), "PUT")

    assert isinstance(got, Match)
    assert isinstance(put, Match)
    assert (got.variables, put.variables) == ({"a": "1"}, {"b": "1"})


METHODS = RouteTable(
    numbered(
        [
            route("/a", name="read", methods=frozenset({"GET", "HEAD"})),
            route("/a", name="write", methods=frozenset({"PUT"})),
            route("/b", name="read-b", methods=frozenset({"GET"})),
            route("/b", name="any-b"),
            route("/{x}", name="any-x"),
        ]
    )
)


@pytest.mark.parametrize(
    ("path", "method", "owner"),
    [
        ("/a", "GET", "read"),
        ("/a", "HEAD", "read"),
        ("/a", "PUT", "write"),
        ("/a", "POST", NoMatch(("GET", "HEAD", "PUT"))),
        ("/a", "get", NoMatch(("GET", "HEAD", "PUT"))),
        ("/b", "GET", "read-b"),
        ("/b", "HEAD", "any-b"),
        ("/c", "POST", "any-x"),
    ],
)
def test_the_path_is_found_first_and_the_method_picks_among_its_routes(
    path: str, method: str, owner: str | NoMatch
) -> None:
    """A method that the path's owner does not list is never answered by a looser route."""
    assert find(METHODS, path, method) == owner


HOSTS = RouteTable(
    numbered(
        [
            route("/a", name="exact", hosts=("api.example.com",)),
            route("/a", name="near", hosts=("*.b.example.com",)),
            route("/a", name="far", hosts=("*.example.com",)),
            route("/a", name="any"),
            route("/b", name="far-b", hosts=("*.example.com",), methods=frozenset({"GET"})),
            route("/b", name="any-b"),
            route("/c", name="any-c"),
            route("/d", name="both", hosts=("api.example.com", "*.example.com")),
        ]
    )
)


@pytest.mark.parametrize(
    ("host", "path", "owner"),
    [
        ("api.example.com", "/a", "exact"),
        ("www.example.com", "/a", "far"),
        ("x.y.example.com", "/a", "far"),
        ("x.b.example.com", "/a", "near"),
        ("x.y.b.example.com", "/a", "near"),
        ("b.example.com", "/a", "far"),
        ("example.com", "/a", "any"),
        ("notexample.com", "/a", "any"),
        ("", "/a", "any"),
        ("api.example.com", "/b", "far-b"),
        ("api.example.com", "/c", "any-c"),
        ("api.example.com", "/d", "both"),
        ("x.example.com", "/d", "both"),
        ("other.org", "/d", UNKNOWN),
    ],
)
def test_the_most_specific_host_that_knows_the_path_owns_it(
    host: str, path: str, owner: str | NoMatch
) -> None:
    assert find(HOSTS, path, host=host) == owner


def test_a_looser_host_never_answers_a_method_that_the_owner_refuses() -> None:
    assert find(HOSTS, "/b", "PUT", "api.example.com") == NoMatch(("GET",))


def test_the_order_of_the_routes_does_not_matter() -> None:
    some = [route("/a"), route("/{x}"), route("/*"), route("/a", hosts=("h",), name="host")]
    owners = {
        tuple(str(find(RouteTable(numbered(order)), path)) for path in ("/a", "/b", "/b/c"))
        for order in permutations(some)
    }

    assert owners == {("host", "/{x}", "/*")}


CONFLICTS = [
    (route("/a"), route("/a")),
    (route("/a/{x}"), route("/a/{y}")),
    (route("/a/*"), route("/a/*")),
    (route("/a", methods=frozenset({"GET", "PUT"})), route("/a", methods=frozenset({"PUT"}))),
    (route("/a", hosts=("h", "i")), route("/a", hosts=("i",))),
    (route("/%61"), route("/a")),
]


@pytest.mark.parametrize("pair", CONFLICTS)
def test_two_routes_that_tie_are_a_conflict(pair: tuple[Route, Route]) -> None:
    first, second = numbered(pair)

    assert find_conflicts((first, second)) == ((first, second),)
    with pytest.raises(RouteConflict, match="match the same requests") as conflict:
        RouteTable((first, second))
    assert (conflict.value.first, conflict.value.second) == (first, second)


def test_routes_that_differ_in_host_path_kind_or_method_do_not_tie() -> None:
    some = numbered(
        [
            route("/a"),
            route("/a", hosts=("h",)),
            route("/a", hosts=("*.h",)),
            route("/a/"),
            route("/a/*"),
            route("/a/{x}"),
            route("/a", methods=frozenset({"GET"})),
            route("/a", methods=frozenset({"PUT"})),
        ]
    )

    assert find_conflicts(some) == ()
    assert RouteTable(some).routes == some


def test_a_pair_that_ties_in_several_ways_is_named_once() -> None:
    first, second = numbered([route("/a", methods=frozenset({"GET", "PUT"}), hosts=("h", "i"))] * 2)

    assert find_conflicts((first, second)) == ((first, second),)


def test_methods_that_are_not_known_are_told_each_time() -> None:
    table = RouteTable([route("/a", methods=frozenset({"PUT", "GET"}))])

    for _ in range(2):
        found = table.find("h", ["a"], "DELETE")
        assert isinstance(found, NoMatch)
        assert found.methods == ("GET", "PUT")


def test_a_route_does_not_tie_with_itself() -> None:
    """Whoever names a host twice has one route all the same."""
    one = route("/a", hosts=("h", "h"))

    assert RouteTable([one]).routes == (one,)


def question(number: int) -> tuple[bytes, str, str]:
    return f"/{number}".encode(), "h", "GET"


def test_an_answer_is_recalled_for_its_own_question_alone() -> None:
    table = RouteTable((route("/a"),))
    match = table.find("h", ("a",), "GET")
    assert isinstance(match, Match)

    table.remember((b"/a", "h", "GET"), match)

    assert table.recall((b"/a", "h", "GET")) is match
    for other in ((b"/A", "h", "GET"), (b"/a", "i", "GET"), (b"/a", "h", "PUT")):
        assert table.recall(other) is None


def recall(table: RouteTable, number: int) -> Match | None:
    return table.recall(question(number)) or table.recall_older(question(number))


def test_what_a_client_can_make_a_table_remember_is_bounded() -> None:
    table = RouteTable((route("/{x}"),))
    match = table.find("h", ("a",), "GET")
    assert isinstance(match, Match)

    for number in range(10_000):
        table.remember(question(number), match)
        assert table.recall(question(number)) is match

    assert sum(recall(table, number) is not None for number in range(10_000)) <= 4096


def test_a_path_in_use_stays_remembered_whatever_paths_a_stranger_makes_up() -> None:
    """Before, the four thousandth made-up path made a table forget all others."""
    table = RouteTable((route("/{x}"),))
    match = table.find("h", ("a",), "GET")
    assert isinstance(match, Match)
    table.remember(question(-1), match)

    for number in range(10_000):
        table.remember(question(number), match)
        if number % 1000 == 0:
            assert recall(table, -1) is match


@pytest.mark.parametrize(("length", "kept"), [(255, True), (256, True), (257, False)])
def test_a_path_that_is_too_long_to_come_again_is_not_remembered(length: int, kept: bool) -> None:
    table = RouteTable((route("/{x}"),))
    match = table.find("h", ("a",), "GET")
    assert isinstance(match, Match)
    long = (b"/" + b"a" * (length - 1), "h", "GET")

    table.remember(long, match)

    assert (table.recall(long) is match) is kept


def test_a_match_that_takes_much_memory_is_not_remembered() -> None:
    table = RouteTable((route("/{x}"),))
    match = table.find("h", ("a",), "GET")
    assert isinstance(match, Match)

    table.remember(question(1), match._replace(other_variables=({"x": "b"},)))

    assert table.recall(question(1)) is None


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, False),
        ({"allow_encoded_slash": True}, True),
        ({"allow_semicolon": True}, True),
    ],
)
def test_a_table_knows_whether_any_route_allows_odd_paths(
    changes: dict[str, bool], allowed: bool
) -> None:
    table = RouteTable(numbered([route("/a"), route("/b", **changes)]))

    assert table.allows_odd_paths is allowed
