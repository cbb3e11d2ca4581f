"""Real services that speak HTTP/2, in the clear and with TLS: nghttpd, Node's and nginx."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import AUTHORITY, write_pair
from tests.end_to_end.conftest import Program, program, running

LARGE = b"y" * 5_000_000

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    server {{
        http2 on;
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{secure} ssl;
        root {folder}/htdocs;
        location /public/small/ {{
            add_header x-version $server_protocol;
            return 200 "$request_method $request_uri ";
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a service listens: in the clear, and with TLS."""

    plain: int
    secure: int


def write_documents(folder: Path) -> None:
    """Write what services of files serve, and their certificate."""
    write_pair(folder, AUTHORITY.issue_cert("127.0.0.1"))
    documents = folder / "htdocs" / "public"
    documents.mkdir(parents=True)
    (documents / "large").write_bytes(LARGE)


def _listening_port(started: Program) -> int:
    """Return the port of a program that does not tell it, from what the kernel knows."""
    inodes = set()
    for one in Path(f"/proc/{started.process.pid}/fd").iterdir():
        target = os.readlink(one)
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            return int(fields[1].rpartition(":")[2], 16)
    raise AssertionError("it does not listen")


@contextmanager
def nghttpd(folder: Path) -> Iterator[Ports]:
    """Run two of them; what is sent comes back, with a trailer behind it."""
    command = [program("nghttpd"), "-v", "-a", "127.0.0.1", "-d", str(folder / "htdocs")]
    command += ["--echo-upload", "--trailer=x-sum: 9"]
    pair = [str(folder / "server.key"), str(folder / "server.pem")]
    with (
        running([*command, "--no-tls", "0"], folder / "nghttpd.log") as plain,
        running([*command, "0", *pair], folder / "nghttpd-tls.log") as secure,
    ):
        for one in (plain, secure):
            one.wait_for("listen 127")
        yield Ports(_listening_port(plain), _listening_port(secure))


@contextmanager
def node(folder: Path) -> Iterator[Ports]:
    """Run Node's; what is sent comes back."""
    script = Path(__file__).parent / "node" / "serve.mjs"
    pair = [str(folder / "server.key"), str(folder / "server.pem")]
    with running([program("node"), str(script), *pair], folder / "node.log") as started:
        yield Ports(**json.loads(started.wait_for(r"(?m)^\{.*\}$")[0]))


@contextmanager
def nginx(folder: Path) -> Iterator[Ports]:
    """Run nginx; bodies are read and dropped."""
    path = program("nginx")
    with (
        socket.create_server(("127.0.0.1", 0)) as plain,
        socket.create_server(("127.0.0.1", 0)) as secure,
    ):
        ports = Ports(plain.getsockname()[1], secure.getsockname()[1])
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, plain=ports.plain, secure=ports.secure))
        # nginx takes over sockets that the variable names: no other test can take the port.
        numbers = (plain.fileno(), secure.fileno())
        environ = {**os.environ, "NGINX": "".join(f"{one};" for one in numbers)}
        command = [path, "-e", "stderr", "-p", str(folder), "-c", str(config)]
        with running(command, folder / "nginx.log", environ, numbers):
            yield ports
