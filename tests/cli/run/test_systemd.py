"""Sockets of systemd are taken over as sd_listen_fds(3) says, and it is notified."""

import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.run.systemd import Activated, Notifier, assign_sockets, take_sockets
from gateway.settings.values.configuration import Address
from tests.cli.activation import activate
from tests.hanging import LIMIT_SECONDS

# What became of the sockets, said by a process that was started with them.
_TELL = """
import json, os
from gateway.cli.run.systemd import take_sockets
try:
    taken = take_sockets(os.environ)
except OSError as error:
    print(json.dumps({"error": error.strerror}))
else:
    admin = None if taken.admin is None else taken.admin.getsockname()[1]
    every = [*taken.data, *([taken.admin] if taken.admin else [])]
    print(json.dumps({
        "data": [one.getsockname()[1] for one in taken.data],
        "admin": admin,
        "inheritable": [os.get_inheritable(one.fileno()) for one in every],
        "blocking": [one.getblocking() for one in every],
        "variables": [name for name in os.environ if name.startswith("LISTEN_")],
    }))
"""


def take(
    sockets: Sequence[socket.socket | int], names: str = "", count: int | None = None
) -> dict[str, Any]:
    """Return what a process takes that was started with *sockets*."""
    with activate([sys.executable, "-c", _TELL], sockets, names, count) as process:
        told, wrong = process.communicate(timeout=LIMIT_SECONDS)
    assert wrong == ""
    taken: dict[str, Any] = json.loads(told)
    return taken


@pytest.fixture
def listening() -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]


def ports(sockets: Sequence[socket.socket]) -> list[int]:
    return [one.getsockname()[1] for one in sockets]


def test_all_sockets_without_a_name_are_the_data_ports(listening: list[socket.socket]) -> None:
    taken = take(listening)

    assert taken["data"] == ports(listening)
    assert taken["admin"] is None


def test_the_one_that_is_named_admin_is_the_admin_ports(listening: list[socket.socket]) -> None:
    first, admin, last = ports(listening)

    taken = take(listening, "jwt-gateway.socket:admin:web")

    assert (taken["data"], taken["admin"]) == ([first, last], admin)


def test_fewer_names_than_sockets_are_no_fault(listening: list[socket.socket]) -> None:
    admin, *data = ports(listening)

    taken = take(listening, "admin")

    assert (taken["data"], taken["admin"]) == (data, admin)


def test_neither_sockets_nor_variables_go_on_to_our_children(
    listening: list[socket.socket],
) -> None:
    taken = take(listening, "a:b:c")

    assert taken["variables"] == []
    assert taken["inheritable"] == taken["blocking"] == [False] * 3


def test_a_second_socket_for_the_admin_port_does_not_become_a_data_port(
    listening: list[socket.socket],
) -> None:
    assert take(listening, "admin:admin:web") == {
        "error": "systemd passed more than one socket named admin"
    }


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as one:
        assert take([one]) == {
            "error": "descriptor 3, which systemd passed, does not listen for TCP"
        }


def test_a_datagram_socket_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        assert take([one]) == {
            "error": "descriptor 3, which systemd passed, does not listen for TCP"
        }


def test_a_unix_socket_is_refused(listening: list[socket.socket]) -> None:
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{directory}/a.socket")
        one.listen()
        assert take([listening[0], one]) == {
            "error": "descriptor 4, which systemd passed, does not listen for TCP"
        }


def test_a_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        assert take([file.fileno()]) == {
            "error": "descriptor 3, which systemd should have passed, is not a socket"
        }


def test_one_that_is_missing_is_named(listening: list[socket.socket]) -> None:
    assert take(listening, count=4) == {
        "error": "descriptor 6, which systemd should have passed, is not a socket"
    }


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},  # for another process
        {"LISTEN_PID": str(os.getpid())},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "-1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "all"},
    ],
)
def test_what_was_not_opened_for_us_is_not_taken(environ: dict[str, str]) -> None:
    assert take_sockets(environ) == Activated()
    assert environ == {}


# --- several addresses


def test_where_there_is_one_address_all_sockets_are_in_its_place(
    listening: list[socket.socket],
) -> None:
    assert assign_sockets(listening, [Address("192.0.2.1", 1)]) == [tuple(listening)]
    assert assign_sockets((), [Address("192.0.2.1", 1)]) == [()]


def test_of_several_addresses_each_has_the_sockets_that_are_on_it(
    listening: list[socket.socket],
) -> None:
    """A socket on another address could be taken for one that speaks TLS, or does not."""
    first, second, third = listening
    unopened = Address("127.0.0.1", 1)
    addresses = [unopened, *(Address("localhost", port) for port in ports([third, first]))]

    assert assign_sockets([first, third], addresses) == [(), (third,), (first,)]
    assert assign_sockets((), addresses) == [(), (), ()]
    words = f"systemd listens on 127.0.0.1 port {ports([second])[0]}, which is not in `listen`"
    with pytest.raises(OSError, match=words):
        assign_sockets([second], addresses)


def test_a_socket_of_both_families_leaves_nothing_to_an_address_of_ipv4_without_one() -> None:
    """`ListenStream=8080` is such a socket; the address could only be said to be in use."""
    with socket.socket(socket.AF_INET6) as one:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.bind(("::", 0))
        one.listen()
        port = one.getsockname()[1]
        plain, six = Address("0.0.0.0", port), Address("::", port)

        with pytest.raises(OSError, match="BindIPv6Only=ipv6-only"):
            assign_sockets([one], [plain, six])
        assert assign_sockets([one], [six]) == [(one,)]
        assert assign_sockets([one], [six, Address("0.0.0.0", 1)]) == [(one,), ()]


def test_a_socket_of_ipv6_alone_leaves_ipv4_to_us() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as one:
        port = one.getsockname()[1]
        addresses = [Address("127.0.0.1", port), Address("::1", port)]

        assert assign_sockets([one], addresses) == [(), (one,)]


# --- how we are


class Manager:
    """A service manager that writes down what it is told."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(LIMIT_SECONDS)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def hear(self) -> list[str]:
        return self._socket.recv(4096).decode().split("\n")

    def hears_nothing(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(1)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    # Not in tmp_path: the system takes no more than 107 bytes here.
    with tempfile.TemporaryDirectory() as directory:
        yield f"{directory}/n" if request.param == "path" else f"@{directory}"


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    one = Manager(address)
    yield one
    one.close()


def test_the_service_manager_hears_what_becomes_of_us(manager: Manager, address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

    notifier.ready("listening")
    notifier.alive()
    notifier.reloading()
    notifier.reloaded()
    notifier.stopping()

    assert manager.hear() == ["READY=1", "STATUS=listening"]
    assert manager.hear() == ["WATCHDOG=1"]
    reloading, moment = manager.hear()
    assert reloading == "RELOADING=1"
    name, _, microseconds = moment.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(microseconds) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert manager.hear() == ["READY=1"]
    assert manager.hear() == ["STOPPING=1", "STATUS=draining"]


def test_one_that_is_gone_or_full_does_not_hold_us_up(manager: Manager, address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    for _ in range(10_000):  # more than any queue holds
        notifier.alive()
    manager.close()

    notifier.stopping()


def test_without_one_nobody_is_told() -> None:
    notifier = Notifier({})

    notifier.ready("listening")

    assert notifier.watchdog_pause_seconds is None


@pytest.mark.parametrize(
    ("environ", "pause_seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": ""}, None),
    ],
)
def test_the_watchdog_is_told_in_half_of_its_time(
    environ: dict[str, str], pause_seconds: float | None
) -> None:
    assert Notifier(environ).watchdog_pause_seconds == pause_seconds
