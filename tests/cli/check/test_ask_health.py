"""The health check of a server is run before the configuration is live."""

from pathlib import Path

import pytest

from gateway.cli.check.servers import ask_health
from tests.cli.peers import http_peer
from tests.settings.configs import load, one_upstream


@pytest.mark.parametrize(
    ("health", "failure"),
    [
        ("", None),
        (", health: {path: /healthz}", "its health check got 503, not 200-299"),
        (", health: {path: /healthz, statuses: [503]}", None),
    ],
)
async def test_a_server_is_asked_as_the_configuration_says(
    health: str, failure: str | None, tmp_path: Path
) -> None:
    with http_peer(b"", 503) as url:
        settings = load(tmp_path, one_upstream(f'{{servers: ["{url}"]{health}}}'))
        orders = settings.upstreams["orders"]

        assert await ask_health(orders.servers[0], orders, settings.timeouts, None) == failure
