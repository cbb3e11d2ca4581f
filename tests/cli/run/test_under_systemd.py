"""`gateway run` under systemd: it takes over its sockets, and notifies it in order."""

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import AUTHORITY, trusting, write_pair
from tests.cli.activation import activate
from tests.cli.config_files import INVALID
from tests.cli.run.test_command import GATEWAY
from tests.cli.worker_world import Fleet, ask, config_of, until
from tests.hanging import LIMIT_SECONDS


class Manager:
    """A service manager that writes down what it is told."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(LIMIT_SECONDS)
        self._socket.bind(path)

    def hear(self) -> str:
        """Return the first line of what it hears next, but for the watchdog."""
        while (line := self._socket.recv(4096).decode().split("\n")[0]) == "WATCHDOG=1":
            pass
        return line

    def hear_watchdog(self) -> None:
        while self._socket.recv(4096) != b"WATCHDOG=1":
            pass

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager() -> Iterator[Manager]:
    # Not in tmp_path: the system takes no more than 107 bytes here.
    with tempfile.TemporaryDirectory() as directory:
        one = Manager(f"{directory}/notify")
        yield one
        one.close()


@contextmanager
def activated(
    path: Path, sockets: list[socket.socket], names: str, **environ: str
) -> Iterator[Fleet]:
    """Yield a gateway that was started with *sockets* and may not serve yet."""
    process = activate([GATEWAY, "run", str(path)], sockets, names, environ=environ)
    with process:
        fleet = Fleet(process)
        try:
            yield fleet
        finally:
            fleet.end()


def config(directory: Path, workers: int, **changes: Any) -> Path:
    """Write a configuration whose own addresses are nobody's: they are not to be used."""
    elsewhere = {"listen": "192.0.2.1:80", "admin": "192.0.2.1:81"}  # RFC 5737
    routes = [{"name": "all", "match": {"path_prefix": "/"}, "upstream": "main", "require": {}}]
    settings = {**elsewhere, "routes": routes, **changes}
    return config_of(directory, "http://127.0.0.1:1", workers=workers, **settings)


@pytest.mark.parametrize("workers", [1, 2])
def test_sockets_are_taken_and_the_manager_hears_of_start_reloads_and_end(
    tmp_path: Path, manager: Manager, workers: int
) -> None:
    path = config(tmp_path, workers, admin={"address": "192.0.2.1:81", "token_env": "ADMIN"})
    watchdog = {"WATCHDOG_USEC": "200000"}
    with ExitStack() as stack:
        data, more, admin = (
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)
        )
        stack.enter_context(waiting := socket.create_connection(data.getsockname()))
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")  # while nobody runs
        fleet = stack.enter_context(
            activated(
                path,
                [data, admin, more],
                "web:admin:web",
                NOTIFY_SOCKET=manager.path,
                ADMIN="a-token-for-operators",
                **watchdog,
            )
        )
        assert manager.hear() == "READY=1"
        manager.hear_watchdog()

        waiting.settimeout(LIMIT_SECONDS)
        assert waiting.recv(65536).startswith(b"HTTP/1.1 401 ")
        for one in (data, more):
            assert {ask(one.getsockname(), "/").status for _ in range(10)} == {401}
        assert ask(admin.getsockname(), "/livez").status == 200
        assert ask(admin.getsockname(), "/status").status == 401
        assert ask(admin.getsockname(), "/status", "a-token-for-operators").status == 200

        fleet.process.send_signal(signal.SIGHUP)
        assert [manager.hear(), manager.hear()] == ["RELOADING=1", "READY=1"]
        fleet.await_said("gateway: reloaded")
        path.write_text(INVALID)
        fleet.process.send_signal(signal.SIGHUP)
        assert [manager.hear(), manager.hear()] == ["RELOADING=1", "READY=1"]
        fleet.await_said("not reloaded")

        fleet.process.terminate()
        assert manager.hear() == "STOPPING=1"
        assert fleet.process.wait(LIMIT_SECONDS) == 0

        # They are the manager's own: who connects now waits for the next start.
        with socket.create_connection(data.getsockname(), timeout=LIMIT_SECONDS):
            pass


@pytest.mark.parametrize("workers", [1, 2])
def test_of_several_addresses_each_has_its_socket_and_one_without_is_opened(
    tmp_path: Path, workers: int
) -> None:
    write_pair(tmp_path, AUTHORITY.issue_cert("127.0.0.1"))
    tls = {"certificate": "server.pem", "key": "server.key"}
    with ExitStack() as stack:
        plain, secure, stray = (
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)
        )
        listen = [
            "[::1]:0",
            {"address": f"127.0.0.1:{secure.getsockname()[1]}", "tls": tls},
            f"127.0.0.1:{plain.getsockname()[1]}",
        ]
        path = config(tmp_path, workers, listen=listen, admin="127.0.0.1:0")
        with activated(path, [stray], "web") as refused:
            assert refused.process.wait(LIMIT_SECONDS) == 3
            refused.await_said("which is not in `listen`")

        fleet = stack.enter_context(activated(path, [plain, secure], "web:web"))
        opened = fleet.await_said("listening on").partition("[::1]:")[2].partition(",")[0]
        for _ in range(10):
            assert ask(plain.getsockname(), "/").status == 401
            assert ask(("::1", int(opened)), "/").status == 401
            with (
                socket.create_connection(secure.getsockname(), timeout=LIMIT_SECONDS) as raw,
                trusting().wrap_socket(raw, server_hostname="127.0.0.1") as client,
            ):
                client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
                assert client.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_a_socket_that_is_none_of_ours_ends_with_3_and_one_line(tmp_path: Path) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        path = config(tmp_path, 2, admin="127.0.0.1:0")
        with activated(path, [datagrams], "web") as fleet:
            assert fleet.process.wait(LIMIT_SECONDS) == 3
            fleet.await_said("descriptor 3")

    assert fleet.said == ["gateway: descriptor 3, which systemd passed, does not listen for TCP\n"]


def test_a_manager_that_hears_nothing_holds_up_nobody(tmp_path: Path) -> None:
    path = config(tmp_path, 1, listen="127.0.0.1:0", admin="127.0.0.1:0")
    process = subprocess.Popen(
        [GATEWAY, "run", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "nowhere"), "WATCHDOG_USEC": "1000"},
    )
    with process:
        fleet = Fleet(process)
        try:
            fleet.await_start()
            assert fleet.ask("/").status == 401
            fleet.process.terminate()
            assert fleet.process.wait(LIMIT_SECONDS) == 0
        finally:
            fleet.end()


def test_workers_do_not_have_the_managers_sockets(tmp_path: Path) -> None:
    """A worker that had them would keep the port after all others have left it."""
    with socket.create_server(("127.0.0.1", 0)) as data:
        place = data.getsockname()
        path = config(tmp_path, 2, admin="127.0.0.1:0")
        with activated(path, [data], "web") as fleet:
            fleet.await_start()
            data.close()  # the manager gives it up
            fleet.process.terminate()
            assert fleet.process.wait(LIMIT_SECONDS) == 0

            until(lambda: is_refused(place))


def is_refused(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=LIMIT_SECONDS).close()
    except ConnectionRefusedError:
        return True
    return False
