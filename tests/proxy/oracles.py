"""Other proxies of renown before the recording service: what they make of a client's bytes.

Each is a plain reverse proxy as its manual shows it. What it forwards, whole requests in their
order, is its verdict; how it puts a refusal is its own affair.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.conftest import program, running
from tests.proxy.corpus import RequestCase
from tests.proxy.messages import Message, make_request
from tests.proxy.observed import SENTINEL
from tests.proxy.recorder import RecordingService
from tests.proxy.wire import Wire, connect

_FENCE = b"fence.test"

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_to_service {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{service};
            proxy_http_version 1.1;
            proxy_ignore_client_abort on;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_to_service;
        }}
    }}
}}
"""

_HAPROXY = """
global
    nbthread 1
defaults
    mode http
    timeout client 20s
    timeout server 20s
    timeout connect 5s
frontend clients
    bind fd@{fd}
    default_backend service
backend service
    server one 127.0.0.1:{service}
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was forwarded: whole requests, and whether the sentinel behind them was one of them.

    *is_odd* says that something came that is no request in the way the recorder wants it:
    with a trailer, say.
    """

    requests: tuple[Message, ...]
    is_served_on: bool
    is_odd: bool


@contextmanager
def nginx(folder: Path, service_port: int) -> Iterator[tuple[str, int]]:
    """Run nginx; yield its address."""
    command = [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "n.conf")]
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        text = _NGINX.format(folder=folder, port=port, service=service_port)
        (folder / "n.conf").write_text(text)
        # nginx takes over sockets that the variable names: no other test can take the port.
        environ = {**os.environ, "NGINX": f"{bound.fileno()};"}
        with running(command, folder / "nginx.log", environ, (bound.fileno(),)):
            yield "127.0.0.1", port


@contextmanager
def haproxy(folder: Path, service_port: int) -> Iterator[tuple[str, int]]:
    """Run HAProxy; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        config = folder / "haproxy.cfg"
        config.write_text(_HAPROXY.format(fd=bound.fileno(), service=service_port))
        command = [program("haproxy"), "-db", "-f", str(config)]
        with running(command, folder / "haproxy.log", None, (bound.fileno(),)):
            yield "127.0.0.1", bound.getsockname()[1]


Start = Callable[[Path, int], AbstractContextManager[tuple[str, int]]]
ORACLES: dict[str, Start] = {"nginx": nginx, "haproxy": haproxy}


async def verdict(
    address: tuple[str, int], service: RecordingService, case: RequestCase
) -> Verdict:
    """Send the bytes of *case* and a request behind them, then the end of the stream.

    The end comes once requests of somebody else have gone all the way and nothing more came to
    the service meanwhile, and the verdict once that is so again: nothing is timed.
    """
    service.begin()
    wire = await connect(address)
    wire.send(case.sent)
    if case.then != "waits":  # it would be the rest that is waited for
        wire.send(SENTINEL)
    await _still(address, service)
    if not (wire.is_lost or wire.transport.is_closing()):
        wire.end()
    await _still(address, service)
    wire.close()
    await _still(address, service)
    seen = [one for one in service.requests if one.all(b"host") != [_FENCE]]
    sentinels = [one for one in seen if one.all(b"host") == [b"sentinel.test"]]
    return Verdict(
        tuple(one for one in seen if one not in sentinels), bool(sentinels), bool(service.odd)
    )


def difference(case: RequestCase, other: Verdict) -> str | None:
    """Return in a word how *other* is not what the corpus says of us."""
    if not case.forwarded:
        return "forwards" if other.requests or other.is_odd else None
    if other.is_odd:
        return "forwards otherwise"
    if not other.requests:
        return "refuses"
    pairs = list(zip(case.forwarded, other.requests, strict=False))
    if len(case.forwarded) != len(other.requests) or any(
        not ours.is_like(theirs) for ours, theirs in pairs
    ):
        return "forwards otherwise"
    if any(ours.differs_in_fields(theirs) for ours, theirs in pairs):
        return "forwards other fields"
    if case.then in {"stays", "closes"} and other.is_served_on != (case.then == "stays"):
        return "serves on" if other.is_served_on else "closes"
    return None


async def _still(address: tuple[str, int], service: RecordingService) -> None:
    """Return once two requests went through with nothing of anybody else's beside them."""
    quiet = 0
    while quiet < 2:
        before = _bytes_of_others(service)
        await _fence(address)
        quiet = quiet + 1 if _bytes_of_others(service) == before else 0


def _bytes_of_others(service: RecordingService) -> int:
    whole = sum(one.all(b"host") != [_FENCE] for one in service.requests)
    return whole + sum(len(one.recorder.pending) for one in service.connections)


async def _fence(address: tuple[str, int]) -> None:
    wire: Wire = await connect(address)
    wire.send(make_request("/public/fence", "Connection: close", host=_FENCE.decode()))
    await wire.wait_end()
    wire.close()
