"""The head that a service gets is that of its route, with the name of the server that gets it."""

from pathlib import Path

from tests.proxy.gateways import load, running_gateway, write_config
from tests.proxy.messages import make_request
from tests.proxy.service import running_service


async def test_each_server_gets_its_own_name(tmp_path: Path) -> None:
    routes = [
        {
            "name": "all",
            "match": {"path_prefix": "/"},
            "upstream": "main",
            "public": True,
            "rewrite": {"host": "upstream"},
        }
    ]
    async with running_service() as first, running_service() as second:
        path = write_config(tmp_path, [first.url, second.url], {"routes": routes})
        async with running_gateway(load(path)) as gateway:
            for _ in range(2):
                await gateway.ask(make_request("/x"))

        for service in (first, second):
            (request,) = service.requests
            assert request.one(b"host") == "{}:{}".format(*service.address).encode()
