"""A name with several addresses is several servers; it is looked up again, and nothing is lost."""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from time import monotonic
from typing import Any

import pytest

from gateway.decision.reason import Reason
from gateway.proxy.upstream.pool import Pool
from gateway.proxy.upstream.queue import NoServer
from gateway.proxy.upstream.server_addresses import is_name
from tests.proxy.conftest import StartGateway
from tests.proxy.messages import make_request
from tests.proxy.pools import Names, eventually, make_pool, peer_of
from tests.proxy.service import Service
from tests.proxy.wire import Wire

# All of this machine, and on one port at a time.
ONE, TWO, THREE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A port that accepts connections at the first two addresses."""
    loop, found = asyncio.get_running_loop(), 0
    wires: list[Wire] = []
    servers: list[asyncio.Server] = []
    for address in (ONE, TWO):
        server = await loop.create_server(lambda: Wire(wires.append), address, found)
        servers.append(server)
        found = server.sockets[0].getsockname()[1]
    yield found
    for server in servers:
        server.close()
    await asyncio.sleep(0.01)  # for those that are in the backlog
    for wire in wires:
        wire.transport.abort()


async def addresses_of(pool: Pool, count: int) -> Counter[str]:
    """Return the addresses that *count* connections go to."""
    return Counter([peer_of(await pool.connect()) for _ in range(count)])


@pytest.mark.parametrize(
    ("host", "wanted"),
    [("orders.svc", True), ("localhost", True), ("10.0.0.1", False), ("::1", False)],
)
def test_an_address_is_not_looked_up(host: str, wanted: bool) -> None:
    assert is_name(host) == wanted


class Buggy(Names):
    """Raises an unexpected error, the first time."""

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> Sequence[Mapping[str, Any]]:
        if not self.asked:
            self.asked.append(host)
            raise RuntimeError("a bug")
        return await super().resolve(host, port, family)


async def test_an_unexpected_error_in_a_look_up_is_reported_and_affects_no_other(port: int) -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(f"{context['message']}: {context['exception']}")
    )
    names = Buggy(**{"orders.svc": [ONE]})
    pool = make_pool(f"http://orders.svc:{port}", names=names)

    with pytest.raises(NoServer, match=r"does not resolve \(unexpected error; stderr has more\)"):
        await pool.connect()
    pool.expire(monotonic() + 60)
    await eventually(lambda: len(names.asked) == 2)

    assert peer_of(await pool.connect()) == ONE
    assert reported == ["unexpected error in a name look-up: a bug"]
    pool.close()


async def test_each_address_of_a_name_gets_its_turn(port: int) -> None:
    pool = make_pool(f"http://orders.svc:{port}", names=Names(**{"orders.svc": [ONE, TWO]}))

    assert await addresses_of(pool, 4) == {ONE: 2, TWO: 2}
    pool.close()


async def test_a_name_is_looked_up_once_for_many_requests(port: int) -> None:
    names = Names(**{"orders.svc": [ONE]})
    names.may_answer.clear()
    pool = make_pool(f"http://orders.svc:{port}", names=names)
    waiting = [asyncio.ensure_future(pool.connect()) for _ in range(5)]
    await asyncio.sleep(0)

    names.may_answer.set()

    await asyncio.gather(*waiting)
    assert names.asked == ["orders.svc"]
    pool.close()


async def test_new_addresses_are_used_and_removed_ones_are_not(port: int) -> None:
    names = Names(**{"orders.svc": [ONE]})
    pool = make_pool(f"http://orders.svc:{port}", names=names, resolve_seconds=30.0)
    busy = await pool.connect()

    names.addresses["orders.svc"] = [TWO]
    pool.expire(monotonic() + 31.0)
    await eventually(lambda: len(names.asked) == 2)
    await asyncio.sleep(0)

    assert await addresses_of(pool, 2) == {TWO: 2}
    assert busy.is_open  # what is under way there may end
    busy.give_back()
    assert not busy.is_open
    pool.close()


async def test_a_name_is_looked_up_only_so_often(port: int) -> None:
    names = Names(**{"orders.svc": [ONE]})
    pool = make_pool(f"http://orders.svc:{port}", names=names, resolve_seconds=30.0)
    await pool.connect()

    for second in range(27):
        pool.expire(monotonic() + second)
    await asyncio.sleep(0)

    assert len(names.asked) == 1
    pool.close()


async def test_the_previous_addresses_stay_in_use_while_the_name_does_not_resolve(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    names = Names(**{"orders.svc": [ONE]})
    pool = make_pool(f"http://orders.svc:{port}", names=names, resolve_seconds=1.0)
    await pool.connect()

    del names.addresses["orders.svc"]
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            names.asked.clear()
            pool.expire(monotonic() + 10.0)
            await eventually(lambda: bool(names.asked))
            await asyncio.sleep(0)

    assert await addresses_of(pool, 2) == {ONE: 2}
    assert caplog.messages == [  # once, not for each attempt
        "upstream main: the name orders.svc does not resolve (Name or service not known);"
        " its previous addresses stay in use"
    ]
    server = pool.counts.servers[f"orders.svc:{port}"]
    assert (server.lookups, server.failed_lookups) == (4, 3)
    pool.close()


async def test_after_a_failed_connection_the_name_is_looked_up_soon(port: int) -> None:
    names = Names(**{"orders.svc": [THREE, ONE]})
    pool = make_pool(f"http://orders.svc:{port}", names=names, resolve_seconds=3600.0)

    assert await addresses_of(pool, 2) == {ONE: 2}
    names.addresses["orders.svc"] = [TWO]
    pool.expire(monotonic() + 1.1)
    await eventually(lambda: len(names.asked) == 2)
    await asyncio.sleep(0)

    assert await addresses_of(pool, 2) == {TWO: 2}
    pool.close()


async def test_a_single_server_that_moved_is_found(port: int) -> None:
    names = Names(**{"orders.svc": [THREE]})
    pool = make_pool(f"http://orders.svc:{port}", names=names, resolve_seconds=3600.0)
    with pytest.raises(NoServer):
        await pool.connect()

    names.addresses["orders.svc"] = [ONE]
    pool.expire(monotonic() + 1.1)
    await eventually(lambda: len(names.asked) == 2)
    await asyncio.sleep(0)

    assert await addresses_of(pool, 2) == {ONE: 2}
    pool.close()


async def test_a_request_that_waits_for_a_name_during_a_reload_still_succeeds(port: int) -> None:
    names = Names(**{"orders.svc": [ONE]})
    names.may_answer.clear()
    pool = make_pool(f"http://orders.svc:{port}", names=names)
    waiting = asyncio.ensure_future(pool.connect())
    await eventually(lambda: bool(names.asked))

    pool.retire()
    names.may_answer.set()

    server = await waiting
    assert peer_of(server) == ONE
    server.give_back()
    assert not server.is_open  # nobody would look after it
    pool.close()


async def test_until_a_name_resolves_there_is_no_server(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    names = Names()
    pool = make_pool(f"http://orders.svc:{port}", names=names)

    with pytest.raises(NoServer, match="does not resolve") as refused:
        await pool.connect()
    assert refused.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert caplog.messages == [
        "upstream main: the name orders.svc does not resolve (Name or service not known)"
    ]

    names.addresses["orders.svc"] = [ONE]
    pool.expire(monotonic() + 3.0)
    await eventually(lambda: pool.take != pool._take_nothing)
    assert peer_of(await pool.connect()) == ONE
    pool.close()


async def test_a_name_that_does_not_resolve_leaves_the_other_servers_alone(port: int) -> None:
    pool = make_pool(f"http://gone.svc:{port}", f"http://{ONE}:{port}", names=Names())

    assert await addresses_of(pool, 3) == {ONE: 3}
    pool.close()


async def test_a_new_configuration_starts_with_the_addresses_of_the_former(port: int) -> None:
    """A name server that is down during the reload causes no outage."""
    former = make_pool(f"http://orders.svc:{port}", names=Names(**{"orders.svc": [ONE]}))
    await former.connect()

    pool = make_pool(f"http://orders.svc:{port}", names=Names())
    pool.inherit(former)
    former.close()

    assert await addresses_of(pool, 2) == {ONE: 2}
    pool.close()


async def test_a_gateway_whose_service_has_a_name_serves(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway([f"http://localhost:{service.address[1]}"])

    answers = [await gateway.ask(make_request("/open/")) for _ in range(6)]

    assert [answer.status for answer in answers] == [200] * 6


async def test_a_gateway_whose_service_has_an_unknown_name_responds_with_502(
    start_gateway: StartGateway,
) -> None:
    """RFC 6761 §6.4: no name under `invalid` resolves."""
    gateway = await start_gateway(
        ["http://no-such-service.invalid:80"], upstream={"connect_timeout": "500ms"}
    )

    answer = await gateway.ask(make_request("/open/"))

    assert answer.status == 502
    assert b'"upstream_unreachable"' in answer.body
