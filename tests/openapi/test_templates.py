"""Paths of OpenAPI become templates that routes can have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routes.template import parse_template
from gateway.openapi.templates import Template, make_template


@pytest.mark.parametrize(
    ("written", "path", "is_wider"),
    [
        ("/orders/{id}", "/orders/{id}", False),
        ("/orders/{order-id}/{order.id}", "/orders/{order_id}/{order_id_2}", False),
        ("/{2fa}/{a}/{a}", "/{_2fa}/{a}/{a_2}", False),
        ("/files/{name}.json", "/files/{name}", True),
        ("/v1/{name}:cancel", "/v1/{name}", True),
        ("/{from}-{to}", "/{from_to}", True),
        ("/", "/", False),
        ("/a/", "/a/", False),
        ("/a b/ü", "/a%20b/%C3%BC", False),
        ("/a%20b", "/a%20b", False),
    ],
)
def test_a_path_becomes_a_template(written: str, path: str, is_wider: bool) -> None:
    assert make_template(written) == Template(path, is_wider)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("/a?b={c}", "has a query or a fragment"),
        ("/#Action=Run", "has a query or a fragment"),
        ("/a/{b", "the braces in `{b` do not pair"),
        ("/a/{{b}}", "do not pair"),
        ("/a/{}", "do not pair"),
        ("/{proxy+}", "stands for several segments: write a route with path_prefix"),
        ("/{*path}", "stands for several segments"),
        ("/{a/b}", "do not pair"),
        ("/a//b", "can never match: the path has an empty segment"),
        ("/../a", "can never match: the path has a dot segment"),
        ("/a;v=1", "can never match"),
        ("/%zz", "can never match"),
        ("/a" * 65, "more than 64 segments"),
    ],
)
def test_a_path_that_no_route_can_have_says_why(written: str, why: str) -> None:
    found = make_template(written)

    assert isinstance(found, str)
    assert why in found


@given(written=st.text().map(lambda text: f"/{text}"))
def test_whatever_is_written_the_template_is_one_of_routes(written: str) -> None:
    found = make_template(written)

    if isinstance(found, Template):
        parse_template(found.path, is_prefix=False)
    else:
        assert found
