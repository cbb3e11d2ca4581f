"""The address of a request: the peer's, unless a trusted proxy reports another."""

import json

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.messages import make_request


@pytest.mark.parametrize(
    ("trusted", "fields", "address"),
    [
        (["127.0.0.0/8"], ["X-Forwarded-For: 203.0.113.9, 127.0.0.5"], "203.0.113.9"),
        (["127.0.0.0/8"], ["X-Forwarded-For: 203.0.113.9:4711, 127.0.0.5:80"], "203.0.113.9"),
        (["127.0.0.0/8"], ['X-Forwarded-For: "[2001:db8::1]:80"'], "2001:db8::1"),
        # Forwarded is passed on, and not believed: a proxy may not know it, and let it through.
        (["127.0.0.0/8"], ["Forwarded: for=203.0.113.9"], "127.0.0.1"),
        (["127.0.0.0/8"], [], "127.0.0.1"),
        (["10.0.0.0/8"], ["X-Forwarded-For: 203.0.113.9"], "127.0.0.1"),
        (None, ["X-Forwarded-For: 203.0.113.9"], "127.0.0.1"),
    ],
)
async def test_only_trusted_proxies_say_where_a_request_came_from(
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


async def test_a_rate_limit_by_address_ignores_the_port_of_the_client(
    start_gateway: StartGateway,
) -> None:
    route = {
        "name": "open",
        "match": {"path_prefix": "/open/"},
        "upstream": "main",
        "public": True,
        "rate_limits": ["each"],
    }
    gateway = await start_gateway(
        trusted_proxies=["127.0.0.0/8"],
        rate_limits={"each": {"rate": "2/1h", "key": "address"}},
        routes=[route],
    )
    fields = [
        f"X-Forwarded-For: {entry}"
        for entry in ("203.0.113.9:1000", "203.0.113.9", '"203.0.113.9:1002"', "203.0.113.8:1000")
    ]

    answers = [await gateway.ask(make_request("/open/x", field)) for field in fields]

    assert [answer.status for answer in answers] == [200, 200, 429, 200]
