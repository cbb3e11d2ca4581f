"""The request, the output and the exit codes of `gateway reload`."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result

from gateway.reloading.report import (
    ReloadOutcome,
    ReloadReport,
    report_as_json,
)
from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.suites.running.failed_tests import FailedTest
from tests.admin.peers import admin_port
from tests.cli.config_files import run
from tests.cli.peers import closed_port, silent_peer

ERROR = Fault(Place("gateway.yaml", 9, 1), Code.UNKNOWN_KEY, "unknown key `listn`")
WARNING = Fault(Place("gateway.yaml", 3, 4), Code.UNUSED_ISSUER, "nobody", Severity.WARNING)
FAILURE = FailedTest(
    Place("a.test.yaml", 3, 4), "own orders", "alice", "GET a/b", ("expected allow, got none",)
)
APPLIED = ReloadReport(ReloadOutcome.APPLIED, "0123456789abcdef", faults=(WARNING,))
INVALID = ReloadReport(ReloadOutcome.INVALID, "ab", f"{ERROR}", (WARNING, ERROR))
UNREADABLE = ReloadReport(ReloadOutcome.INVALID, None, "cannot read gateway.yaml: gone")
FIXED = ReloadReport(ReloadOutcome.NEEDS_RESTART, "ab", "`listen` cannot change")
UNTESTED = ReloadReport(ReloadOutcome.TESTS_FAILED, "ab", "1 of 2 tests failed", (), (FAILURE,))
STAYS = "gateway: not reloaded, the previous configuration stays active: "


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one request on loopback with *answer*; yield the URL and what was received."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                request = b""
                # All of it: what is left unread would reset the connection under the answer.
                while not request.endswith(b"}"):
                    request += connection.recv(65536)
                requests.append(request)
                connection.sendall(answer)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
        server.join(timeout=30)


def response(report: ReloadReport) -> bytes:
    """Return what the admin port would answer."""
    status = "200 OK" if report.is_applied else "409 Conflict"
    body = json.dumps({"title": "x", **report_as_json(report)}).encode()
    return f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode() + body


def reload(answer: bytes, *arguments: str) -> tuple[Result, bytes]:
    """Return what the verb did about *answer*, and what it had sent."""
    with answering(answer) as (url, heads):
        done = run("reload", "--url", url, *arguments)
    return done, heads[0]


@pytest.mark.parametrize(
    ("report", "code", "stdout", "stderr"),
    [
        (APPLIED, 0, "reloaded, config 0123456789ab\n", [str(WARNING)]),
        (INVALID, 1, "", [str(WARNING), str(ERROR), f"{STAYS}the configuration has faults"]),
        (UNREADABLE, 1, "", [f"{STAYS}cannot read gateway.yaml: gone"]),
        (FIXED, 1, "", [f"{STAYS}`listen` cannot change"]),
        (
            UNTESTED,
            1,
            "",
            [
                "FAIL a.test.yaml:3:4: own orders: alice",
                "  GET a/b",
                "  expected allow, got none",
                f"{STAYS}1 of 2 tests failed",
            ],
        ),
    ],
)
def test_what_became_of_it_is_said_and_is_the_exit_code(
    report: ReloadReport, code: int, stdout: str, stderr: list[str]
) -> None:
    done, _ = reload(response(report))

    assert (done.exit_code, done.stdout) == (code, stdout)
    assert done.stderr.splitlines() == stderr


@pytest.mark.parametrize("report", [APPLIED, UNTESTED])
def test_json_is_the_report_alone(report: ReloadReport) -> None:
    done, _ = reload(response(report), "--format", "json")

    assert (done.exit_code, done.stderr) == (0 if report.is_applied else 1, "")
    assert json.loads(done.stdout) == report_as_json(report)


def test_it_posts_what_no_website_could() -> None:
    _, head = reload(response(APPLIED))

    assert head.startswith(b"POST /reload HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert b"Authorization" not in head


def test_it_forces_only_if_it_is_told_to() -> None:
    requests = [reload(response(APPLIED), *options)[1] for options in ((), ("--force",))]

    bodies = [one.partition(b"\r\n\r\n")[2] for one in requests]
    assert bodies == [b"{}", b'{"force": true}']


@pytest.mark.parametrize("how", ["file", "option", "environment"])
def test_file_says_where_to_ask_and_which_variable_has_the_token(how: str, tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    with answering(response(APPLIED)) as (url, heads):
        address = url.removeprefix("http://")
        config.write_text(f"admin: {{address: '{address}', token_env: HERE}}\nlistn: 1\n")
        arguments: dict[str, tuple[list[str | Path], Mapping[str, str]]] = {
            "file": ([config], {}),
            "option": (["--config", config], {}),
            "environment": ([], {"GATEWAY_CONFIG": str(config)}),
        }
        words, environ = arguments[how]
        done = run("reload", *words, env={"HERE": "secret", **environ})

    assert done.exit_code == 0
    assert b"\r\nAuthorization: Bearer secret\r\n" in heads[0]
    assert "secret" not in done.output


def test_a_token_can_be_given_and_that_of_a_file_that_is_not_named_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "absent.yaml"))
    monkeypatch.setenv("THERE", "other")

    _, given = reload(response(APPLIED), "--admin-token", "env:THERE")
    _, none = reload(response(APPLIED))

    assert b"\r\nAuthorization: Bearer other\r\n" in given
    assert b"Authorization" not in none


def test_a_token_on_the_command_line_is_refused() -> None:
    done = run("reload", "--url", "http://127.0.0.1:1", "--admin-token", "secret")

    assert done.exit_code == 2
    assert "secret" not in done.output


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        ("401 No", b"{}", "requires a token: see --admin-token"),
        ("503 No", b"{}", "the gateway is starting or stopping"),
        ("404 No", b"{}", "unexpected response of the admin port (status 404)"),
        ("200 OK", b"[" * 60_000, "unexpected response of the admin port (status 200)"),
        ("200 OK", b"[1]", "unexpected response of the admin port (status 200)"),
        (
            "200 OK",
            b'{"outcome": "splendid"}',
            "unexpected response of the admin port (status 200)",
        ),
    ],
)
def test_an_answer_that_is_no_report_is_3(status: str, body: bytes, said: str) -> None:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode()

    done, _ = reload(head + body)

    assert (done.exit_code, done.stdout) == (3, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_nobody_there_and_nobody_who_answers_are_3() -> None:
    nobody = run("reload", "--url", f"http://127.0.0.1:{closed_port()}")
    with silent_peer() as place:
        silent = run("reload", "--url", f"http://{place}", "--timeout", "0.05")

    assert (nobody.exit_code, silent.exit_code) == (3, 3)
    assert "connection refused" in nobody.stderr
    assert "timed out" in silent.stderr


def test_a_file_that_cannot_be_read_is_3(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")

    assert run("reload", missing).exit_code == 3
    assert run("reload", missing, "--url", "http://127.0.0.1:1").exit_code == 3


def test_no_escape_sequence_reaches_the_terminal() -> None:
    done, _ = reload(response(ReloadReport(ReloadOutcome.INVALID, None, "a\x1b[2J\nb")))

    assert done.stderr == f"{STAYS}a\\x1b[2J\\nb\n"


async def test_it_understands_the_real_admin_port() -> None:
    """In a process of its own, as a hook of a deployment runs it."""
    async with admin_port() as port:

        async def serve() -> None:
            with port.reloads.serve():
                (await port.reloads.next()).finish(UNTESTED)

        serving = asyncio.create_task(serve())
        url = "http://{}:{}".format(*port.server.address)
        command = [sys.executable, "-m", "gateway", "reload", "--url", url]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False, timeout=60
        )
        await serving

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == "FAIL a.test.yaml:3:4: own orders: alice"
