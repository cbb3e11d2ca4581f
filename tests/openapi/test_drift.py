"""What a configuration does differently from a description, and nothing else."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.routes.routing import Match, Route
from gateway.openapi.api import Access, Operation
from gateway.openapi.drift import Drift, Finding, What, find_drift
from gateway.suites.differences.facet import Kind
from tests.openapi.apis import read, with_paths
from tests.openapi.gateways import load

AT = 1_800_000_000.0


def drift(paths: str, *routes: str, rest: str = "", more: str = "") -> Drift:
    return find_drift(read(with_paths(paths, rest)), load(*routes, more=more), AT)


def route(match: str, access: str, name: str = "r") -> str:
    return f"{{name: {name}, match: {{{match}}}, upstream: api, {access}}}"


def needs(*scopes: str) -> str:
    return f"require: {{scopes: [{', '.join(scopes)}]}}"


def op(rule: str) -> str:
    return f"{{security: {rule}}}"


def kinds(found: Drift) -> list[tuple[str, str | None, str]]:
    return [
        (one.what.value, None if one.kind is None else one.kind.value, one.subject)
        for one in found.findings
    ]


def test_a_route_that_refuses_every_token_serves_nothing_that_is_not_described() -> None:
    """`gateway init` guards with it what it cannot describe."""
    nobody = "require: {scopes: {all: [refused, {none: [refused]}]}}"
    described = "/a: {get: {security: []}}"
    found = drift(
        described,
        route("path: /a, methods: [GET]", "public: true"),
        route("path: /b", nobody, "closed"),
        route("path: /c", "require: {}", "open"),
    )

    assert kinds(found) == [("undescribed", "opened", "route open")]


@pytest.mark.parametrize(
    ("rule", "access"),
    [
        ("[]", "public: true"),
        ("[{}]", "public: true"),
        ("[{login: []}]", "require: {}"),
        ("[{login: [a]}]", needs("a")),
        ("[{login: [a, b]}]", needs("b", "a")),
        ("[{login: [a]}, {login: [b]}]", "require: {scopes: {any: [b, a]}}"),
        ("[{login: [a]}, {}]", "require: {optional: true, scopes: [a]}"),
        ("[{}, {login: []}]", "public: true"),
        # What OpenAPI cannot say is no difference.
        ("[{login: [a]}]", "require: {scopes: [a], claims: {tenant: {equals: x}}}"),
        ("[{login: [a]}]", "require: {scopes: [a], max_age: 5m, audiences: [orders]}"),
    ],
)
def test_equal_rules_are_no_difference(rule: str, access: str) -> None:
    found = drift(f"/a: {{get: {op(rule)}}}", route("path: /a, methods: [GET, HEAD]", access))

    assert kinds(found) == []
    assert (found.operations, found.routes) == (1, 1)


@pytest.mark.parametrize(
    ("rule", "access", "expected"),
    [
        ("[{login: [a]}]", "public: true", [("public", "opened")]),
        ("[{login: [a]}]", "require: {optional: true, scopes: [a]}", [("public", "opened")]),
        ("[{login: [a]}]", "mode: report, require: {scopes: [a]}", [("public", "opened")]),
        ("[]", "require: {}", [("public", "closed")]),
        ("[{}, {login: []}]", "require: {}", [("public", "closed")]),
        ("[{login: [a]}]", "require: {}", [("scopes", "opened")]),
        ("[{login: []}]", needs("a"), [("scopes", "closed")]),
        ("[{login: [a]}]", needs("b"), [("scopes", "opened"), ("scopes", "closed")]),
        ("[{login: [a, b]}]", needs("a"), [("scopes", "opened")]),
        ("[{login: [a]}]", "require: {scopes: {any: [a, b]}}", [("scopes", "opened")]),
        ("[{login: [a]}, {login: [b]}]", needs("a"), [("scopes", "closed")]),
        ("[{login: [a]}]", "require: {scopes: [a, {none: [b]}]}", [("scopes", "closed")]),
    ],
)
def test_other_rules_are_told_with_what_they_mean(
    rule: str, access: str, expected: list[tuple[str, str]]
) -> None:
    found = drift(f"/a: {{get: {op(rule)}}}", route("path: /a, methods: [GET]", access))

    assert kinds(found) == [(*one, "GET /a") for one in expected]


def test_a_difference_has_both_places_a_request_and_a_caller() -> None:
    found = drift(
        "/a: {get: {security: [{login: [read]}]}}", route("path: /a, methods: [GET]", needs("list"))
    )

    opened, closed = found.findings
    assert isinstance(opened, Finding)
    assert (opened.described, opened.configured) == (
        "a token with read",
        "a token with list (route r)",
    )
    assert opened.described_at.line == 4
    assert opened.configured_at.line == 7
    assert opened.request.endswith("/a")
    assert ("list" in opened.caller, "read" in closed.caller) == (True, True)


def test_scopes_that_others_imply_count() -> None:
    found = drift(
        "/a: {get: {security: [{login: [read]}]}}",
        route("path: /a, methods: [GET]", "require: {scopes: {any: [read, write]}}"),
        more="scope_implies: {write: [read]}\n",
    )

    assert kinds(found) == []


def test_forty_alternatives_are_compared_exactly() -> None:
    names = [f"s{number}" for number in range(40)]
    rule = ", ".join(f"{{login: [{name}]}}" for name in names)
    any_of = f"require: {{scopes: {{any: [{', '.join(names)}]}}}}"
    one_more = any_of.replace("s39]", "s39, s40]")

    same = drift(f"/a: {{get: {op(f'[{rule}]')}}}", route("path: /a, methods: [GET]", any_of))
    wider = drift(f"/a: {{get: {op(f'[{rule}]')}}}", route("path: /a, methods: [GET]", one_more))

    assert kinds(same) == []
    assert kinds(wider) == [("scopes", "opened", "GET /a")]


def test_head_is_described_as_get_is_and_told_once() -> None:
    with_head = drift("/a: {get: {}}", route("path: /a, methods: [GET, HEAD]", "public: true"))
    alone = drift(
        "/a: {get: {}}",
        route("path: /a, methods: [GET]", "require: {}"),
        route("path: /a, methods: [HEAD]", "public: true", "head"),
    )

    assert kinds(with_head) == [("public", "opened", "GET /a")]
    assert with_head.findings[0].request.startswith("GET ")
    assert kinds(alone) == [("public", "opened", "GET /a")]
    assert alone.findings[0].request.startswith("HEAD ")


def test_an_operation_without_a_route_is_unreachable_at_its_line() -> None:
    found = drift(
        "/a: {get: {}}\n/b: {get: {}, put: {}}", route("path: /b, methods: [GET]", "require: {}")
    )

    assert kinds(found) == [
        ("unreachable", "closed", "GET /a"),
        ("unreachable", "closed", "PUT /b"),
    ]
    assert [one.described_at.line for one in found.findings] == [4, 5]


def test_an_operation_that_is_only_partly_reachable_is_told() -> None:
    """A more specific route for another method takes the path (RFC 9110 §15.5.6)."""
    found = drift(
        "/a/{x}: {get: {}}",
        route("path: '/a/{x}', methods: [GET]", "require: {}"),
        route("path: /a/b, methods: [GET]", "require: {}", "b").replace("GET", "PUT"),
    )

    assert ("unreachable", "closed", "GET /a/{x}") in kinds(found)
    assert ("undescribed", "opened", "route b") in kinds(found)


@pytest.mark.parametrize(
    ("match", "example"),
    [
        ("path_prefix: /a/", "/a/some-"),
        ("path: /a", "PUT "),
        ("path: /b, methods: [GET]", "GET "),
        ("path: '/{any}', methods: [GET]", "GET "),
    ],
)
def test_a_route_with_requests_of_no_operation_is_told_with_one(match: str, example: str) -> None:
    found = drift("/a: {get: {}, post: {}}", route(match, "require: {}"))

    (one,) = [one for one in found.findings if one.what is What.UNDESCRIBED]
    assert (one.kind, one.subject) == (Kind.OPENED, "route r")
    assert example in one.request or example == "PUT "


def test_routes_beside_the_servers_of_the_description_are_not_its_affair() -> None:
    found = drift(
        "/a: {get: {}}",
        route("path: /v1/a, methods: [GET]", "require: {}"),
        route("path_prefix: /v2/", "public: true", "other"),
        rest="servers: [{url: /v1}]\n",
    )

    assert kinds(found) == []


def test_routes_on_other_hosts_are_not_its_affair() -> None:
    found = drift(
        "/a: {get: {}}",
        route("path: /a, methods: [GET], hosts: [a.example]", "require: {}"),
        route("path_prefix: /, hosts: [b.example]", "public: true", "other"),
        rest="servers: [{url: 'https://a.example'}, {url: 'https://staging.example'}]\n",
    )

    assert kinds(found) == []


def test_a_public_path_inside_of_an_operation_is_found() -> None:
    """A literal route takes requests that the description gives to a guarded operation."""
    found = drift(
        "/a/{x}: {get: {security: [{login: [read]}]}}",
        route("path: '/a/{x}', methods: [GET]", needs("read")),
        route("path: /a/b, methods: [GET]", "public: true", "hole"),
    )

    assert kinds(found) == [("public", "opened", "GET /a/{x}")]
    assert found.findings[0].request.endswith("/a/b")
    assert found.findings[0].configured == "public (route hole)"


def test_what_the_description_does_not_say_may_be_guarded_and_not_public() -> None:
    guarded = drift("/a: {get: {}}", route("path: /a, methods: [GET]", needs("a")))
    public = drift("/a: {get: {}}", route("path: /a, methods: [GET]", "public: true"))

    assert kinds(guarded) == []
    assert kinds(public) == [("public", "opened", "GET /a")]


def test_what_the_gateway_does_not_check_is_a_note() -> None:
    text = with_paths("/a: {get: {security: [{key: []}]}}").replace(
        "securitySchemes: {", "securitySchemes: {key: {type: apiKey, in: query, name: k}, "
    )

    public = find_drift(read(text), load(route("path: /a, methods: [GET]", "public: true")), AT)
    guarded = find_drift(read(text), load(route("path: /a, methods: [GET]", "require: {}")), AT)

    assert kinds(public) == []
    assert public.notes == (
        "GET /a (api.yaml:4): not compared: `key` (apiKey), which the gateway does not check",
    )
    assert kinds(guarded) == [("public", "closed", "GET /a")]


@pytest.mark.parametrize(
    ("security", "notes"),
    [
        (
            "[{key: [], login: [read]}]",
            (
                "GET /a (api.yaml:4): compared by the token alone: the gateway does not check"
                " `key` (apiKey), which is needed with it",
            ),
        ),
        (
            "[{key: []}, {login: [read]}]",
            (
                "GET /a (api.yaml:4): not compared: `key` (apiKey), which the gateway does not"
                " check",
            ),
        ),
    ],
)
@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (needs("read"), []),
        ("public: true", [("public", "opened", "GET /a")]),
        ("require: {}", [("scopes", "opened", "GET /a")]),
    ],
)
def test_a_key_besides_a_token_is_a_note_and_the_token_is_compared(
    security: str, notes: tuple[str, ...], rule: str, found: list[tuple[str, str, str]]
) -> None:
    text = with_paths(f"/a: {{get: {{security: {security}}}}}").replace(
        "securitySchemes: {", "securitySchemes: {key: {type: apiKey, in: query, name: k}, "
    )

    compared = find_drift(read(text), load(route("path: /a, methods: [GET]", rule)), AT)

    assert (kinds(compared), compared.notes) == (found, notes)


def test_a_finding_says_what_is_needed_with_the_token() -> None:
    text = with_paths("/a: {get: {security: [{key: [], login: [read]}]}}").replace(
        "securitySchemes: {", "securitySchemes: {key: {type: apiKey, in: query, name: k}, "
    )

    found = find_drift(read(text), load(route("path: /a, methods: [GET]", "public: true")), AT)

    assert found.findings[0].described == "a token with read and `key` (apiKey)"


SEGMENTS = st.sampled_from(["a", "b", "{x}", "{y}"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=2).map(
    lambda parts: (
        "/" + "/".join(f"{{v{n}}}" if one[0] == "{" else one for n, one in enumerate(parts))
    )
)
METHODS = st.sets(st.sampled_from(["GET", "PUT"]), min_size=1)
RULES = st.sampled_from(
    ["[]", "[{login: []}]", "[{login: [a]}]", "[{login: [b]}]", "[{}, {login: [a]}]"]
)
ACCESSES = st.sampled_from(
    [
        "public: true",
        "require: {}",
        needs("a"),
        needs("b"),
        "require: {optional: true, scopes: [a]}",
    ]
)


def lets_in(route: Route, scopes: frozenset[str] | None) -> bool:
    if route.public or route.optional:
        return True  # a token need not be sent
    return scopes is not None and (route.scopes is None or route.scopes.holds(scopes))


def may_call(operation: Operation | None, scopes: frozenset[str] | None) -> bool:
    if operation is None:
        return False
    rule = operation.security
    if rule.access is Access.PUBLIC or rule.is_optional:
        return True
    return scopes is not None and any(one <= scopes for one in rule.alternatives)


def operation_of(operations: list[Operation], method: str, path: str) -> Operation | None:
    """Return the operation of a request as OpenAPI has it: concrete before templated."""
    parts = path.split("/")
    fits = [
        one
        for one in operations
        if len(one.path.split("/")) == len(parts)
        and all(p[:1] == "{" or p == q for p, q in zip(one.path.split("/"), parts, strict=True))
    ]
    if not fits:
        return None
    best = min(fits, key=lambda one: [part[:1] == "{" for part in one.path.split("/")])
    return next((one for one in fits if one.path == best.path and one.method == method), None)


@settings(max_examples=60, deadline=None)
@given(
    described=st.dictionaries(PATHS, st.tuples(METHODS, RULES), max_size=4),
    configured=st.dictionaries(PATHS, st.tuples(METHODS, ACCESSES), min_size=1, max_size=4),
)
def test_whoever_only_the_gateway_lets_in_is_found(
    described: dict[str, tuple[set[str], str]], configured: dict[str, tuple[set[str], str]]
) -> None:
    """Law: no request and caller that only one side lets in is without a finding of its kind."""
    paths = "\n".join(
        f"'{path}': {{{', '.join(f'{one.lower()}: {op(rule)}' for one in sorted(methods))}}}"
        for path, (methods, rule) in described.items()
    )
    routes = [
        route(f"path: '{path}', methods: [{', '.join(sorted(methods))}]", access, f"r{number}")
        for number, (path, (methods, access)) in enumerate(configured.items())
    ]
    api, loaded = read(with_paths(paths or "{}")), load(*routes)
    found = {one.kind for one in find_drift(api, loaded, AT).findings}

    targets = ["/" + "/".join(parts) for n in (1, 2) for parts in product("abz", repeat=n)]
    callers = [None, *map(frozenset, ("", "a", "b", "ab"))]
    for method, target, caller in product(("GET", "PUT"), targets, callers):
        match = find_route(
            RequestHead(method, "h.example", target.encode(), ()), loaded.settings.policy
        )
        gateway = isinstance(match, Match) and lets_in(match.route, caller)
        operation = may_call(operation_of(list(api.operations), method, target), caller)
        if gateway != operation:
            assert (Kind.OPENED if gateway else Kind.CLOSED) in found, (method, target, caller)
