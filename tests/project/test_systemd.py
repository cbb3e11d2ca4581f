"""The systemd units: checked by systemd, and run by it with all restrictions."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from gateway.settings.schema.models import ConfigFile, LimitsModel
from gateway.settings.text.quantities import parse_duration
from tests.hanging import LIMIT_SECONDS
from tests.project.clean_install import ROOT, move
from tests.project.console import find_fences
from tests.project.systemd_machine import Machine, machine, may_make_namespaces

FOLDER = ROOT / "config" / "systemd"
SERVICE = "jwt-gateway.service"
SOCKET = "jwt-gateway.socket"

# Tenths; 10 is the least that counts as exposed. What remains is what a proxy needs: the
# network, and any address in it.
EXPOSURE = 12

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)
needs_machine = pytest.mark.skipif(
    shutil.which("systemctl") is None or not may_make_namespaces(),
    reason="no systemd, or no right to run it in namespaces",
)


def directives(unit: str) -> dict[str, str]:
    """Return the lines ``Name=value``; of repeated ones, the last."""
    return dict(re.findall(r"^(\w+)=(.*)$", (FOLDER / unit).read_text(), re.MULTILINE))


# --- checks by systemd


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root file system with the units and their program."""
    units = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(FOLDER, units)
    place, text = credential_drop_in()
    drop_in = tmp_path / Path(place).relative_to("/")
    drop_in.parent.mkdir()
    drop_in.write_text(text)
    program = tmp_path / "opt" / "jwt-gateway" / "bin" / "gateway"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    return tmp_path


def verify(root: Path) -> subprocess.CompletedProcess[str]:
    return analyze("verify", f"--root={root}", "--man=no", "--recursive-errors=no", SERVICE, SOCKET)


@needs_analyze
def test_systemd_finds_nothing_wrong_with_the_units(root: Path) -> None:
    done = verify(root)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_analyze
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("LimitNOFILE=", "LimitNofile=", "Unknown key 'LimitNofile'"),
        ("bin/gateway run", "bin/gatway run", "is not executable"),
        ("Type=notify", "Type=notifies", "Failed to parse Type=notifies"),
    ],
)
def test_systemd_does_find_what_is_wrong(root: Path, right: str, wrong: str, said: str) -> None:
    path = root / "etc" / "systemd" / "system" / SERVICE
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))

    assert said in verify(root).stderr


@needs_analyze
def test_the_service_can_do_little_beside_its_work() -> None:
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", FOLDER / SERVICE)

    assert done.returncode == 0, done.stdout


# --- numbers agree with the defaults of the configuration


def test_there_is_time_to_take_leave() -> None:
    drain = parse_duration(ConfigFile.model_fields["drain"].default)

    assert isinstance(drain, float)
    assert float(directives(SERVICE)["TimeoutStopSec"]) >= drain + 10


def test_there_are_descriptors_for_all_connections() -> None:
    """Each request may need two: the client's, and one to an upstream."""
    connections = LimitsModel.model_fields["connections"].default

    assert int(directives(SERVICE)["LimitNOFILE"]) >= 3 * connections


# --- the units in a running systemd


CONFIG = """
version: 1
listen: 127.0.0.1:8080
admin: {address: "127.0.0.1:9901", token_env: ADMIN_TOKEN}
workers: 2
issuers:
  main: {issuer: "https://login.example.com/", jwks_file: keys.json, audiences: [orders]}
upstreams:
  orders: {servers: ["http://127.0.0.1:1"]}
routes:
  - {name: orders, match: {path_prefix: /orders/}, upstream: orders, require: {}}
"""
WITH_SUITE = """
suites: [access.test.yaml]
reload: {suites: true}
"""
SUITE = """
version: 1
gateway: gateway.yaml
personas: {nobody: {anonymous: true}}
tests:
  - name: orders need a token
    request: GET https://api.example.com/orders/7
    expect: {nobody: token_missing}
"""
KEYS = """{"keys": [{"kty": "EC", "crv": "P-256", "kid": "one", "alg": "ES256",
  "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"""
WITH_TLS = """listen:
  address: 127.0.0.1:8080
  tls: {certificate: tls.pem, key: "${CREDENTIALS_DIRECTORY}/tls.key"}"""
PLACE = "/opt/jwt-gateway"
GATEWAY = f"{PLACE}/bin/gateway"

# As `systemctl edit` would add it: output to a file that the test reads, and a short watchdog.
DROP_IN = """
[Service]
StandardOutput=append:{folder}/log
StandardError=append:{folder}/log
WatchdogSec=8
"""

ASK = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
connection.request("GET", sys.argv[2])
print(connection.getresponse().status)
"""

# One connection after another, each with one request, until a file appears.
ASK_UNTIL = """
import http.client, pathlib, sys
ended = pathlib.Path(sys.argv[1])
while not ended.exists():
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=30)
    try:
        connection.request("GET", "/orders/7")
        print(connection.getresponse().status, flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
    connection.close()
"""

ASK_WITH_TLS = """
import http.client, ssl
connection = http.client.HTTPSConnection(
    "127.0.0.1", 8080, timeout=30, context=ssl._create_unverified_context()
)
connection.request("GET", "/orders/7")
print(connection.getresponse().status)
"""


def credential_drop_in() -> tuple[str, str]:
    """Return the path and the text of the drop-in that `docs/operate.md` shows."""
    fences = find_fences((ROOT / "docs" / "operate.md").read_text())
    ((place, text),) = [(one.tag, one.body) for one in fences if one.language == "ini"]
    return place.removeprefix("file: "), text


@pytest.fixture(scope="module")
def booted(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    move(installed, folder / "installed" / "jwt-gateway", PLACE)
    units = {path.name: path.read_text() for path in FOLDER.iterdir()}
    units[SERVICE] += DROP_IN.format(folder=folder)
    etc = {
        "jwt-gateway/gateway.yaml": CONFIG,
        "jwt-gateway/keys.json": KEYS,
        "jwt-gateway/access.test.yaml": SUITE,
        "jwt-gateway/environment": "ADMIN_TOKEN=of the admin port, for its eyes only\n",
    }
    with machine(folder, units, etc, folder / "installed") as found:
        (folder / "etc" / "jwt-gateway" / "environment").chmod(0o600)
        yield found


@pytest.fixture
def host(booted: Machine) -> Machine:
    """Return the machine with the valid configuration, and nothing running."""
    stopped = booted.run("systemctl", "stop", SOCKET, SERVICE)
    assert stopped.returncode == 0, stopped.stderr
    booted.run("systemctl", "reset-failed", SERVICE)
    configuration(booted).write_text(CONFIG)
    return booted


@pytest.fixture
def serving(booted: Machine) -> Machine:
    """Return the machine with the service running; its tests leave it running, to save a start."""
    if configuration(booted).read_text() != CONFIG:
        booted.run("systemctl", "stop", SOCKET, SERVICE)
        configuration(booted).write_text(CONFIG)
    systemctl(booted, "start")
    return booted


def configuration(host: Machine) -> Path:
    return host.folder / "etc" / "jwt-gateway" / "gateway.yaml"


def systemctl(host: Machine, verb: str, unit: str = SERVICE) -> None:
    done = host.run("systemctl", verb, unit)

    assert done.returncode == 0, done.stderr + host.log()


def ask(host: Machine, port: int, path: str) -> int:
    done = host.run(f"{PLACE}/bin/python", "-c", ASK, str(port), path)
    assert done.returncode == 0, done.stderr + host.log()
    return int(done.stdout)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def processes(host: Machine) -> list[str]:
    """Return the process ids of the service, the main one first."""
    main = host.show(SERVICE, "MainPID")
    listed = host.run("cat", f"/proc/{main}/task/{main}/children").stdout
    return [main, *listed.split()]


@needs_machine
def test_the_service_counts_as_started_once_it_serves(serving: Machine) -> None:
    assert ask(serving, 8080, "/orders/7") == 401
    assert ask(serving, 9901, "/readyz") == 200
    assert serving.show(SERVICE, "StatusText").startswith("listening on 127.0.0.1:8080")


@needs_machine
def test_every_process_of_it_is_confined(serving: Machine) -> None:
    found = processes(serving)

    assert len(found) == 3
    for process in found:
        status = serving.run("cat", f"/proc/{process}/status").stdout
        said = dict(re.findall(r"^(\w+):\s+(.+)$", status, re.MULTILINE))
        assert "0" not in said["Uid"].split()
        assert {said[f"Cap{kind}"] for kind in ("Eff", "Prm", "Bnd", "Amb")} == {"0" * 16}
        assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")


@needs_machine
def test_secrets_are_in_a_file_that_the_service_itself_cannot_read(serving: Machine) -> None:
    assert ask(serving, 9901, "/status") == 401
    assert serving.run("stat", "-c", "%a", "/etc/jwt-gateway/environment").stdout == "600\n"


@needs_machine
def test_systemd_hears_that_the_event_loop_goes_on(serving: Machine) -> None:
    first = serving.show(SERVICE, "WatchdogTimestampMonotonic")

    wait_until(lambda: serving.show(SERVICE, "WatchdogTimestampMonotonic") != first)
    assert serving.show(SERVICE, "ActiveState") == "active"


@needs_machine
def test_a_worker_that_dies_is_replaced_and_the_service_stays(serving: Machine) -> None:
    main, victim, _ = processes(serving)

    serving.run("kill", f"-{signal.SIGKILL.value}", victim)

    wait_until(lambda: len(processes(serving)) == 3 and victim not in processes(serving))
    assert serving.show(SERVICE, "MainPID") == main
    assert ask(serving, 8080, "/orders/7") == 401


@needs_machine
def test_a_reload_takes_the_new_configuration(host: Machine) -> None:
    systemctl(host, "start")
    main = host.show(SERVICE, "MainPID")
    assert ask(host, 8080, "/invoices/") == 404

    configuration(host).write_text(CONFIG.replace("/orders/", "/invoices/"))
    systemctl(host, "reload")

    assert ask(host, 8080, "/invoices/") == 401
    assert host.show(SERVICE, "MainPID") == main


@needs_machine
def test_a_reload_of_a_faulty_configuration_fails_and_the_service_goes_on(host: Machine) -> None:
    systemctl(host, "start")
    configuration(host).write_text(CONFIG.replace("require: {}", "requires: {}"))

    done = host.run("systemctl", "reload", SERVICE)

    assert done.returncode != 0
    assert host.show(SERVICE, "ActiveState") == "active"
    assert ask(host, 8080, "/orders/7") == 401


@needs_machine
def test_a_reload_runs_the_suites_in_the_same_confinement(host: Machine) -> None:
    configuration(host).write_text(CONFIG + WITH_SUITE)
    systemctl(host, "start")

    configuration(host).write_text(CONFIG.replace("/orders/", "/invoices/") + WITH_SUITE)
    refused = host.run("systemctl", "reload", SERVICE)
    configuration(host).write_text(CONFIG.replace("require: {}", "public: true") + WITH_SUITE)
    weaker = host.run("systemctl", "reload", SERVICE)
    configuration(host).write_text(f"# another text\n{CONFIG}{WITH_SUITE}")
    applied = host.run("systemctl", "reload", SERVICE)

    assert (refused.returncode != 0, weaker.returncode != 0, applied.returncode) == (True, True, 0)
    assert "orders need a token" in host.log()
    assert ask(host, 8080, "/orders/7") == 401


@needs_machine
def test_a_faulty_configuration_is_told_and_never_started(host: Machine) -> None:
    configuration(host).write_text(CONFIG.replace("require: {}", "requires: {}"))

    assert host.run("systemctl", "start", SERVICE).returncode != 0
    assert "/etc/jwt-gateway/gateway.yaml:11:" in host.log()


@needs_machine
def test_a_main_process_that_dies_is_started_again(host: Machine) -> None:
    systemctl(host, "start")
    main = host.show(SERVICE, "MainPID")

    host.run("kill", f"-{signal.SIGKILL.value}", main)

    wait_until(lambda: host.show(SERVICE, "MainPID") not in {main, "0"})
    wait_until(lambda: host.show(SERVICE, "ActiveState") == "active")
    assert ask(host, 8080, "/orders/7") == 401


@needs_machine
def test_a_private_key_that_only_root_can_read_is_given_to_the_service(host: Machine) -> None:
    """As `docs/operate.md` describes it."""
    place, drop_in = credential_drop_in()
    etc = host.folder / "etc" / "jwt-gateway"
    issued = trustme.CA().issue_cert("localhost")
    (etc / "tls.key").write_bytes(issued.private_key_pem.bytes())
    (etc / "tls.key").chmod(0o400)
    (etc / "tls.pem").write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    configuration(host).write_text(CONFIG.replace("listen: 127.0.0.1:8080", WITH_TLS))
    path = host.folder / Path(place).relative_to("/")
    path.parent.mkdir(parents=True)
    path.write_text(drop_in)
    assert host.run("systemctl", "daemon-reload").returncode == 0
    try:
        systemctl(host, "start")
        asked = host.run(f"{PLACE}/bin/python", "-c", ASK_WITH_TLS)
    finally:
        shutil.rmtree(path.parent)
        host.run("systemctl", "daemon-reload")

    assert (asked.returncode, asked.stdout) == (0, "401\n"), asked.stderr + host.log()


@needs_machine
def test_stopping_is_taking_leave(host: Machine) -> None:
    systemctl(host, "start")
    systemctl(host, "stop")

    assert host.show(SERVICE, "Result") == "success"
    assert host.show(SERVICE, "ExecMainStatus") == "0"
    assert host.log().rstrip().endswith("draining")


@needs_machine
def test_a_connection_to_the_socket_starts_the_service_and_is_served(host: Machine) -> None:
    systemctl(host, "start", SOCKET)
    assert host.show(SERVICE, "ActiveState") == "inactive"

    assert ask(host, 8080, "/orders/7") == 401
    wait_until(lambda: host.show(SERVICE, "ActiveState") == "active")


@needs_machine
def test_with_the_socket_nobody_is_refused_while_the_service_restarts(host: Machine) -> None:
    systemctl(host, "start", SOCKET)
    systemctl(host, "start")
    first = host.show(SERVICE, "MainPID")
    ended = host.folder / "ended"
    with host.start(f"{PLACE}/bin/python", "-c", ASK_UNTIL, str(ended)) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "401\n"  # it has begun
        systemctl(host, "restart")
        ended.touch()
        said, _ = asking.communicate(timeout=LIMIT_SECONDS)

    assert set(said.split()) == {"401"}
    assert host.show(SERVICE, "MainPID") not in {first, "0"}
    assert len(processes(host)) == 3
