"""`gateway run` as users run it: its output, its end, and its exit codes."""

import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.certificates import AUTHORITY, trusting, write_pair
from tests.cli.config_files import INVALID
from tests.hanging import LIMIT_SECONDS

GATEWAY = str(Path(sys.executable).with_name("gateway"))


def config_of(directory: Path, service_port: int = 1, **changes: Any) -> Path:
    """Write a configuration that needs nothing of the outside."""
    (directory / "keys.json").write_text('{"keys": []}')
    config = {
        "version": 1,
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        # A client that is connected may wait for a reload, and that for a busy machine.
        "timeouts": {"head": "5m", "idle": "5m"},
        "issuers": {
            "main": {
                "issuer": "https://login.example.com/",
                "jwks_file": "keys.json",
                "audiences": ["orders"],
            }
        },
        "upstreams": {"main": {"servers": [f"http://127.0.0.1:{service_port}"]}},
        "routes": [
            {"name": "all", "match": {"path_prefix": "/"}, "upstream": "main", "require": {}},
            {"name": "open", "match": {"path": "/open"}, "upstream": "main", "public": True},
        ],
    }
    path = directory / "gateway.yaml"
    path.write_text(yaml.safe_dump(config | changes))
    return path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a gateway that is expected to end by itself."""
    return subprocess.run(
        [GATEWAY, "run", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )


class Running:
    """A gateway in a process of its own."""

    def __init__(
        self, process: subprocess.Popen[str], data: tuple[str, int], admin: tuple[str, int]
    ) -> None:
        self.process = process
        self.data = data
        self.admin = admin

    def connect(self) -> socket.socket:
        return socket.create_connection(self.data, timeout=LIMIT_SECONDS)

    def wait(self) -> int:
        return self.process.wait(LIMIT_SECONDS)


def read_line(process: subprocess.Popen[str], mark: str) -> str:
    """Return the next line of stderr that has *mark* in it."""
    assert process.stderr is not None
    for line in process.stderr:
        if mark in line:
            return line
    raise AssertionError(f"the gateway ended without saying: {mark}")


def address_in(line: str) -> tuple[str, int]:
    host, _, port = line.rpartition(" ")[2].strip().rpartition(":")
    return host, int(port)


@contextmanager
def running(path: Path) -> Iterator[Running]:
    with subprocess.Popen(
        [GATEWAY, "run", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
        watchdog.start()
        try:
            data = address_in(read_line(process, "listening on"))
            yield Running(process, data, address_in(read_line(process, "admin on")))
        finally:
            watchdog.cancel()
            process.kill()


def assert_one_clear_message(done: subprocess.CompletedProcess[str]) -> None:
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_invalid_config_ends_with_1_and_every_fault_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(INVALID)

    done = run(path)

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert re.match(rf"{re.escape(str(path))}:\d+:\d+: [a-z-_]+: ", line)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["a: [", "\tx", "- 1\n- 2\n", "just text", "\x00\x01", ""])
def test_what_is_no_config_ends_with_1_and_no_traceback(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)

    done = run(path)

    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_ends_with_3(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere.yaml")

    assert done.returncode == 3
    assert_one_clear_message(done)
    assert "nowhere.yaml" in done.stderr


def test_a_directory_in_place_of_a_file_ends_with_3(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 3
    assert_one_clear_message(done)


LISTENERS = [("listen", 1), ("listen", 2), ("admin", 1), ("admin", 2)]


@pytest.mark.parametrize(("key", "workers"), LISTENERS)
def test_an_address_in_use_ends_with_3_and_is_named(tmp_path: Path, key: str, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        changes: dict[str, Any] = {"workers": workers, key: address}
        done = run(config_of(tmp_path, **changes))

    assert_last_words(done, f"cannot listen on {address} ({key}): address already in use")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_address_is_listened_on_and_named_in_one_line(tmp_path: Path, workers: int) -> None:
    """With TLS at one of them, and without at the others."""
    write_pair(tmp_path, AUTHORITY.issue_cert("127.0.0.1"))
    tls = {"certificate": "server.pem", "key": "server.key"}
    listen = ["127.0.0.1:0", "[::1]:0", {"address": "127.0.0.1:0", "tls": tls}]
    path = config_of(tmp_path, listen=listen, workers=workers)
    with subprocess.Popen(
        [GATEWAY, "run", str(path)], stderr=subprocess.PIPE, text=True
    ) as process:
        watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
        watchdog.start()
        try:
            line = read_line(process, "listening on")
            found = re.fullmatch(
                r"gateway: listening on 127\.0\.0\.1:(\d+), \[::1\]:(\d+), 127\.0\.0\.1:(\d+)\n",
                line,
            )
            assert found is not None, line
            first, second, secure = map(int, found.groups())
            for _ in range(10):  # of several workers each has its own sockets
                assert status_at(("127.0.0.1", first)) == b"401"
                assert status_at(("::1", second)) == b"401"
                assert status_at(("127.0.0.1", secure), trusting()) == b"401"
            process.terminate()
            assert process.wait(LIMIT_SECONDS) == 0
        finally:
            watchdog.cancel()
            process.kill()


def status_at(address: tuple[str, int], context: ssl.SSLContext | None = None) -> bytes:
    """Return the status of the answer to a request on a connection of its own."""
    with ExitStack() as stack:
        one = stack.enter_context(socket.create_connection(address, timeout=LIMIT_SECONDS))
        if context is not None:
            one = stack.enter_context(context.wrap_socket(one, server_hostname=address[0]))
        one.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        return one.recv(65536)[9:12]


def assert_last_words(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == f"gateway: {words}"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("key", "workers"), LISTENERS)
def test_an_address_of_another_machine_ends_with_3_and_is_named(
    tmp_path: Path, key: str, workers: int
) -> None:
    """192.0.2.0/24 is nobody's (RFC 5737)."""
    admin = {"token_env": "PATH", "address": "192.0.2.1:80"}
    address: Any = admin if key == "admin" else "192.0.2.1:80"
    changes: dict[str, Any] = {"workers": workers, key: address}
    done = run(config_of(tmp_path, **changes))

    assert_last_words(
        done, f"cannot listen on 192.0.2.1:80 ({key}): not an address of this machine"
    )


@pytest.mark.parametrize("key", ["listen", "admin"])
def test_a_port_that_needs_a_privilege_ends_with_3_and_is_named(tmp_path: Path, key: str) -> None:
    """The privilege is taken away, for the tests of an image run as root."""
    port = first_privileged_port()
    changes: dict[str, Any] = {key: f"127.0.0.1:{port}"}
    path = config_of(tmp_path, **changes)
    drop = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    done = subprocess.run(
        [*(drop if os.geteuid() == 0 else ()), GATEWAY, "run", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )

    why = "permission denied: a port below 1024 needs CAP_NET_BIND_SERVICE"
    assert_last_words(done, f"cannot listen on 127.0.0.1:{port} ({key}): {why}")


def first_privileged_port() -> int:
    """Return 1; where the machine leaves low ports to everybody, the test cannot say anything."""
    free_from = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()
    assert int(free_from) > 1, "no port needs a privilege here: sysctl net.ipv4"
    return 1


@pytest.mark.parametrize("workers", [1, 2])
def test_an_address_of_ipv6_where_the_machine_has_none_ends_with_3_and_is_named(
    tmp_path: Path, workers: int
) -> None:
    config = config_of(tmp_path, listen=["127.0.0.1:0", "[::]:8080"], workers=workers)
    without_ipv6 = Path(__file__).with_name("without_ipv6.py")
    ended = subprocess.run(
        [sys.executable, without_ipv6, GATEWAY, "run", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )

    assert ended.returncode == 3
    assert ended.stderr.splitlines()[-1] == (
        "gateway: cannot listen on [::]:8080 (listen): this machine has no IPv6"
    )
    assert "Traceback" not in ended.stderr


def test_what_only_reports_is_said_at_the_start(tmp_path: Path) -> None:
    """The gateway ends here, so that all it said is there to read."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        route = {"name": "all", "match": {"path_prefix": "/"}, "upstream": "main", "require": {}}
        address = "{}:{}".format(*other.getsockname())
        path = config_of(tmp_path, listen=address, routes=[{**route, "mode": "report"}])

        done = run(path)

    (line,) = [line for line in done.stderr.splitlines() if "report_only" in line]
    assert line.endswith("warning: `all` only reports what it would refuse for its token")


@pytest.mark.parametrize("workers", [1, 2])
def test_each_line_is_json_for_who_wants_that(tmp_path: Path, workers: int) -> None:
    path = config_of(tmp_path, workers=workers)
    with subprocess.Popen(
        [GATEWAY, "run", "--json", str(path)], stderr=subprocess.PIPE, text=True
    ) as process:
        watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
        watchdog.start()
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(json.loads(line))
            if "admin on" in line:
                process.send_signal(signal.SIGINT)
        watchdog.cancel()

    assert process.returncode == 0
    assert {tuple(line) for line in lines} == {("time", "message")}
    assert lines[-1]["message"] == "gateway: draining"


def test_too_many_arguments_are_a_usage_error(tmp_path: Path) -> None:
    done = run(config_of(tmp_path), "another.yaml")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains_and_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    with running(config_of(tmp_path)) as gateway:
        gateway.process.send_signal(number)

        assert gateway.wait() == 0
        assert gateway.process.stderr is not None
        rest = gateway.process.stderr.read()
    assert "draining" in rest
    assert "Traceback" not in rest


def test_as_many_files_may_be_open_as_the_system_allows(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard))
    try:
        with running(config_of(tmp_path)) as gateway:
            limits = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert limits == (hard, hard)


def held_request(gateway: Running, service: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Send a request that waits at the service; return both of its connections."""
    client = gateway.connect()
    client.sendall(b"GET /open HTTP/1.1\r\nHost: a.test\r\n\r\n")
    peer, _ = service.accept()
    peer.settimeout(LIMIT_SECONDS)
    assert peer.recv(65536).startswith(b"GET /open HTTP/1.1\r\n")
    return client, peer


@pytest.fixture
def service() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT_SECONDS)
        yield listener


def test_a_request_under_way_finishes_after_the_signal(
    tmp_path: Path, service: socket.socket
) -> None:
    with running(config_of(tmp_path, service.getsockname()[1])) as gateway:
        client, peer = held_request(gateway, service)
        with client, peer:
            gateway.process.send_signal(signal.SIGTERM)
            read_line(gateway.process, "draining")
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole")
            answer = b"".join(iter(lambda: client.recv(65536), b""))

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\nwhole")
        assert gateway.wait() == 0


def test_a_second_signal_ends_at_once(tmp_path: Path, service: socket.socket) -> None:
    with running(config_of(tmp_path, service.getsockname()[1], drain="1h")) as gateway:
        client, peer = held_request(gateway, service)
        with client, peer:
            gateway.process.send_signal(signal.SIGTERM)
            read_line(gateway.process, "draining")
            gateway.process.send_signal(signal.SIGTERM)

            assert gateway.wait() == 128 + signal.SIGTERM


def test_the_second_signal_says_which_it_was(tmp_path: Path, service: socket.socket) -> None:
    with running(config_of(tmp_path, service.getsockname()[1], drain="1h")) as gateway:
        client, peer = held_request(gateway, service)
        with client, peer:
            gateway.process.send_signal(signal.SIGTERM)
            read_line(gateway.process, "draining")
            gateway.process.send_signal(signal.SIGINT)

            assert gateway.wait() == 128 + signal.SIGINT


def test_draining_ends_when_its_time_is_over(tmp_path: Path, service: socket.socket) -> None:
    with running(config_of(tmp_path, service.getsockname()[1], drain="200ms")) as gateway:
        client, peer = held_request(gateway, service)
        with client, peer:
            gateway.process.send_signal(signal.SIGTERM)

            assert gateway.wait() == 0


CLOSED = [{"name": "all", "match": {"path_prefix": "/"}, "upstream": "main", "require": {}}]


def status_of(client: socket.socket) -> bytes:
    """Return the status line of ``GET /open``, asked on *client*."""
    client.sendall(b"GET /open HTTP/1.1\r\nHost: a.test\r\n\r\n")
    return client.recv(65536).partition(b"\r\n")[0]


def config_status(gateway: Running) -> dict[str, Any]:
    with closing(HTTPConnection(*gateway.admin, timeout=LIMIT_SECONDS)) as admin:
        admin.request("GET", "/status")
        status: dict[str, Any] = json.loads(admin.getresponse().read())["config"]
    return status


def test_hup_reloads_the_file_for_open_connections_too(tmp_path: Path) -> None:
    with running(config_of(tmp_path)) as gateway, gateway.connect() as client:
        assert status_of(client) == b"HTTP/1.1 502 Bad Gateway"  # let through; there is no service
        before = config_status(gateway)

        config_of(tmp_path, routes=CLOSED)
        gateway.process.send_signal(signal.SIGHUP)
        line = read_line(gateway.process, "reloaded")

        assert status_of(client) == b"HTTP/1.1 401 Unauthorized"
        after = config_status(gateway)
        assert after["live_hash"] == after["attempted_hash"] != before["live_hash"]
        assert line == f"gateway: reloaded, config {after['live_hash'][:12]}\n"


def test_hup_with_an_invalid_file_changes_nothing_and_says_why(tmp_path: Path) -> None:
    path = config_of(tmp_path)
    with running(path) as gateway, gateway.connect() as client:
        before = config_status(gateway)
        path.write_text(INVALID)
        gateway.process.send_signal(signal.SIGHUP)

        fault = read_line(gateway.process, "unknown_key")
        read_line(gateway.process, "not reloaded")

        assert re.match(rf"{re.escape(str(path))}:\d+:\d+: unknown_key: ", fault)
        assert status_of(client) == b"HTTP/1.1 502 Bad Gateway"
        after = config_status(gateway)
        assert after["live_hash"] == before["live_hash"] != after["attempted_hash"]
        assert after["last_error"].startswith(fault.rstrip())


def test_hup_with_another_address_is_refused_in_one_line(tmp_path: Path) -> None:
    with running(config_of(tmp_path)) as gateway, gateway.connect() as client:
        config_of(tmp_path, routes=CLOSED, listen="127.0.0.2:0")
        gateway.process.send_signal(signal.SIGHUP)

        line = read_line(gateway.process, "not reloaded")

        assert line.endswith(": `listen` cannot change without a restart\n")
        assert status_of(client) == b"HTTP/1.1 502 Bad Gateway"


def test_a_request_in_flight_survives_hup(tmp_path: Path, service: socket.socket) -> None:
    port = service.getsockname()[1]
    with running(config_of(tmp_path, port)) as gateway:
        client, peer = held_request(gateway, service)
        with client, peer:
            for _ in range(3):
                config_of(tmp_path, port, routes=CLOSED)
                gateway.process.send_signal(signal.SIGHUP)
                read_line(gateway.process, "reloaded")
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole")

            assert client.recv(65536).endswith(b"\r\n\r\nwhole")
            assert status_of(client) == b"HTTP/1.1 401 Unauthorized"


def test_the_access_log_is_on_stdout_and_whole_at_the_end(
    tmp_path: Path, service: socket.socket
) -> None:
    with running(config_of(tmp_path, service.getsockname()[1])) as gateway:
        with gateway.connect() as client:
            client.sendall(b"GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.stdout is not None
        (line,) = gateway.process.stdout.read().splitlines()
        assert gateway.wait() == 0

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert '"reason":"token_missing"' in line
