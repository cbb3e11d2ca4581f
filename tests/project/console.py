"""Run the console blocks of a page, in one shell."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.hanging import LIMIT_SECONDS

_FENCE = re.compile(
    r"(?:<!-- (?P<tag>.+?) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_ADDRESS = re.compile(r"((?:127\.0\.0\.1|localhost):)(\d+)")

# What differs from run to run, and its placeholder on both sides of a comparison.
_PASSING = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "eyJ…"),
        (r"[0-9a-f]{14}-[0-9a-f]{9}", "(request id)"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "(uuid)"),
        (r"jwt-gateway-[0-9a-f]{8}", "jwt-gateway-(process)"),
        (r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "(date)"),
        (r"\d{4}-\d\d-\d\d[T ][\d:.]{8,12}", "(time)"),
        (r"\b\d{10}\b", "(seconds)"),
        (r"expires in .+", "expires in (a while)"),
        (r'_ms":[\d.]+', '_ms":(number)'),
        (r'("?kid"? +|main +)"?[\w-]{43}"?', r"\1(kid)"),
        (r'"sent_bytes":\d+', '"sent_bytes":(number)'),
    )
]


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block; *tag* is the text of the comment before it."""

    tag: str
    language: str
    body: str


@dataclass(frozen=True, slots=True)
class Step:
    """A command and its output, as a page shows them."""

    command: str
    output: str


def find_fences(text: str) -> list[Fence]:
    """Return the fenced blocks of a page."""
    return [
        Fence(found["tag"] or "", found["language"], found["body"])
        for found in _FENCE.finditer(text)
    ]


def fence_of(text: str, start: str) -> str:
    """Return the one fenced block of a page that begins with *start*."""
    (found,) = (fence.body for fence in find_fences(text) if fence.body.startswith(start))
    return found


def find_steps(body: str) -> list[Step]:
    """Return the commands of a console block; each begins a line, after a dollar sign."""
    steps = []
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        end = 1
        while lines[end - 1].endswith("\\"):
            end += 1
        steps.append(Step("\n".join(lines[:end]), "\n".join(lines[end:])))
    return steps


def settle(text: str) -> str:
    """Return *text* with placeholders for what differs from run to run."""
    for pattern, name in _PASSING:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


class Ports:
    """The ports that a page shows, and those that are used instead."""

    def __init__(self, used: dict[str, str]) -> None:
        self._used = used

    def use(self, shown: str, used: str) -> None:
        """Use the port *used* instead of *shown* from now on."""
        self._used[shown] = used

    def put_in(self, text: str) -> str:
        """Return *text* of the page with the used ports."""
        return _replace(text, self._used)

    def take_out(self, text: str) -> str:
        """Return output *text* with the ports that the page shows."""
        return _replace(text, {used: shown for shown, used in self._used.items()})


def _replace(text: str, ports: dict[str, str]) -> str:
    return _ADDRESS.sub(lambda found: found[1] + ports.get(found[2], found[2]), text)


class Shell:
    """One bash that runs commands in turn; its stderr goes to its stdout."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._said = folder / "background.txt"
        self._shown_bytes = 0

    def run(self, command: str) -> str:
        """Run *command* to its end; return its output."""
        mark = "--- end of the command ---"
        _stream(self._process.stdin).write(
            f"{command}\n_status=$?; printf '\\n%s\\n' '{mark}'; (exit $_status)\n"
        )
        _stream(self._process.stdin).flush()
        lines: list[str] = []
        for line in _stream(self._process.stdout):
            if line.rstrip("\n") == mark:
                return self._said_since() + "".join(lines)[:-1]
            lines.append(line)
        raise AssertionError(f"the shell ended within {command!r}: {''.join(lines)}")

    def start(self, command: str, until: str) -> str:
        """Start *command*, which ends in ``&``; return its stderr up to *until*."""
        self.run(f"{command.removesuffix('&')} 2>{self._said.name} &")
        deadline = time.monotonic() + LIMIT_SECONDS
        while until not in (said := self._said.read_text() if self._said.exists() else ""):
            assert time.monotonic() < deadline, f"{command!r} never said {until!r}: {said}"
            time.sleep(0.02)
        return self._said_since()

    def _said_since(self) -> str:
        said = self._said.read_bytes() if self._said.exists() else b""
        new, self._shown_bytes = said[self._shown_bytes :], len(said)
        return new.decode()


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextmanager
def shell_in(folder: Path) -> Iterator[Shell]:
    """Run a shell in *folder*; ``gateway`` is ours, and ``curl`` is `curl.py`."""
    programs = folder / ".programs"
    programs.mkdir()
    curl = programs / "curl"
    curl.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("curl.py")}" "$@"\n'
    )
    curl.chmod(0o755)
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={"PATH": path, "LANG": "C.UTF-8", "HOME": str(folder)},
        start_new_session=True,
    ) as process:
        watchdog = threading.Timer(4 * LIMIT_SECONDS, process.kill)
        watchdog.start()
        try:
            yield Shell(process, folder)
        finally:
            watchdog.cancel()
            # The whole group: end a gateway that the page left running.
            os.killpg(process.pid, signal.SIGTERM)
