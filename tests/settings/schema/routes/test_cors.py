"""The shape of what a route says to browsers."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config

ROUTE = "routes:\n  - {{name: a, match: {{path: /a}}, upstream: orders, require: {{}}, cors: {}}}\n"
MISTAKES = [
    ("wrong_type", "¦'https://a'"),
    ("empty_list", "{origins: ¦[]}"),
    ("unknown_key", "{origins: ['https://a'], ¦origin: b}"),
    ("bad_value", "{origins: ['https://a'], methods: [¦get]}"),
    ("bad_value", "{origins: ['https://a'], headers: [¦'a b']}"),
    ("bad_value", "{origins: ['https://a'], headers: [¦'*']}"),
    ("bad_value", "{origins: ['https://a'], expose: [¦\"a\\r\\nb\"]}"),
    ("empty_list", "{origins: ['https://a'], expose: ¦[]}"),
    ("wrong_type", "{origins: ['https://a'], credentials: ¦1}"),
    ("bad_value", "{origins: ['https://a'], max_age: ¦1500ms}"),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_the_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, config(routes=ROUTE.format(text)))


def test_the_origins_must_be_said(tmp_path: Path) -> None:
    text = config(routes=ROUTE.format("{max_age: 5s}").replace("cors", "¦cors"))

    assert_found(tmp_path, "missing_key", text)
