"""`gateway run` with few file descriptors: it warns, and survives having none left."""

import subprocess
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

from tests.cli.run.test_command import GATEWAY, Running, address_in, config_of, read_line
from tests.hanging import LIMIT_SECONDS


def start(path: Path, descriptors: int) -> subprocess.Popen[str]:
    command = f'ulimit -n {descriptors} && exec "$0" run "$1"'
    return subprocess.Popen(
        ["/bin/sh", "-c", command, GATEWAY, str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_too_few_descriptors_for_the_connections_allowed_are_a_warning(tmp_path: Path) -> None:
    with start(config_of(tmp_path, limits={"connections": 1000}), 512) as process:
        try:
            warning = read_line(process, "warning")
            read_line(process, "listening on")
        finally:
            process.kill()

    assert "1000 connections (limits.connections) may take 1065 open files" in warning
    assert "512 are allowed" in warning


def test_clients_that_take_every_descriptor_do_not_end_the_gateway(tmp_path: Path) -> None:
    with start(config_of(tmp_path), 64) as process:
        try:
            data = address_in(read_line(process, "listening on"))
            gateway = Running(process, data, address_in(read_line(process, "admin on")))
            crowd = [gateway.connect() for _ in range(200)]
            for wire in crowd:
                wire.close()
            while (status := ask(gateway)) is None:
                pass  # it has not seen yet that the crowd is gone
            process.terminate()
            assert process.wait(LIMIT_SECONDS) == 0
        finally:
            process.kill()
    assert status == 401


def ask(gateway: Running) -> int | None:
    """Return the status of an answer, or None where the connection was dropped."""
    with closing(HTTPConnection(*gateway.data, timeout=LIMIT_SECONDS)) as connection:
        try:
            connection.request("GET", "/private")
            return connection.getresponse().status
        except ConnectionError:
            return None
