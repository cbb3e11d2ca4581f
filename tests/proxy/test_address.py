"""From which address a request came: the peer's, unless somebody trusted says otherwise."""

import json

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.messages import make_request


@pytest.mark.parametrize(
    ("trusted", "fields", "address"),
    [
        (["127.0.0.0/8"], ["X-Forwarded-For: 203.0.113.9, 127.0.0.5"], "203.0.113.9"),
        (["127.0.0.0/8"], [], "127.0.0.1"),
        (["10.0.0.0/8"], ["X-Forwarded-For: 203.0.113.9"], "127.0.0.1"),
        (None, ["X-Forwarded-For: 203.0.113.9"], "127.0.0.1"),
    ],
)
async def test_only_who_is_trusted_says_where_a_request_came_from(
    trusted: list[str] | None,
    fields: list[str],
    address: str,
    start_gateway: StartGateway,
    capfd: pytest.CaptureFixture[str],
) -> None:
    changes = {} if trusted is None else {"trusted_proxies": trusted}
    gateway = await start_gateway(access_log="stdout", **changes)
    await gateway.ask(make_request("/open/x", *fields))
    await gateway.stop()

    assert json.loads(capfd.readouterr().out)["client"] == address
