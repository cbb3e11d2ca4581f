"""`gateway run` between clients that read nothing or never end: each costs at most 64 KiB."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.cli.run.test_command import Running, config_of, running

CLIENTS = 100
MOST_KIB = 64

# The smallest request, which costs the most for each byte, and is refused with 401.
ASK = b"GET /private HTTP/1.1\r\nHost: a\r\n\r\n"

TINY = b"GET /private HTTP/1.1\r\nHost: a\r\n" + b"".join(b"%x:\r\n" % n for n in range(4400))
SAME = b"GET /private HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 7000


@contextmanager
def started(directory: Path) -> Iterator[Running]:
    timeouts = {"head": "10m", "idle": "10m", "body": "10m"}
    with running(config_of(directory, access_log="none", timeouts=timeouts)) as gateway:
        yield gateway


def resident_kib(gateway: Running) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def push(wires: list[socket.socket], data: bytes) -> None:
    """Send *data* again and again on each of *wires*, until none takes any more for a while."""
    for wire in wires:
        wire.setblocking(False)
    quiet = 0
    while quiet < 20:
        quiet += 1
        for wire in wires:
            try:
                wire.send(data)
                quiet = 0
            except BlockingIOError:
                pass
            except ConnectionError:
                return  # refused and closed: that costs nothing
        time.sleep(0.02)  # for the gateway; more of it can only cost it more


def growth_kib(gateway: Running, data: bytes) -> float:
    """Return how much memory each of many clients costs that sends *data* and reads nothing."""
    with ExitStack() as stack:

        def connect(count: int) -> list[socket.socket]:
            return [stack.enter_context(gateway.connect()) for _ in range(count)]

        push(connect(5), data)  # so that what all have in common is there
        before = resident_kib(gateway)
        push(connect(CLIENTS), data)
        return (resident_kib(gateway) - before) / CLIENTS


def test_answers_that_a_client_does_not_read_cost_little_whatever_it_asks(tmp_path: Path) -> None:
    """Before, 261 KiB each: a whole read of the socket waited behind the answers."""
    with started(tmp_path) as gateway:
        assert growth_kib(gateway, ASK * 1000) < MOST_KIB


@pytest.mark.parametrize("head", [TINY, SAME], ids=["made up", "one again and again"])
def test_a_head_of_tiny_fields_that_never_ends_costs_little(tmp_path: Path, head: bytes) -> None:
    """Before, 102 KiB each: fields were counted when the head was whole."""
    with started(tmp_path) as gateway, ExitStack() as stack:
        wires = [stack.enter_context(gateway.connect()) for _ in range(CLIENTS + 5)]
        before = 0
        for number, wire in enumerate(wires):
            if number == 5:
                before = resident_kib(gateway)
            wire.sendall(head[:31_000])
            assert wire.recv(100).startswith(b"HTTP/1.1 431 ")
        assert (resident_kib(gateway) - before) / CLIENTS < MOST_KIB
