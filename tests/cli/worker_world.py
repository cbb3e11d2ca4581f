"""The surroundings of a gateway with several workers: an issuer, an upstream and clients."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import yaml
from jwt.algorithms import ECAlgorithm

from tests.cli.run.test_command import GATEWAY, address_in
from tests.hanging import LIMIT_SECONDS
from tests.processes import is_running
from tests.tokens import make_private, mint

AUDIENCE = "orders"


def jwks(*kids: str) -> bytes:
    """Return a key set in which each key's name is its number among our keys."""
    keys = []
    for kid in kids:
        jwk = ECAlgorithm.to_jwk(make_private("ES256", int(kid)).public_key(), as_dict=True)
        keys.append({**jwk, "kid": kid, "alg": "ES256", "use": "sig"})
    return json.dumps({"keys": keys}).encode()


def token(issuer: str = "main", kid: str = "0", said_kid: str | None = None, **claims: Any) -> str:
    """Return a token of *issuer*, signed by key number *kid*; *said_kid* is what it says."""
    now = int(time.time())
    all_claims = {
        "iss": f"https://{issuer}.example/",
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": now,
        "exp": now + 3600,
        **claims,
    }
    return mint(make_private("ES256", int(kid)), "ES256", all_claims, said_kid or kid).decode()


class Site:
    """An HTTP server in threads: answers what *documents* say, else what *serve* does."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes | int] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[Message] = []
        self.release = threading.Event()  # lets go of what asks for /hold
        self.holds = 0  # so many are held
        site = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # an answer in one piece: else each takes 40 ms

            def do_GET(self) -> None:
                with suppress(ConnectionError):
                    site.answer(self)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        self.url = "http://{}:{}".format(*self.server.server_address[:2])
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.asked[path] += 1
        self.headers.append(request.headers)
        document = self.documents.get(path, b"hello")
        if path.endswith("/hold"):
            self.holds += 1
            self.release.wait(LIMIT_SECONDS)
            self.holds -= 1
        if path.endswith("/events"):
            self.stream(request)
            return
        octets = b"" if isinstance(document, int) else document
        request.send_response(document if isinstance(document, int) else 200)
        request.send_header("Content-Length", str(len(octets)))
        request.end_headers()
        request.wfile.write(octets)

    def stream(self, request: BaseHTTPRequestHandler) -> None:
        """Send events until the other side is gone."""
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        request.close_connection = True
        while True:
            request.wfile.write(b"data: x\n\n")
            request.wfile.flush()
            time.sleep(0.05)

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def site() -> Iterator[Site]:
    one = Site()
    try:
        yield one
    finally:
        one.close()


def config_of(directory: Path, service: str, issuer: str | None = None, **changes: Any) -> Path:
    """Write a configuration for two workers; *issuer* is where keys are, else a file."""
    (directory / "keys.json").write_bytes(jwks("0"))
    config = {
        "version": 1,
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "workers": 2,
        "issuers": {"main": issuer_of("main", issuer)},
        "upstreams": {"main": {"servers": [service]}},
        "routes": [
            route("all", "/", require={}),
            route("open", "/open/", public=True),
        ],
    }
    path = directory / "gateway.yaml"
    path.write_text(yaml.safe_dump(config | changes))
    return path


def route(name: str, prefix: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "match": {"path_prefix": prefix}, "upstream": "main", **settings}


def issuer_of(name: str, url: str | None, **keys: str) -> dict[str, Any]:
    source = {"jwks_file": "keys.json"} if url is None else {"jwks_url": f"{url}/{name}"}
    return {
        "issuer": f"https://{name}.example/",
        "audiences": [AUDIENCE],
        **source,
        **({"keys": keys} if keys else {}),
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the gateway."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(address: tuple[str, int], target: str, bearer: str | None = None) -> Answer:
    """Return the answer to one request on a connection of its own."""
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    return exchange(address, "GET", target, headers)


def exchange(
    address: tuple[str, int],
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> Answer:
    with closing(HTTPConnection(*address, timeout=LIMIT_SECONDS)) as connection:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def until(holds: Callable[[], bool], what: str = "") -> None:
    """Wait until *holds*; a bound keeps a broken gateway from hanging the tests."""
    ends_at = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < ends_at, what or "it never was so"
        time.sleep(0.01)


def children_of(pid: int) -> set[int]:
    """Return the processes that *pid* has started and that are there still, dead ones too."""
    children = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                children.add(int(stat.parent.name))
    return children


class Fleet:
    """A gateway of several workers, in processes of their own; *said* are its diagnostics."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        self.logged: list[str] = []
        self.known_workers: set[int] = set()
        self.data = self.admin = ("", 0)
        self.readers = [
            threading.Thread(target=_read, args=(stream, lines), daemon=True)
            for stream, lines in ((process.stderr, self.said), (process.stdout, self.logged))
            if stream is not None
        ]
        for reader in self.readers:
            reader.start()

    def await_start(self) -> None:
        self.data = address_in(self.await_said("listening on"))
        self.admin = address_in(self.await_said("admin on"))
        self.known_workers |= set(self.workers())

    def await_said(self, mark: str, times: int = 1) -> str:
        """Return the line of stderr that has *mark* in it, once it was said so often."""

        def lines() -> list[str]:
            return [line for line in self.said if mark in line]

        until(
            lambda: len(lines()) >= times or self.process.poll() is not None,
            f"it never said {mark}: {self.said}",
        )
        if len(lines()) < times:  # it has ended: all that it said is there to read soon
            for reader in self.readers:
                reader.join(LIMIT_SECONDS)
        assert len(lines()) >= times, f"it ended without saying {mark}: {self.said}"
        return lines()[times - 1]

    # --- what its admin port says

    def get(self, path: str) -> Answer:
        return ask(self.admin, path)

    def post(self, path: str, members: Mapping[str, object]) -> Answer:
        body, headers = json.dumps(members).encode(), {"Content-Type": "application/json"}
        return exchange(self.admin, "POST", path, headers, body)

    def status(self) -> Any:
        return self.get("/status").json()

    def workers(self) -> list[int]:
        """Return the process id of each worker that serves."""
        pids = [worker["pid"] for worker in self.status()["workers"]]
        self.known_workers |= {pid for pid in pids if pid is not None}
        return [pid for pid in pids if pid is not None]

    def restarts(self) -> list[int]:
        """Return how often each worker was replaced."""
        return [worker["restarts"] for worker in self.status()["workers"]]

    def per_worker(self, name: str) -> dict[int, int]:
        """Return one figure of each worker, by its process id."""
        return {worker["pid"]: worker[name] for worker in self.status()["workers"]}

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of ``/metrics`` with this name and these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        total = 0.0
        for line in self.get("/metrics").body.decode().splitlines():
            sample, _, value = line.rpartition(" ")
            if sample.partition("{")[0] == name and all(one in sample for one in wanted):
                total += float(value)
        return total

    # --- what clients do

    def ask(self, target: str, bearer: str | None = None) -> Answer:
        return ask(self.data, target, bearer)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.data, timeout=LIMIT_SECONDS)

    def send(self, target: str, bearer: str | None = None) -> socket.socket:
        """Return a connection on which a request was sent, and nothing read."""
        client = self.connect()
        field = "" if bearer is None else f"Authorization: Bearer {bearer}\r\n"
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n{field}\r\n".encode())
        return client

    def on_each_worker(self, make: Callable[[], socket.socket]) -> dict[int, socket.socket]:
        """Return a connection that *make* opens for each worker, by its process id."""
        found: dict[int, socket.socket] = {}
        workers = self.workers()
        while len(found) < len(workers):
            before = self.per_worker("connections_total")
            client = make()
            while (after := self.per_worker("connections_total")) == before:
                time.sleep(0.01)
            (pid,) = [pid for pid in workers if after[pid] > before[pid]]
            if pid in found:
                client.close()
            else:
                found[pid] = client
        return found

    # --- its end

    def end(self) -> None:
        """End it and all its workers, however it stands with them."""
        self.known_workers |= children_of(self.process.pid)
        self.process.kill()
        self.process.wait(LIMIT_SECONDS)
        for pid in self.known_workers:
            with suppress(OSError):
                if b"gateway.supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
        for reader in self.readers:
            reader.join(LIMIT_SECONDS)

    def await_no_workers(self) -> None:
        """Return once every worker that was seen has ended."""
        until(
            lambda: not any(map(is_running, self.known_workers)),
            f"a worker goes on: {self.known_workers}",
        )


def _read(stream: Any, lines: list[str]) -> None:
    for line in stream:
        lines.append(line)  # noqa: PERF402 - others look while this waits for more


@contextmanager
def started(
    path: Path,
    environ: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    **options: Any,
) -> Iterator[Fleet]:
    """Yield a gateway that was started, and may not serve yet."""
    process = subprocess.Popen(
        [GATEWAY, "run", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environ or {})},
        **options,
    )
    with process:
        fleet = Fleet(process)
        try:
            yield fleet
        finally:
            fleet.end()


@contextmanager
def serving(
    path: Path, environ: Mapping[str, str] | None = None, **options: Any
) -> Iterator[Fleet]:
    """Yield a gateway that serves."""
    with started(path, environ, **options) as fleet:
        fleet.await_start()
        yield fleet
