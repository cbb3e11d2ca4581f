"""Start a program with listening sockets as systemd does: from descriptor 3 on, with names."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

# Only the program itself can know its process id: so this becomes the program.
_EXEC = """
import fcntl, os, sys
count, *numbers = map(int, sys.argv[1].split(","))
high = [fcntl.fcntl(number, fcntl.F_DUPFD, 100) for number in numbers]
for index, number in enumerate(high):
    os.dup2(number, 3 + index)
    os.close(number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count)}
os.execvp(sys.argv[2], sys.argv[2:])
"""


def activate(
    arguments: Sequence[str],
    sockets: Sequence[socket.socket | int],
    names: str = "",
    count: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> "subprocess.Popen[str]":
    """Start *arguments* with *sockets*, whose *names* are divided by colons.

    *count* is how many there are said to be.
    """
    numbers = [one if isinstance(one, int) else one.fileno() for one in sockets]
    said = len(numbers) if count is None else count
    numbered = ",".join(map(str, (said, *numbers)))
    named: dict[str, Any] = {"LISTEN_FDNAMES": names} if names else {}
    return subprocess.Popen(
        [sys.executable, "-c", _EXEC, numbered, *arguments],
        pass_fds=numbers,
        env={**os.environ, **named, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
