"""What an upstream says about its servers: what its values may be."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, load, one_upstream


def balanced(text: str) -> str:
    """Return a configuration whose upstream says *text* beside its servers."""
    return one_upstream(f'{{servers: ["http://a", "http://b"], {text}}}')


MISTAKES = [
    ("bad_value", balanced("balance: ¦random")),
    ("bad_value", balanced("resolve: ¦0s")),
    ("missing_key", balanced("¦health: {interval: 5s}")),
    ("bad_value", balanced("health: {path: ¦healthz}")),
    ("bad_value", balanced('health: {path: ¦"/a b"}')),
    ("bad_value", balanced('health: {path: ¦"/a#b"}')),
    ("bad_value", balanced('health: {path: ¦"/a\\r\\nX: y"}')),
    ("bad_value", balanced("health: {path: /, statuses: [¦99]}")),
    ("bad_value", balanced("health: {path: /, statuses: [¦600]}")),
    ("bad_value", balanced("health: {path: /, statuses: [¦299-200]}")),
    ("bad_value", balanced("health: {path: /, statuses: [¦2xx]}")),
    ("bad_value", balanced("health: {path: /, statuses: [¦true]}")),
    ("empty_list", balanced("health: {path: /, statuses: ¦[]}")),
    ("bad_value", balanced("health: {path: /, unhealthy_after: ¦0}")),
    ("bad_value", balanced("health: {path: /, panic_below: ¦1.5}")),
    ("bad_value", balanced("protocol: h2c, health: {grpc: ¦false}")),
    ("bad_value", balanced("protocol: h2c, health: {grpc: ¦a/b}")),
    ("bad_value", balanced("protocol: h2c, health: {grpc: ¦7}")),
    ("bad_value", balanced("failure_statuses: [¦ok]")),
    ("bad_value", balanced("ejection: {after: ¦0}")),
    ("bad_value", balanced("ejection: {max_share: ¦-0.1}")),
    ("bad_value", balanced("retries: {methods: [¦POST]}")),
    ("bad_value", balanced("retries: {methods: [¦get]}")),
    ("bad_value", balanced("retries: {budget: ¦2}")),
    ("bad_value", balanced("max_connections: ¦0")),
    ("bad_value", balanced("breaker: {failures: ¦50}")),
    ("unknown_key", balanced("breaker: {¦timeout: 5s}")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_in_a_value_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize("path", ["/", "/healthz", "/healthz?deep=1", "/a%20b"])
def test_a_path_is_what_may_stand_in_a_request_line(path: str, tmp_path: Path) -> None:
    settings = load(tmp_path, balanced(f'health: {{path: "{path}"}}'))

    health = settings.upstreams["orders"].balancing.health
    assert health is not None
    assert health.path == path
