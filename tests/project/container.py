"""A container as the program in it sees it: a user, a read-only root, and namespaces."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hanging import LIMIT_SECONDS
from tests.project.clean_install import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()

# Where the configuration is mounted: do not add a folder to /etc of this machine.
MOUNTED_AT = "/mnt"

# In its own mount, process and network namespaces, and without a writable place: the root is
# read-only, and so is everything mounted in it that everybody could write.
_CONTAINER = """
set -eu
mount --make-rprivate /
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs /opt
mkdir /opt/gateway
mount --bind "$1" /opt/gateway
mount -t tmpfs -o mode=755 tmpfs /mnt
mount --bind "$2" /mnt
for place in /opt/gateway /opt /mnt /tmp /var/tmp /dev/shm /run; do
    mount --rbind "$place" "$place" && mount -o remount,bind,ro "$place"
done
mount -o remount,bind,ro /
user=$3
shift 3
exec setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs \\
    --bounding-set=-all --inh-caps=-all "$@"
"""


def exec_form(instruction: str) -> list[str]:
    """Return the words of the last *instruction* in list form."""
    found = re.findall(rf"\b{instruction} (\[.+\])$", DOCKERFILE, re.MULTILINE)
    listed: list[str] = json.loads(found[-1])
    return listed


def image_environment() -> dict[str, str]:
    """Return the variables of the final stage, with the path of the configuration here."""
    _, _, stage = DOCKERFILE.rpartition("\nFROM ")
    (line,) = re.findall(r"^ENV (.+)$", re.sub(r"\\\n\s*", "", stage), re.MULTILINE)
    named = dict(pair.split("=", 1) for pair in line.split())
    path = named["PATH"].replace("$PATH", os.defpath)
    return named | {"PATH": path, "GATEWAY_CONFIG": f"{MOUNTED_AT}/gateway.yaml"}


@dataclass(frozen=True, slots=True)
class Container:
    """A running container; *init* is the process id of its process 1, as seen from outside."""

    process: subprocess.Popen[bytes]
    init: int

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* in it, as its user, as an engine runs a health check."""
        user, group = user_and_group()
        identity = ["--setuid", user, "--setgid", group]
        return subprocess.run(
            ["nsenter", "-t", str(self.init), "-m", "-p", "-n", *identity, *command],
            env=image_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    def stop(self) -> int:
        """Stop it as an engine does; return its exit code."""
        (number,) = re.findall(r"^STOPSIGNAL (\w+)$", DOCKERFILE, re.MULTILINE)
        os.kill(self.init, signal.Signals[number])
        return self.process.wait(LIMIT_SECONDS)


def user_and_group() -> tuple[str, str]:
    """Return the user and group ids that the image names."""
    ((user, group),) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    return user, group


@contextmanager
def container(
    opt: Path, mounted: Path, command: list[str], variables: dict[str, str], said: Path
) -> Iterator[Container]:
    """Run *command* with *opt* as /opt/gateway and *mounted* as /mnt; *said* gets its stderr.

    Yields once it has said that it listens.
    """
    namespaces = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
    user = ":".join(user_and_group())
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [*namespaces, "sh", "-c", _CONTAINER, "-", str(opt), str(mounted), user, *command],
            env=image_environment() | variables,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    watchdog = threading.Timer(2 * LIMIT_SECONDS, process.kill)
    watchdog.start()
    try:
        while "admin on" not in said.read_text():
            assert process.poll() is None, said.read_text()
            time.sleep(0.02)
        (first,) = _children(process)
        yield Container(process, first)
    finally:
        watchdog.cancel()
        # Its first process by itself: PR_SET_PDEATHSIG is cleared by a change of the user
        # (prctl(2)).
        for child in _children(process):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait(LIMIT_SECONDS)


def _children(process: subprocess.Popen[bytes]) -> list[int]:
    if process.poll() is not None:
        return []
    return list(
        map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    )
