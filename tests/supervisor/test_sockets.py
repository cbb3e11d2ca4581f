"""All workers share one port, which no other process can share, and refuse no connection."""

import os
import resource
import select
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from gateway.settings.values.configuration import Address
from gateway.supervisor.sockets import (
    Sockets,
    close_sockets,
    inherit,
    open_sockets,
    share_sockets,
    spread_sockets,
)


@contextmanager
def opened(host: str, port: int, workers: int) -> Iterator[list[Sockets]]:
    sockets = open_sockets(Address(host, port), workers)
    try:
        yield sockets
    finally:
        close_sockets(sockets)


def ports(sockets: Sequence[Sockets]) -> set[int]:
    return {one.getsockname()[1] for slot in sockets for one in slot}


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_all_workers_have_the_one_port_that_the_system_chose() -> None:
    with opened("127.0.0.1", 0, 4) as sockets:
        assert [len(slot) for slot in sockets] == [1, 1, 1, 1]
        (port,) = ports(sockets)
        assert port != 0
        assert len({one.fileno() for (one,) in sockets}) == 4


def test_connections_are_spread_over_the_workers_within_a_fifth() -> None:
    with opened("127.0.0.1", 0, 2) as sockets, ExitStack() as stack:
        (port,) = ports(sockets)
        for _ in range(1000):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        taken: Counter[int] = Counter()
        listening = [one for (one,) in sockets]
        while taken.total() < 1000:
            ready, _, _ = select.select(listening, [], [], 10)
            assert ready, taken
            for one in ready:
                stack.enter_context(one.accept()[0])
                taken[one.fileno()] += 1

    # By chance alone it is more than that in one of a billion runs.
    assert all(400 <= count <= 600 for count in taken.values()), taken


def test_a_connection_waits_where_no_worker_takes_it() -> None:
    with opened("127.0.0.1", 0, 2) as sockets:
        (port,) = ports(sockets)
        with ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))


def test_a_name_of_two_addresses_has_the_same_port_on_both() -> None:
    addresses = {place[4][0] for place in socket.getaddrinfo("localhost", 0)}
    with opened("localhost", 0, 2) as sockets:
        assert len(ports(sockets)) == 1
        for slot in sockets:
            assert {one.getsockname()[0] for one in slot} == addresses


def test_an_address_of_ipv6_is_none_of_ipv4() -> None:
    with opened("::", 0, 2) as sockets:
        (port,) = ports(sockets)
        with socket.create_connection(("::1", port), timeout=10):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=10)


def test_a_port_of_another_process_is_refused_and_named() -> None:
    before = descriptors()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            open_sockets(Address("127.0.0.1", port), 2)

    words = f"cannot listen on 127.0.0.1:{port} (listen): address already in use"
    assert caught.value.strerror == words
    assert descriptors() == before


def test_a_port_that_another_gateway_shares_among_its_workers_is_refused() -> None:
    """The system would let us in, and give each gateway a half of the connections."""
    with opened("127.0.0.1", 0, 2) as sockets:
        (port,) = ports(sockets)
        before = descriptors()
        with pytest.raises(OSError, match="in use"):
            open_sockets(Address("127.0.0.1", port), 2)
        with pytest.raises(OSError, match="in use"):
            open_sockets(Address("0.0.0.0", port), 2)
        assert descriptors() == before


def test_the_port_can_be_had_again_at_once_though_connections_remain() -> None:
    with opened("127.0.0.1", 0, 2) as sockets:
        (port,) = ports(sockets)
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        ready, _, _ = select.select([one for (one,) in sockets], [], [], 10)
        server, _ = ready[0].accept()
    with client, server, opened("127.0.0.1", port, 2) as again:
        assert ports(again) == {port}


def test_a_name_that_nobody_has_is_refused_and_named() -> None:
    before = descriptors()
    with pytest.raises(OSError, match=r"cannot listen on nowhere\.invalid:80 \(listen\): "):
        open_sockets(Address("nowhere.invalid", 80), 2)
    assert descriptors() == before


def test_an_address_that_is_not_ours_is_refused_and_leaves_nothing_open() -> None:
    before = descriptors()
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:0 \(listen\): "):  # RFC 5737
        open_sockets(Address("192.0.2.1", 0), 2)
    assert descriptors() == before


def test_where_descriptors_run_out_none_stays_open() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = descriptors()
    # The highest that may be is the fifth from here: the probe and some sockets fit in, not all.
    highest = os.dup(0)
    os.close(highest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, before[1]))
    try:
        with pytest.raises(OSError, match="too many open files"):
            open_sockets(Address("127.0.0.1", 0), 64)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert descriptors() == count


# --- sockets that somebody else opened


def test_each_worker_has_all_sockets_that_were_handed_over() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        wanted = [one.getsockname(), two.getsockname()]
        shared = share_sockets([one, two], 3)
        try:
            assert [[each.getsockname() for each in slot] for slot in shared] == [wanted] * 3
            assert len({each.fileno() for slot in shared for each in slot}) == 6
        finally:
            close_sockets(shared)


def test_each_worker_has_its_sockets_of_every_address() -> None:
    each = [open_sockets(Address(host, 0), 3) for host in ("127.0.0.1", "::1")]
    workers = spread_sockets(each)
    try:
        assert [len(one) for one in workers] == [2, 2, 2]
        assert all(
            [of_address[0].getsockname()[0] for of_address in one] == ["127.0.0.1", "::1"]
            for one in workers
        )
    finally:
        for one in workers:
            close_sockets(one)


def test_closing_what_was_shared_leaves_none_that_listens() -> None:
    one = socket.create_server(("127.0.0.1", 0))
    place = one.getsockname()
    before = descriptors()

    close_sockets(share_sockets([one], 3))

    assert descriptors() == before - 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, timeout=10)


def test_a_worker_takes_the_very_descriptors_that_it_was_started_with() -> None:
    """A copy would leave the first one open, and connections would come in after the drain."""
    given = socket.create_server(("127.0.0.1", 0))
    place, number = given.getsockname(), given.detach()
    os.set_inheritable(number, True)

    ((taken,),) = inherit([[number]])

    assert taken.fileno() == number
    assert not taken.get_inheritable()
    taken.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, timeout=10)
