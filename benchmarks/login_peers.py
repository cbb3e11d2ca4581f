"""The proxies that log browsers in, and the authorization server where they do."""

import secrets
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import (
    ENDPOINT,
    ENVOY,
    GATEWAY,
    JWT_CACHE,
    Peer,
    PeerMissingError,
    find_program,
    gateway_ports,
    write_config,
)
from benchmarks.process import LOAD_CORE, PROXY_CORE, Program, free_port, running
from benchmarks.provider import CLIENT_ID, CLIENT_SECRET

APACHE_MODULES = Path("/usr/lib/apache2/modules")


@contextmanager
def provider(folder: Path) -> Iterator[Peer]:
    """Run the authorization server, on the load core: it is idle during the load."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.provider", str(port), str(folder)]
    with running(Program(command, LOAD_CORE, port, folder / "provider.log")) as pid:
        yield Peer("provider", port, pid)


@contextmanager
def gateway(
    folder: Path, upstream: Peer, issuer: Peer, *, store: str = "memory", name: str = "gateway"
) -> Iterator[Peer]:
    """Run the gateway with a login, its sessions in *store*: ``memory`` or ``cookie``."""
    keys = "" if store == "memory" else ', keys: ["${BENCHMARK_SESSION_KEY}"]'
    ports = gateway_ports(free_port(), upstream)
    marks = _client(issuer) | ports | {"SESSION": f"{{store: {store}{keys}}}"}
    config = write_config(folder, "gateway-login.yaml", marks, saved_as=f"{name}.yaml")
    environment = {
        "BENCHMARK_CLIENT_SECRET": CLIENT_SECRET,
        "BENCHMARK_SESSION_KEY": b64encode(secrets.token_bytes(32)).decode(),
    }
    command, port = [str(GATEWAY), "run", str(config)], int(ports["PORT"])
    program = Program(command, PROXY_CORE, port, folder / f"{name}.log", environment)
    with running(program) as pid:
        yield Peer(name, port, pid)


@contextmanager
def envoy(folder: Path, upstream: Peer, issuer: Peer) -> Iterator[Peer]:
    """Run Envoy with its oauth2 filter, and its JWT filter for the token from the cookie."""
    if not ENVOY.exists():
        raise PeerMissingError("envoy is not installed (make .venv-bench/.ready)")
    port = free_port()
    marks = _client(issuer) | {
        "JWT_CACHE": JWT_CACHE,
        "PORT": str(port),
        "UPSTREAM": ENDPOINT % upstream.port,
        "PROVIDER": ENDPOINT % issuer.port,
    }
    config = write_config(folder, "envoy-login.yaml", marks)
    command = [str(ENVOY), "-c", str(config), "--concurrency", "1"]
    command += ["--log-level", "error", "--disable-hot-restart"]
    with running(Program(command, PROXY_CORE, port, folder / "envoy-login.log")) as pid:
        yield Peer("Envoy", port, pid)


@contextmanager
def apache(folder: Path, upstream: Peer, issuer: Peer) -> Iterator[Peer]:
    """Run Apache with mod_auth_openidc, its sessions in shared memory."""
    program = find_program("apache2")
    if not (APACHE_MODULES / "mod_auth_openidc.so").exists():
        raise PeerMissingError("mod_auth_openidc is not installed")
    port = free_port()
    marks = _client(issuer) | {
        "MODULES": str(APACHE_MODULES),
        "PORT": str(port),
        "UPSTREAM": str(upstream.port),
    }
    config = write_config(folder, "apache.conf", marks)
    command = [program, "-D", "FOREGROUND", "-f", str(config)]
    with running(Program(command, PROXY_CORE, port, folder / "apache.log")) as pid:
        yield Peer("Apache", port, pid)


def _client(issuer: Peer) -> dict[str, str]:
    return {
        "ISSUER": issuer.address(""),
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
    }
