"""Clients and services of gRPC by others: every kind of call, through the installed gateway.

Three implementations talk to each other: grpcio, the JavaScript of @grpc/grpc-js, and Debian's
ruby-grpc. Once in the clear with one worker, and once with TLS on both sides and two workers.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import AUTHORITY, write_pair
from tests.end_to_end.conftest import install_modules, program, running
from tests.hanging import LIMIT_SECONDS
from tests.proxy.gateways import make_token, write_config

FOLDER = Path(__file__).parent
# Where Debian's package of it is installed, and nowhere else.
_RUBY_GRPC = Path("/usr/share/doc/ruby-grpc")
NAMES = ["python", "node", "ruby"]

EXPECTED = {
    "metadata": ["unary hello", "echoed", "00ff"],
    "count": ["0", "1", "2", "3", "4"],
    "nothing": [],
    "join": "abc",
    "ping_pong": ["0!", "1!", "2!"],
    "failure": [5, "not found: ä%"],
    "late_failure": ["one", 15, "lost"],
    "deadline": 4,
    "cancel": ["waiting", 1],
    "was_cancelled": "yes",
    "large": True,
    "at_once": True,
    "unknown": 12,
    "no_token": 16,
    "weak_token": 7,
}


def command(name: str) -> list[str]:
    """Return how to start an implementation."""
    if name == "python":
        return [sys.executable, str(FOLDER / "talk.py")]
    if name == "node":
        return [program("node"), str(FOLDER / "node" / "talk.mjs")]
    if not _RUBY_GRPC.exists():
        pytest.skip("ruby-grpc is missing")
    return [program("ruby"), "-W0", str(FOLDER / "talk.rb")]


@dataclass(frozen=True, slots=True)
class Reached:
    """Where clients find the gateway, and whom they trust; *authority* is empty in the clear."""

    address: str
    authority: str


def available() -> list[str]:
    """Return the implementations that this machine has."""
    return [name for name in NAMES if name != "ruby" or _RUBY_GRPC.exists()]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, int]]]:
    """Start a service of each kind; return the ports of each."""
    install_modules(FOLDER / "node")
    folder = tmp_path_factory.mktemp("services")
    write_pair(folder, AUTHORITY.issue_cert("127.0.0.1"))
    pair = [str(folder / "server.key"), str(folder / "server.pem")]
    with ExitStack() as stack:
        started = {
            name: stack.enter_context(
                running([*command(name), "serve", *pair], folder / f"{name}.log")
            )
            for name in available()
        }
        yield {name: json.loads(one.wait_for(r"(?m)^\{.*\}$")[0]) for name, one in started.items()}


@pytest.fixture(scope="module", params=["plain and one worker", "TLS and two workers"])
def reached(
    request: pytest.FixtureRequest,
    services: dict[str, dict[str, int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Reached]:
    """Start a gateway before the services; each has the host that is called like it."""
    folder = tmp_path_factory.mktemp("gateway")
    has_tls = request.param.startswith("TLS")
    authority = folder / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(authority)
    changes: dict[str, Any] = {"workers": 2} if has_tls else {}
    if has_tls:
        write_pair(folder, AUTHORITY.issue_cert("127.0.0.1", *(f"{one}.test" for one in NAMES)))
        tls = {"certificate": "server.pem", "key": "server.key"}
        changes["listen"] = {"address": "127.0.0.1:0", "tls": tls}
    path = write_config(
        folder,
        [],
        {
            **changes,
            "upstreams": {
                name: _upstream(services[name], str(authority) if has_tls else "")
                for name in services
            },
            "routes": [
                {
                    "name": name,
                    "match": {"path_prefix": "/test.Talk/", "hosts": [f"{name}.test"]},
                    "upstream": name,
                    "require": {"scopes": ["api:read"]},
                }
                for name in services
            ],
        },
    )
    gateway = Path(sys.executable).with_name("gateway")
    log = folder / "gateway.log"
    with running([str(gateway), "run", str(path)], log) as started:
        address = started.wait_for(r"listening on (127\.0\.0\.1:[0-9]+)")[1]
        yield Reached(address, str(authority) if has_tls else "")
        assert started.stop() == 0, log.read_text()
        assert "eyJ" not in log.read_text()
        assert "unexpected" not in log.read_text()


def _upstream(ports: dict[str, int], authority: str) -> dict[str, Any]:
    if authority:
        return {
            "servers": [f"https://127.0.0.1:{ports['secure']}"],
            "protocol": "h2",
            "tls": {"ca": authority},
        }
    return {"servers": [f"http://127.0.0.1:{ports['plain']}"], "protocol": "h2c"}


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize("client", NAMES)
def test_every_kind_of_call_comes_through(client: str, service: str, reached: Reached) -> None:
    if service not in available():
        pytest.skip(f"the {service} service is missing")
    good, weak = make_token().decode(), make_token("other").decode()
    told = [reached.address, reached.authority, f"{service}.test", good, weak]

    done = subprocess.run(
        [*command(client), "ask", *told],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == EXPECTED
