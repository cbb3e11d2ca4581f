"""A machine for a unit: a real systemd, in namespaces, that runs nothing else."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hanging import LIMIT_SECONDS

# The default dependencies of a unit; here they are empty.
_TARGETS = ("sysinit", "basic", "sockets", "network-online", "shutdown", "multi-user", "empty")

# Files that programs look up there; nothing else, above all no secrets of this machine.
_SHARED_ETC = ("passwd", "group", "nsswitch.conf", "hosts", "ld.so.cache", "localtime")

# As process 1 of its own namespaces. Inside, /etc is another one, /opt and the units of the
# distribution are hidden, and the loopback is the only network.
_BOOT = """
set -eu
cd "$1"
mount --make-rprivate /
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
cp units/* /run/systemd/system/
mount --bind etc /etc
mount --bind nothing /usr/lib/systemd/system
mount --bind opt /opt
mount --bind console /dev/console
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# As in a boot of systemd: it passes credentials to a service through mounts of its own.
mount --make-rshared /
export container=other
exec /usr/lib/systemd/systemd --system --unit=empty.target --log-target=console \\
    --show-status=no --default-standard-output=null --default-standard-error=null
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A running systemd; *folder* is a path inside, for files that both sides read."""

    process_id: int
    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* on the machine, as root."""
        return subprocess.run(
            self._within(*command),
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    @contextmanager
    def start(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Run *command* in the background, until the end at the latest."""
        with subprocess.Popen(self._within(*command), stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def _within(self, *command: str) -> list[str]:
        return ["nsenter", "-t", str(self.process_id), "-m", "-p", "-n", "-C", *command]

    def show(self, unit: str, name: str) -> str:
        """Return a property of *unit*."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def log(self) -> str:
        """Return the output of systemd and of the services."""
        return (self.folder / "console").read_text() + (self.folder / "log").read_text()


@contextmanager
def machine(
    folder: Path, units: dict[str, str], etc: dict[str, str], opt: Path
) -> Iterator[Machine]:
    """Run a systemd with *units*; the files of *etc* are in its /etc, and *opt* is its /opt."""
    _furnish(folder, units, etc, opt)
    boot = ["sh", "-c", _BOOT, "boot", str(folder)]
    namespaces = ["--pid", "--fork", "--mount", "--cgroup", "--net", "--ipc", "--uts"]
    with (folder / "boot").open("wb") as said:
        unshare = subprocess.Popen(
            ["unshare", *namespaces, "--mount-proc", "--kill-child", *boot],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield _wait_for(unshare, folder)
    finally:
        unshare.kill()  # and with it process 1, and with that all others
        unshare.wait(LIMIT_SECONDS)


def _furnish(folder: Path, units: dict[str, str], etc: dict[str, str], opt: Path) -> None:
    folder.chmod(0o755)
    for name in ("units", "nothing"):
        (folder / name).mkdir()
    for name in ("console", "log"):
        (folder / name).touch()
    for name in _TARGETS:
        (folder / "units" / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    for name, text in units.items():
        (folder / "units" / name).write_text(text)
    (folder / "etc").mkdir()
    for name in _SHARED_ETC:
        if (found := Path("/etc") / name).is_file():
            shutil.copy(found, folder / "etc" / name)
    for name, text in etc.items():
        path = folder / "etc" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "opt").symlink_to(opt)


def _wait_for(unshare: subprocess.Popen[bytes], folder: Path) -> Machine:
    """Return the machine once its systemd responds."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline and unshare.poll() is None:
        children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()
        if children:
            found = Machine(int(children[0]), folder)
            if found.run("systemctl", "is-active", "empty.target").stdout == "active\n":
                return found
        time.sleep(0.05)
    raise AssertionError("no systemd: " + (folder / "boot").read_text() + _read(folder / "console"))


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def may_make_namespaces() -> bool:
    """Return whether this process may create such a machine or container."""
    if os.geteuid() != 0:
        return False
    tried = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount", "--cgroup", "--net", "--mount-proc", "true"],
        capture_output=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    return tried.returncode == 0
