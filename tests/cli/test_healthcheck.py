import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.healthcheck import command
from tests.admin.peers import admin_port

NOT_READY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"
    b'{"not_ready": ["issuer main: no keys", "draining"]}'
)
READY = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one request on loopback with *answer*; yield the URL and the heads received."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heads.append(connection.recv(65536))
                connection.sendall(answer)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heads
        server.join(timeout=30)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(command, arguments, env=environ)


def test_a_ready_gateway_is_0() -> None:
    with answering(READY) as (url, heads):
        result = run("--url", url)

    assert (result.exit_code, result.stdout) == (0, "ready\n")
    assert heads[0].startswith(b"GET /readyz HTTP/1.1\r\n")


def test_a_gateway_that_is_not_ready_is_1_and_says_why() -> None:
    with answering(NOT_READY) as (url, _):
        result = run("--url", url)

    assert result.exit_code == 1
    assert result.stdout == "not ready: issuer main: no keys; draining\n"


def test_live_asks_for_livez() -> None:
    with answering(READY) as (url, heads):
        result = run("--url", url, "--live")

    assert (result.exit_code, result.stdout) == (0, "alive\n")
    assert heads[0].startswith(b"GET /livez HTTP/1.1\r\n")


def test_nobody_there_is_3() -> None:
    result = run("--url", f"http://127.0.0.1:{unused_port()}")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.startswith("gateway: no response from the admin port at 127.0.0.1 port ")
    assert "connection refused" in result.stderr


def test_a_gateway_that_never_answers_is_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        result = run("--url", url, "--timeout", "0.05")

    assert result.exit_code == 3
    assert "timed out" in result.stderr


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x16"])
def test_something_that_is_not_http_is_3(answer: bytes) -> None:
    with answering(answer) as (url, _):
        result = run("--url", url)

    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"busy",
        b"[1]",
        b"{}",
        b'{"not_ready": 1}',
        b"[" * 60_000,
        b"\xff\xfe",
        b'{"not_ready": [], "n": ' + b"1" * 5000 + b"}",
    ],
)
def test_a_refusal_without_reasons_gives_its_status(body: bytes) -> None:
    head = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"
    with answering(head + body) as (url, _):
        result = run("--url", url)

    assert (result.exit_code, result.stdout) == (1, "not ready: status 503\n")


def test_a_redirect_is_not_followed_and_not_healthy() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n"
    with answering(answer) as (url, _):
        result = run("--url", url)

    assert (result.exit_code, result.stdout) == (1, "not ready: status 302\n")


def test_no_escape_sequence_reaches_the_terminal() -> None:
    answer = b'HTTP/1.1 503 No\r\nConnection: close\r\n\r\n{"not_ready": ["a\\u001b[2Jb"]}'
    with answering(answer) as (url, _):
        result = run("--url", url)

    assert result.stdout == "not ready: a?[2Jb\n"


def test_json_says_the_same() -> None:
    with answering(NOT_READY) as (url, _):
        result = run("--url", url, "--format", "json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "healthy": False,
        "status": 503,
        "not_ready": ["issuer main: no keys", "draining"],
    }


@pytest.mark.parametrize("how", ["argument", "option", "environment"])
def test_the_admin_port_comes_from_the_configuration(tmp_path: Path, how: str) -> None:
    with answering(READY) as (url, _):
        config = tmp_path / "gateway.yaml"
        config.write_text(f"admin: {url.removeprefix('http://')}\n")
        arguments, environ = {
            "argument": ((str(config),), {}),
            "option": (("--config", str(config)), {}),
            "environment": ((), {"GATEWAY_CONFIG": str(config)}),
        }[how]
        result = run(*arguments, environ=environ)

    assert (result.exit_code, result.stdout) == (0, "ready\n")


def test_a_configuration_that_cannot_be_read_is_3(tmp_path: Path) -> None:
    result = run(str(tmp_path / "absent.yaml"))

    assert result.exit_code == 3
    assert "cannot read" in result.stderr


def test_a_configuration_without_an_admin_port_is_1(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("admin: false\n")

    result = run(str(config))

    assert result.exit_code == 1
    assert result.stderr == f"gateway: {config} turns the admin port off\n"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:9901",
        "https://127.0.0.1:9901",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@127.0.0.1",
        "http://127.0.0.1:9901/metrics",
        "http://127.0.0.1:9901/?x",
        "http://127.0.0.1:99999",
        "http://[::1",
    ],
)
def test_any_other_url_is_a_usage_error(url: str) -> None:
    result = run("--url", url)

    assert result.exit_code == 2
    assert "--url" in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize("url", ["http://a b:1", f"http://{'a' * 300}:1", "http://\u00ff\u0000:1"])
def test_a_name_that_is_none_is_3(url: str) -> None:
    result = run("--url", url)

    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e9", "soon"])
def test_a_time_that_is_none_is_a_usage_error(seconds: str) -> None:
    assert run("--timeout", seconds, "--url", "http://127.0.0.1:1").exit_code == 2


async def test_it_understands_the_real_admin_port() -> None:
    """In a process of its own, as a container runs it."""
    async with admin_port() as port:
        port.gateway.not_ready = ("draining",)
        url = "http://{}:{}".format(*port.server.address)
        done = await _run_outside("--url", url)

    assert (done.returncode, done.stdout) == (1, "not ready: draining\n")


async def _run_outside(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from gateway.cli.healthcheck import command; command()"
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        None,
        lambda: subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        ),
    )


def test_with_a_url_it_starts_without_the_heavy_modules() -> None:
    program = (
        "import sys; from gateway.cli.healthcheck import command\n"
        "try: command(['--url', 'http://127.0.0.1:1'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('yaml', 'pydantic', 'aiohttp') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "[]\n"
