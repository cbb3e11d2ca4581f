"""Each path and rule of a description is a route, and what is none is said."""

from gateway.cli.init.planned_routes import Plan, plan_api, plan_everything
from gateway.openapi.api import Access
from tests.openapi.apis import SHOP, read, with_paths


def plan(text: str) -> Plan:
    return plan_api(read(text))


def test_operations_of_one_path_with_one_rule_are_one_route() -> None:
    made = plan(with_paths("/a: {get: {operationId: x}, put: {}, post: {security: []}}"))

    assert [(one.name, one.methods) for one in made.routes] == [
        ("get-put-a", ("GET", "PUT")),
        ("post-a", ("POST",)),
    ]
    assert made.routes[0].comments[0] == "GET api.yaml:4, PUT api.yaml:4"


def test_names_are_those_of_operations_and_differ() -> None:
    made = plan(
        with_paths(
            "/a: {get: {operationId: 'a b'}}\n/b: {get: {operationId: a/b}}\n/{ü}: {get: {}}\n"
            "/c: {get: {operationId: '!'}}"
        )
    )

    assert [one.name for one in made.routes] == ["a-b", "a-b-2", "get", "route"]


def test_what_is_public_or_not_said_is_loud() -> None:
    made = plan(with_paths("/a: {get: {security: []}}\n/b: {get: {}}"))

    assert made.routes[0].comments[1].startswith("!!! PUBLIC: anyone may call this")
    assert "does not say who may call this" in made.routes[1].comments[1]
    assert made.notes == (
        "routes that are public, without a token: 1 of 2",
        "routes for any valid token, because the description has no `security` there: 1 of 2",
    )


def test_what_the_gateway_does_not_check_has_no_route_and_is_said() -> None:
    made = plan(SHOP)

    assert not [one for one in made.routes if one.security.access is Access.UNCOVERED]
    assert made.remarks == (
        "NOT COVERED: GET /v1/reports (api.yaml:27) needs `key` (apiKey), which the gateway does"
        " not check. Its requests are refused until you write a route.",
    )
    assert made.notes[-1] == "operations without a route: 1; the file says which, and why"


def test_an_alternative_that_the_gateway_does_not_check_is_said() -> None:
    text = with_paths("/a: {get: {security: [{login: []}, {key: []}]}}").replace(
        "securitySchemes: {", "securitySchemes: {key: {type: apiKey, in: query, name: k}, "
    )
    (route,) = plan(text).routes

    assert "`key` (apiKey), which the gateway does not check" in route.comments[1]


def test_an_operation_that_no_route_can_have_is_a_remark() -> None:
    (remark,) = plan(with_paths("/a: {get: {}}\n/a?b: {get: {}}")).remarks

    assert remark.startswith("LEFT OUT: GET /a?b (api.yaml:5): its path has a query")


def test_a_path_that_is_wider_than_written_is_said() -> None:
    (route,) = plan(with_paths("/a/{b}.json: {get: {}}")).routes

    assert route.path == "/a/{b}"
    assert "this owns more paths than /a/{b}.json" in route.comments[-1]


def test_without_a_description_one_route_needs_one_of_the_scopes() -> None:
    (route,) = plan_everything(["a", "b"]).routes
    (open_to_all,) = plan_everything([]).routes

    assert (route.path, route.is_prefix, route.methods) == ("/", True, ())
    assert route.security.alternatives == (frozenset("a"), frozenset("b"))
    assert open_to_all.security.alternatives == (frozenset(),)


KEY = "securitySchemes: {key: {type: apiKey, in: query, name: k}, "


def refused(paths: str) -> list[tuple[str, tuple[str, ...]]]:
    made = plan(with_paths(paths).replace("securitySchemes: {", KEY))
    return [
        (one.path, one.methods) for one in made.routes if one.security.access is Access.UNCOVERED
    ]


def test_a_public_route_never_owns_what_needs_credentials_that_are_not_checked() -> None:
    found = refused(
        "/users/{id}: {get: {security: []}, put: {}}\n"
        "/users/me: {get: {security: [{key: []}]}, head: {security: [{key: []}]}}\n"
        "/users/me/keys: {get: {security: [{key: []}]}}"
    )

    assert found == [("/users/me", ("GET",)), ("/users/me", ("HEAD",))]


def test_a_public_route_never_owns_what_no_route_can_tell_apart() -> None:
    found = refused(
        "/{a}/{b}: {get: {security: []}}\n"
        "/f/{n}: {get: {security: [{login: [a]}]}}\n/f/{n}.json: {get: {}}"
    )

    assert found == [("/f/{n}", ("GET",))]


def test_a_wider_path_never_takes_requests_of_an_operation_with_another_rule() -> None:
    paths = "/v{n}/admin: {get: {security: []}}\n/{tenant}/{id}: {get: {security: [{login: [a]}]}}"

    assert refused(paths) == [("/{n}/admin", ("GET",))]
    (remark,) = plan(with_paths(paths)).remarks
    assert "its route would own requests of GET /{tenant}/{id}, with another rule" in remark


def test_nothing_is_refused_that_no_route_would_own() -> None:
    assert not refused(
        "/users/{id}: {get: {security: []}}\n/users/me: {post: {security: [{key: []}]}}\n"
        "/orders/me: {get: {security: [{key: []}]}}\n/{a}/x: {get: {security: [{key: []}]}}"
    )
