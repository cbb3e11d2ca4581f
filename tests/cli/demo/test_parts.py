"""The parts of the demo, running."""

import socket

import aiohttp
import pytest

from gateway.cli.demo.parts import Ports, PortTakenError, config_path, demo_running
from gateway.settings.values.configuration import AccessLogTarget


async def test_every_part_answers_and_none_after_the_block() -> None:
    async with aiohttp.ClientSession() as client:
        async with demo_running(Ports(), AccessLogTarget.NONE) as demo:
            urls = [
                demo.gateway + "/healthz",
                demo.admin + "/readyz",
                demo.issuer + "/jwks",
                demo.orders,
                demo.invoices,
                demo.app,
                demo.site,
            ]
            statuses = [(await client.get(url)).status for url in urls]

        assert statuses == [200] * len(urls)
        for url in urls:
            with pytest.raises(aiohttp.ClientConnectorError):
                await client.get(url)


@pytest.mark.parametrize(
    ("part", "option"),
    [
        ("gateway", "--port"),
        ("admin", "--admin-port"),
        ("issuer", "--issuer-port"),
        ("orders", "--orders-port"),
        ("invoices", "--invoices-port"),
        ("app", "--app-port"),
    ],
)
async def test_a_port_in_use_is_named_with_the_option_to_change_it(part: str, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=option) as caught:
            async with demo_running(Ports(**{part: port}), AccessLogTarget.NONE):
                pass

    assert str(port) in str(caught.value)
    assert "in use" in str(caught.value)


def test_the_configuration_is_a_file_that_users_can_read() -> None:
    assert "version: 1" in config_path().read_text()
