"""The shape of what a route rewrites."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config

ROUTE = (
    "routes:\n  - {{name: a, match: {{path_prefix: /a/}}, upstream: orders, require: {{}}, {}}}\n"
)


def route(text: str) -> str:
    """Return a configuration whose one route rewrites as in *text*."""
    return config(routes=ROUTE.format(f"rewrite: {text}"))


MISTAKES = [
    ("wrong_type", route("¦/a")),
    ("unknown_key", route("{¦strip: /a}")),
    ("wrong_type", route("{strip_prefix: ¦[]}")),
    ("missing_key", route("{¦replace_prefix: {from: /a}}")),
    ("wrong_type", route("{replace_prefix: ¦/a}")),
    ("wrong_type", route("{host: ¦1}")),
    ("unknown_key", route("{request_headers: {¦add: {A: b}}}")),
    ("wrong_type", route("{request_headers: {set: {A: ¦1}}}")),
    ("empty_list", route("{request_headers: {remove: ¦[]}}")),
    ("wrong_type", route("{query: {set: ¦[a]}}")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_the_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)
