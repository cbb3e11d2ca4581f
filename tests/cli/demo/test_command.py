"""`gateway demo` as users run it."""

import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.cli.demo.browser import Browser
from gateway.cli.demo.command import introduction, introduction_as_json
from gateway.cli.demo.exchanges import EXCHANGES
from gateway.cli.demo.parts import RunningDemo
from gateway.issuer.personas import PERSONAS
from tests.hanging import LIMIT_SECONDS

GATEWAY = str(Path(sys.executable).with_name("gateway"))
PATH = f"{Path(GATEWAY).parent}:{os.environ['PATH']}"
PORT_OPTIONS = [
    "--port",
    *(f"--{part}-port" for part in ("admin", "issuer", "orders", "invoices", "app")),
]


@contextmanager
def running_demo() -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the demo on free ports; yield it with the lines of its introduction."""
    with subprocess.Popen(
        [GATEWAY, "demo", "--free-ports"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        try:
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                if line.startswith("Ctrl-C"):
                    break
            yield process, lines
        finally:
            process.kill()


def expand(setup: list[str], curl_lines: list[str]) -> list[list[str]]:
    """Return the words of each line as a shell reads it after the commands *setup*."""
    script = [*setup, *(f"printf '%s\\0' {line}; echo" for line in curl_lines)]
    said = subprocess.check_output(
        ["sh", "-c", "\n".join(script)],
        text=True,
        env=os.environ | {"PATH": PATH},
        timeout=LIMIT_SECONDS,
    )
    return [line.split("\0")[:-1] for line in said.splitlines()]


def send(words: list[str]) -> int:
    """Send what curl would, given *words*; return the status of the answer."""
    options = dict(itertools.pairwise(words))
    url = next(word for word in words if word.startswith("http://"))
    token = options.get("--oauth2-bearer")
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, headers=headers, method=options.get("-X", "GET"))
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_once_sends_every_request_and_each_is_answered_as_expected() -> None:
    done = subprocess.run(
        [GATEWAY, "demo", "--once"],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[1:]
    assert {line.split()[0] for line in lines} == {"ok"}
    assert len(lines) > len(EXCHANGES)  # a browser and a device come after them
    assert done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_every_printed_line_does_what_its_comment_says_until_a_signal(
    number: signal.Signals,
) -> None:
    with running_demo() as (process, lines):
        setup = [line for line in lines if re.match("[A-Z]+=", line)]
        at = [index for index, line in enumerate(lines) if line.startswith("curl -i")]
        requests = expand(setup, [lines[one] for one in at])
        got = [(lines[one - 1], send(words)) for one, words in zip(at, requests, strict=True)]
        process.send_signal(number)
        status = process.wait(LIMIT_SECONDS)

    assert max(map(len, lines)) <= 100  # with ports of five digits, and an issuer to name
    assert len(got) == len(EXCHANGES)
    assert [(comment, re.findall(r": (\d+) ", comment)) for comment, _ in got] == [
        (comment, [str(answered)]) for comment, answered in got
    ]
    assert status == 0


def test_the_introduction_is_json_for_programs() -> None:
    demo = RunningDemo("http://a", "http://b", "http://c", "http://d", "http://e", "http://f", "g")
    tokens = dict.fromkeys(PERSONAS, "a.b.c")

    shown = json.loads(introduction_as_json(demo, tokens))

    assert [shown[part] for part in ("gateway", "admin", "app")] == ["http://a", "http://c", "g"]
    assert [one["what"] for one in shown["requests"]] == [one.title for one in EXCHANGES]
    assert all(shlex.split(one["command"])[0] == "curl" for one in shown["requests"])


def seen_with(command: subprocess.Popen[str], origin: str) -> tuple[int, str, str, int]:
    """Use the token that *command* prints in the end: read an order, then write one.

    Return the status of the first, the subject and the client that the service saw, and the status
    of the second.
    """
    printed, _ = command.communicate(timeout=LIMIT_SECONDS)
    assert command.returncode == 0
    headers = {"Authorization": f"Bearer {printed.strip()}"}
    request = urllib.request.Request(origin + "/orders/1", headers=headers)
    with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
        fields = dict(json.load(answer)["headers"])
    write = ["curl", "-X", "POST", "--oauth2-bearer", printed.strip(), origin + "/orders/1"]
    subject, client = fields["X-Gateway-Subject"], fields["X-Gateway-Client"]
    return answer.status, subject, client, send(write)


def started(issuer: str, line: str) -> subprocess.Popen[str]:
    """Start a printed *line* in a shell that knows the *issuer*."""
    return subprocess.Popen(
        ["sh", "-c", f"{issuer}\n{line}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PATH": PATH},
    )


def asked_for(command: subprocess.Popen[str], pattern: str) -> str:
    """Return what *command* asks somebody to open or to enter."""
    assert command.stderr is not None
    for line in command.stderr:
        if (found := re.search(pattern, line)) is not None:
            return found[0]
    raise AssertionError(f"it never said {pattern}")


async def allow(url: str, persona: str) -> None:
    """Open the page in a browser, and allow what it asks."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        browser = Browser(http)
        await browser.allow(await browser.navigate(url), persona)


async def test_a_token_of_each_kind_of_client_reaches_as_far_as_its_scopes() -> None:
    with running_demo() as (_, lines):
        code, device, job = (line for line in lines if "gateway token get" in line)
        job = lines[lines.index(job) - 1] + job
        named = next(line for line in lines if line.startswith("ISSUER="))
        issuer = named.removeprefix("ISSUER=")
        gateway = re.search(r"gateway +(http://\S+)", "\n".join(lines))
        assert gateway is not None
        with started(named, code) as command:
            await allow(asked_for(command, r"http://\S+/authorize\S+"), "alice")
            native = seen_with(command, gateway[1])
        with started(named, device) as command:
            user_code = asked_for(command, "[B-Z]{4}-[B-Z]{4}")
            await allow(f"{issuer}/device?user_code={user_code}", "bob")
            television = seen_with(command, gateway[1])
        with started(named, job) as command:
            alone = seen_with(command, gateway[1])

    # Each has `orders:read` and no more: bob, too, who may write.
    assert native == (200, "alice", "cli", 403)
    assert television == (200, "bob", "tv", 403)
    assert alone == (200, "jobs", "jobs", 403)


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [GATEWAY, "demo", "--free-ports", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    assert done.returncode == 3
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"{port} (--port)" in done.stderr


def test_all_ports_in_use_are_named_at_once() -> None:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORT_OPTIONS]
        ports = [str(one.getsockname()[1]) for one in taken]
        options = [word for pair in zip(PORT_OPTIONS, ports, strict=True) for word in pair]
        done = subprocess.run(
            [GATEWAY, "demo", *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    assert done.returncode == 3
    assert [
        f"{port} ({option})" in done.stderr
        for option, port in zip(PORT_OPTIONS, ports, strict=True)
    ] == [True] * 6
    assert "--free-ports" in done.stderr


def test_the_introduction_says_development_only() -> None:
    ports = (8080, 8080, 9901, 9000, 9001, 9002, 9003)
    demo = RunningDemo(*(f"http://127.0.0.1:{port}" for port in ports))
    text = introduction(demo)

    assert "development only" in text
    assert "--issuer-url" not in text  # the default needs no option
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_the_log_says_development_only() -> None:
    with running_demo() as (process, _):
        assert process.stderr is not None
        first = process.stderr.readline()

    assert "development only" in first


def test_the_package_without_its_checkout_finds_its_configuration(tmp_path: Path) -> None:
    """As the wheel lays it out: the file stands inside the package."""
    root = Path(__file__).parents[3]
    shutil.copytree(
        root / "gateway", tmp_path / "gateway", ignore=shutil.ignore_patterns("__pycache__")
    )
    inside = tmp_path / "gateway" / "config" / "demo.yaml"
    inside.parent.mkdir(exist_ok=True)
    shutil.copy(root / "config" / "demo.yaml", inside)
    code = "from gateway.cli.demo.parts import config_path; print(config_path())"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
    )

    assert Path(done.stdout.strip()) == inside
