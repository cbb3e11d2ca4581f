"""What the image does, without an engine: its command, as its user, on a read-only root."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml

from tests.project.clean_install import ROOT, move
from tests.project.systemd_machine import may_make_namespaces

LIMIT_SECONDS = 60
DOCKERFILE = (ROOT / "Dockerfile").read_text()
KEYS = {
    "keys": [
        {
            "kty": "EC",
            "crv": "P-256",
            "kid": "one",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        }
    ]
}

pytestmark = pytest.mark.skipif(
    not may_make_namespaces(), reason="no right to make namespaces, which stand for a container"
)

# Within its own mount and process namespaces, and without a place that can be written: /proc is
# what a container has of it, and the root is read-only with all that is mounted in it.
_CONTAINER = """
set -eu
mount --make-rprivate /
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


def words(instruction: str) -> list[str]:
    """Return the words of the last *instruction* in the form of a list."""
    found = re.findall(rf"\b{instruction} (\[.+\])$", DOCKERFILE, re.MULTILINE)
    listed: list[str] = json.loads(found[-1])
    return listed


def environment() -> dict[str, str]:
    """Return the variables of the final stage."""
    _, _, stage = DOCKERFILE.rpartition("\nFROM ")
    text = re.sub(r"\\\n\s*", "", stage)
    (line,) = re.findall(r"^ENV (.+)$", text, re.MULTILINE)
    named = dict(pair.split("=", 1) for pair in line.split())
    return named | {"PATH": named["PATH"].replace("$PATH", os.defpath)}


@pytest.fixture(scope="module")
def opt(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("image") / "gateway"
    move(installed, target, "/opt/gateway")
    return target


@pytest.fixture(params=[1, 2], ids="{} workers".format)
def mounted(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder that is mounted into the container, with a configuration."""
    config = {
        "version": 1,
        "listen": "127.0.0.1:0",
        "admin": f"127.0.0.1:{free_port()}",
        "workers": request.param,
        "issuers": {
            "main": {"issuer": "https://a.example/", "jwks_file": "keys.json", "audiences": ["a"]}
        },
        "upstreams": {"a": {"servers": ["http://127.0.0.1:1"]}},
        "routes": [{"name": "a", "match": {"path_prefix": "/"}, "upstream": "a", "require": {}}],
    }
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "keys.json").write_text(json.dumps(KEYS))
    tmp_path.chmod(0o755)
    return tmp_path


def free_port() -> int:
    """Return a port that is free now; the health check must be able to read it in the file."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def contained(opt: Path, mounted: Path, *command: str) -> list[str]:
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*namespaces, "sh", "-c", _CONTAINER, "image", str(opt), str(mounted), user, *command]


def run(opt: Path, mounted: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        contained(opt, mounted, *command),
        env=image_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )


def image_environment() -> dict[str, str]:
    # Where the file is mounted here: /etc of this machine is not ours to add a folder to.
    return environment() | {"GATEWAY_CONFIG": "/mnt/gateway.yaml"}


class Started:
    """A container with a gateway that listens at *port*; *process* is what started it."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to process 1 of the container, as an engine does."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        os.kill(int(children), number)


@contextmanager
def started(opt: Path, mounted: Path) -> Iterator[Started]:
    command = [*words("ENTRYPOINT"), *words("CMD")]
    command[-1] = "/mnt/gateway.yaml"
    with subprocess.Popen(
        contained(opt, mounted, *command),
        env=image_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
        watchdog.start()
        try:
            yield Started(process, read_port(process))
        finally:
            watchdog.cancel()
            process.kill()


def read_port(process: subprocess.Popen[str]) -> int:
    said = []
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"listening on \S+:(\d+)", line):
            return int(found[1])
    raise AssertionError("".join(said))


def test_in_the_container_nothing_can_be_written_and_nobody_is_root(
    opt: Path, mounted: Path
) -> None:
    """What the other tests stand on: without it they would show nothing."""
    places = "/ /tmp /var/tmp /run /dev/shm /opt/gateway /mnt"
    script = f"id -u; for place in {places}; do touch $place/a 2>/dev/null && echo $place; done"

    assert run(opt, mounted, "sh", "-c", script).stdout == "65532\n"


def test_it_serves_is_healthy_and_ends_with_0_when_told_to(opt: Path, mounted: Path) -> None:
    (check,) = re.findall(r"^HEALTHCHECK .*CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    (number,) = re.findall(r"^STOPSIGNAL (\w+)$", DOCKERFILE, re.MULTILINE)

    with started(opt, mounted) as container:
        connection = HTTPConnection("127.0.0.1", container.port, timeout=LIMIT_SECONDS)
        connection.request("GET", "/orders")
        answered = connection.getresponse().status
        connection.close()
        healthy = run(opt, mounted, *json.loads(check))
        container.tell(signal.Signals[number])
        ended = container.process.wait(LIMIT_SECONDS)

    assert answered == 401
    assert (healthy.returncode, healthy.stdout) == (0, "ready\n")
    assert ended == 0


def test_a_gateway_that_is_gone_is_not_healthy(opt: Path, mounted: Path) -> None:
    assert run(opt, mounted, "gateway", "healthcheck").returncode == 3
