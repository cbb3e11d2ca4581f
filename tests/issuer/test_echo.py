"""The services of the demo."""

import json

import aiohttp

from gateway.issuer.echo import echo_application
from gateway.issuer.listening import bind_loopback, origin_of, serving


async def test_a_service_answers_what_it_saw() -> None:
    bound = bind_loopback("127.0.0.1", 0)
    origin = origin_of(bound)
    async with (
        serving(echo_application("orders"), bound),
        aiohttp.ClientSession() as client,
        client.put(
            origin + "/a%2Db?x=1", data=b"h\xc3\xa9\xff", headers=[("X-Two", "1"), ("X-Two", "2")]
        ) as answer,
    ):
        seen = json.loads(await answer.text())

    assert seen["service"] == "orders"
    assert seen["method"] == "PUT"
    assert seen["target"].endswith("?x=1")
    assert [value for name, value in seen["headers"] if name == "X-Two"] == ["1", "2"]
    assert seen["body"] == "hé\\xff"
