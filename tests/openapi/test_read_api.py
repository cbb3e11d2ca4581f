"""A description is read for who may call what, or ends in faults with their places."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.openapi.api import Access, Api
from gateway.openapi.read_api import read_api
from tests.openapi.apis import SHOP, faults_of, read, with_paths


def test_operations_have_their_method_path_rule_and_place() -> None:
    api = read(SHOP)

    assert (api.title, api.hosts, api.bases) == ("Shop", ("api.shop.example",), ("/v1",))
    found = [(one.method, one.path, one.place.line) for one in api.operations]
    assert found == [
        ("GET", "/v1/orders", 9),
        ("POST", "/v1/orders", 12),
        ("GET", "/v1/orders/{order_id}", 19),
        ("DELETE", "/v1/orders/{order_id}", 20),
        ("GET", "/v1/health", 23),
        ("GET", "/v1/prices", 25),
        ("GET", "/v1/reports", 27),
    ]
    assert [one.security.access for one in api.operations][-3:] == [
        Access.PUBLIC,
        Access.TOKEN,
        Access.UNCOVERED,
    ]
    assert api.operations[0].operation_id == "listOrders"


def test_json_means_the_same() -> None:
    api = read(json.dumps(yaml.load(SHOP, yaml.BaseLoader)), "api.json")

    assert [(one.method, one.path, one.security) for one in api.operations] == [
        (one.method, one.path, one.security) for one in read(SHOP).operations
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[]", "wrong_type: expected a table: an OpenAPI description"),
        ("swagger: '2.0'", "not_supported: Swagger 2.0 is not read: convert the file to OpenAPI 3"),
        ("version: 1", "missing_key: the key `openapi` is missing: this is no OpenAPI"),
        ("openapi: 3.2.0", "not_supported: this version is not read: 3.0 and 3.1 are"),
        ("openapi: [3]", "not_supported: this version is not read"),
        ("openapi: 3.1.0", "missing_key: there are no `paths`"),
        (with_paths("/a: {get: 1}"), "wrong_type: expected a table: an operation"),
        (with_paths("a: {get: {}}"), "bad_value: the path `a` must start with /"),
        (with_paths("/a: {GET: {}}"), "unknown_key: unknown key `GET` of a path"),
        (with_paths("/a: {gett: {}}"), "unknown key `gett` of a path: did you mean `get`?"),
        (
            with_paths("/a/{x}: {get: {}}\n/a/{y}: {get: {}}"),
            "api.yaml:5:12: duplicate_value: no request tells this path from that of line 4",
        ),
    ],
)
def test_a_description_that_cannot_be_read_is_a_fault(text: str, fault: str) -> None:
    (only,) = faults_of(text)

    assert fault in only


def test_all_faults_are_told_at_once() -> None:
    faults = faults_of(with_paths("/a: {get: 1}\nb: {}\n/c: {$ref: x}"))

    assert len(faults) == 3


def test_extensions_and_all_that_decides_nothing_are_ignored() -> None:
    api = read(with_paths("x-a: 1\n/a: {x-b: 2, summary: s, get: {x-c: {}, callbacks: {}}}"))

    assert len(api.operations) == 1


def test_an_operation_that_no_route_can_have_is_left_out_with_the_reason() -> None:
    api = read(with_paths("/a: {trace: {}}\n/b?c: {get: {}}\n/d: {get: {}}"))

    assert [one.path for one in api.operations] == ["/d"]
    assert [(one.place.line, one.what, one.why) for one in api.left_out] == [
        (4, "TRACE /a", "TRACE is never forwarded"),
        (5, "GET /b?c", "its path has a query or a fragment, which never choose a route"),
    ]


def test_operations_that_no_route_tells_apart_are_one_if_their_rules_are_equal() -> None:
    api = read(with_paths("/a/{x}: {get: {}}\n/a/{x}.json: {get: {}}"))

    assert [one.written for one in api.operations] == ["/a/{x}"]
    assert api.left_out == ()


def test_operations_that_no_route_tells_apart_are_left_out_if_their_rules_differ() -> None:
    """The stricter one would open what the other says, or close it."""
    api = read(with_paths("/a/{x}: {get: {security: []}}\n/a/{x}.json: {get: {}}"))

    assert list(api.operations) == []
    assert [one.what for one in api.left_out] == ["GET /a/{x}", "GET /a/{x}.json"]


def test_aliases_that_multiply_end_in_a_fault() -> None:
    """A YAML bomb of paths: each alias is an operation, and so counts."""
    first = "/p0: &a {get: {}, put: {}, post: {}, delete: {}, head: {}, patch: {}}"
    paths = "\n".join([first, *(f"/p{number}: *a" for number in range(1, 4000))])

    (fault,) = faults_of(with_paths(paths))

    assert "too_large: more than 20,000 operations" in fault


@given(content=st.binary())
def test_no_bytes_raise(content: bytes) -> None:
    read_api(content, "api.yaml")


ODD = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["#/paths/~1a", "x", "/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "$ref",
                    "get",
                    "security",
                    "servers",
                    "url",
                    "variables",
                    "login",
                    "type",
                    "<<",
                    "/a",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(paths=ODD, rest=st.dictionaries(st.sampled_from(["security", "servers", "components"]), ODD))
def test_no_shape_of_a_description_raises(paths: object, rest: dict[str, object]) -> None:
    text = json.dumps({"openapi": "3.1.0", **rest, "paths": paths})

    found = read_api(text.encode(), "api.json")

    assert isinstance(found, Api) or found
