"""The shape of the times and limits of a route."""

from pathlib import Path

import pytest

from gateway.settings.schema.routes.route import RouteLimitsModel, RouteTimeoutsModel
from tests.settings.configs import assert_found, config

ROUTE = "routes:\n  - {{name: a, match: {{path: /a}}, upstream: orders, require: {{}}, {}}}\n"


def route(text: str) -> str:
    """Return a configuration whose one route says *text* of itself."""
    return config(routes=ROUTE.format(text))


MISTAKES = [
    ("wrong_type", route("timeouts: ¦[]")),
    ("unknown_key", route("timeouts: {¦head: 5s}")),
    ("bad_value", route("timeouts: {response: ¦0s}")),
    ("bad_value", route("timeouts: {response: ¦unlimited}")),
    ("bad_value", route("timeouts: {total: ¦long}")),
    ("wrong_type", route("limits: ¦1MiB")),
    ("bad_value", route("limits: {body: ¦1}")),
    ("bad_value", route("limits: {body: ¦0B}")),
    ("unknown_key", route("limits: {¦head: 1KiB}")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_the_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_nothing_said_is_not_unlimited() -> None:
    assert RouteLimitsModel().model_fields_set == set()
    assert RouteLimitsModel(body=None).model_fields_set == {"body"}
    assert RouteTimeoutsModel().total is None
