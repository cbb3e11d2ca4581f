"""The services of the demo."""

import json

from pytest_aiohttp.plugin import AiohttpClient

from gateway.issuer.echo import echo_application


async def test_a_service_answers_what_it_saw(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(echo_application("orders"))

    answer = await client.put(
        "/a%2Db?x=1", data=b"h\xc3\xa9\xff", headers=[("X-Two", "1"), ("X-Two", "2")]
    )

    seen = json.loads(await answer.text())

    assert seen["service"] == "orders"
    assert seen["method"] == "PUT"
    assert seen["target"].endswith("?x=1")
    assert [value for name, value in seen["headers"] if name == "X-Two"] == ["1", "2"]
    assert seen["body"] == "hé\\xff"
