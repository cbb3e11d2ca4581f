"""A machine of its own for a unit: a real systemd, in namespaces, with nothing else to run."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hanging import LIMIT_SECONDS

# What a unit's default dependencies ask for; here they are names without contents.
_TARGETS = ("sysinit", "basic", "sockets", "network-online", "shutdown", "multi-user", "empty")

# What programs look up there; nothing of the rest, of this machine's secrets least of all.
_SHARED_ETC = ("passwd", "group", "nsswitch.conf", "hosts", "ld.so.cache", "localtime")

# As process 1 of its own namespaces. Only in here is /etc another one, /opt and the units of
# the distribution are out of sight, and there is no network but the loopback.
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
# As systemd has it where it boots: credentials come to a service by the way of its own mounts.
mount --make-rshared /
export container=other
exec /usr/lib/systemd/systemd --system --unit=empty.target --log-target=console \\
    --show-status=no --default-standard-output=null --default-standard-error=null
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A running systemd; *folder* is as it sees it, for files that both sides read."""

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
        """Have *command* run beside what else is run, until the end at the latest."""
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
        """Return what systemd and the services have written."""
        return (self.folder / "console").read_text() + (self.folder / "log").read_text()


@contextmanager
def machine(
    folder: Path, units: dict[str, str], etc: dict[str, str], opt: Path
) -> Iterator[Machine]:
    """Run a systemd that knows *units*; files of *etc* are in its /etc, and *opt* is its /opt."""
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
    """Return the machine once its systemd answers."""
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
    """Say whether this process may do what a machine, or a container, needs."""
    if os.geteuid() != 0:
        return False
    tried = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount", "--cgroup", "--net", "--mount-proc", "true"],
        capture_output=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    return tried.returncode == 0
