"""Names are looked up without holding up anybody, however many name servers hang."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from gateway.fetching.resolver import AddressInfo, Resolver
from tests.keyring.peers import until


class NameServer:
    """Knows every name but those that begin with ``hang``, which wait until it is opened."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._opened = threading.Event()

    def look_up(self, host: str, port: int, *_others: Any) -> Sequence[AddressInfo]:
        self.asked.append(host)
        if host.startswith("hang"):
            self._opened.wait(10)
        if host == "bug":
            raise ZeroDivisionError
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.open()


def of_this_test(name: str) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == f"look-up of {name}"]


async def test_the_addresses_of_a_name_are_returned_with_the_port() -> None:
    (first, *_) = await Resolver().resolve("localhost", 8443, socket.AF_INET)

    assert (first["hostname"], first["host"], first["port"]) == ("localhost", "127.0.0.1", 8443)
    assert (first["family"], first["proto"]) == (socket.AF_INET, socket.IPPROTO_TCP)


async def test_a_name_that_does_not_exist_is_an_error_of_the_system() -> None:
    """RFC 6761 §6.4: no name under .invalid ever exists."""
    with pytest.raises(socket.gaierror):
        await Resolver().resolve("nobody.invalid", 443)


async def test_a_link_local_address_keeps_its_scope() -> None:
    """RFC 4007 §11: without it nobody knows on which link the address is."""

    def look_up(_host: str, port: int, *_others: Any) -> Sequence[AddressInfo]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", port, 0, 7))]

    (found,) = await Resolver(look_up).resolve("near", 443, socket.AF_INET6)

    assert (found["host"], found["port"]) == ("fe80::1%7", 443)


async def test_any_other_error_reaches_who_asked(server: NameServer) -> None:
    with pytest.raises(ZeroDivisionError):
        await Resolver(server.look_up).resolve("bug")


async def test_names_that_hang_hold_up_no_other_and_not_the_loops_own_look_ups(
    server: NameServer,
) -> None:
    """A thousand issuers may be tenants of one zone whose name servers are gone."""
    resolver = Resolver(server.look_up)
    hanging = [asyncio.create_task(resolver.resolve(f"hang-{n}")) for n in range(1000)]
    await until(lambda: len(server.asked) == 1000)

    (found,) = await resolver.resolve("good", 443)
    (own, *_) = await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    assert found["host"] == "192.0.2.1"
    assert own
    assert not any(task.done() for task in hanging)
    server.open()
    await asyncio.gather(*hanging)


async def test_look_ups_that_hang_are_bounded_though_those_who_asked_have_left(
    server: NameServer,
) -> None:
    resolver = Resolver(server.look_up, max_lookups=8)
    for n in range(8):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolver.resolve(f"hang-{n}"), 0.001)
    one_more = asyncio.create_task(resolver.resolve("one-more"))
    await until(lambda: len(server.asked) == 8)
    await asyncio.wait({one_more}, timeout=0.05)
    assert "one-more" not in server.asked

    server.open()

    assert await one_more
    assert len(server.asked) == 9


async def test_a_look_up_that_hangs_does_not_keep_the_process_from_ending(
    server: NameServer,
) -> None:
    asking = asyncio.create_task(Resolver(server.look_up).resolve("hang"))
    await until(lambda: server.asked == ["hang"])

    (thread,) = of_this_test("hang")

    assert thread.daemon
    asking.cancel()


def test_a_look_up_that_outlasts_the_loop_ends_quietly(server: NameServer) -> None:
    async def leave() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Resolver(server.look_up).resolve("hang-on"), 0.001)
        await until(lambda: server.asked == ["hang-on"])

    asyncio.run(leave())
    (thread,) = of_this_test("hang-on")

    server.open()
    thread.join(10)

    assert not thread.is_alive()
