"""Loopback, and nowhere else."""

import aiohttp
import pytest

from gateway.issuer.echo import echo_application
from gateway.issuer.listening import bind_loopback, origin, origin_of, serving


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.1", "169.254.169.254", "::ffff:8.8.8.8"]
)
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="development only"):
        bind_loopback(host, 0)


def test_a_name_is_no_address() -> None:
    """A name could mean another machine tomorrow."""
    with pytest.raises(ValueError, match="localhost"):
        bind_loopback("localhost", 0)


async def test_a_port_in_use_is_an_error_of_the_system() -> None:
    bound = bind_loopback("127.0.0.1", 0)
    async with serving(echo_application("one"), bound):
        with pytest.raises(OSError, match="in use"):
            bind_loopback("127.0.0.1", bound.getsockname()[1])


async def test_what_is_served_is_reached_at_its_origin() -> None:
    bound = bind_loopback("127.0.0.1", 0)
    url = origin_of(bound)
    async with (
        serving(echo_application("one"), bound),
        aiohttp.ClientSession() as client,
        client.get(url) as answer,
    ):
        assert answer.status == 200


async def test_after_the_block_nothing_listens() -> None:
    bound = bind_loopback("127.0.0.1", 0)
    url = origin_of(bound)
    async with serving(echo_application("one"), bound):
        pass

    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get(url)


def test_an_ipv6_origin_has_brackets() -> None:
    """RFC 3986 §3.2.2."""
    assert origin("::1", 9000) == "http://[::1]:9000"
