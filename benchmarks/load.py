"""Run the load generators on their core, and parse their output."""

import http.client
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import Peer
from benchmarks.process import LOAD_CORE
from benchmarks.tokens import TokenFile

CONNECTIONS = 64
FIXED_CONNECTIONS = 50
FIXED_RATE = 5_000  # requests per second
EACH_TOKEN_ONCE = Path(__file__).parent / "each_token_once.lua"
PATIENCE_SECONDS = 30.0
ENOUGH = 0.8  # of the fixed rate; with less, a peer could not keep up


class WrongAnswerError(Exception):
    """A peer responded otherwise than the row requires, so its figure would mean nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """The result of one round."""

    requests: int
    requests_per_second: float
    not_successful: int
    broken: int


def probe(peer: Peer, token: str | None, status: int, path: str = "/orders/1") -> None:
    """Send one request, and raise WrongAnswerError unless *peer* responds with *status*."""
    probe_with(peer, bearer(token), status, path)


def probe_with(peer: Peer, fields: Mapping[str, str], status: int, path: str = "/orders/1") -> None:
    """Send one request with *fields*; raise WrongAnswerError unless it gets *status*."""
    connection: http.client.HTTPConnection
    if peer.scheme == "https":
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False  # the certificate was made for this run
        trusting.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", peer.port, context=trusting)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", peer.port)
    connection.timeout = PATIENCE_SECONDS
    try:
        connection.request("GET", path, headers=dict(fields))
        got = connection.getresponse().status
    finally:
        connection.close()
    if got != status:
        raise WrongAnswerError(f"{peer.name} answered {got} instead of {status}")


def repeat(peer: Peer, token: str | None, seconds: int, path: str = "/orders/1") -> Load:
    """Send the same request at the highest rate."""
    return repeat_with(peer, bearer(token), seconds, path)


def repeat_with(
    peer: Peer, fields: Mapping[str, str], seconds: int, path: str = "/orders/1"
) -> Load:
    """Send the same request with *fields* at the highest rate."""
    options = [word for name, value in fields.items() for word in ("-H", f"{name}: {value}")]
    return _wrk(peer, seconds, [*options, peer.address(path)])


def bearer(token: str | None) -> dict[str, str]:
    """Return the fields that carry *token*; none if there is none."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def each_once(peer: Peer, tokens: TokenFile, first: int, seconds: int) -> Load:
    """Send token after token, beginning at line *first*, in a circle."""
    script = ["-s", str(EACH_TOKEN_ONCE), peer.address("/orders/1"), "--"]
    arguments = [str(tokens.path), str(tokens.width), str(first % tokens.count)]
    return _wrk(peer, seconds, script + arguments)


def latency_ms(peer: Peer, token: str, seconds: int, folder: Path) -> float:
    """Return the 99th percentile at a fixed rate."""
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    rate = f"--rps={FIXED_RATE // FIXED_CONNECTIONS}"
    command = ["h2load", "--h1", "-c", str(FIXED_CONNECTIONS), rate, "-D", str(seconds)]
    command += [f"--log-file={log}", "-H", f"Authorization: Bearer {token}"]
    _run([*command, peer.address("/orders/1")], seconds)
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    if not lines or any(status != "200" for _, status, _ in lines):
        raise WrongAnswerError(f"{peer.name} answered otherwise than 200 at a fixed rate")
    if len(lines) < ENOUGH * FIXED_RATE * seconds:
        raise WrongAnswerError(f"{peer.name} did not keep up with {FIXED_RATE} requests/s")
    taken = sorted(int(microseconds) for _, _, microseconds in lines)
    return taken[len(taken) * 99 // 100] / 1_000


def multiplexed(  # noqa: PLR0913 - each is a thing to compare
    peer: Peer,
    token: str | None,
    seconds: int,
    connections: int,
    streams: int | None,
    *,
    call: Path | None = None,
) -> Load:
    """Send the same request at the highest rate, on *streams* at once of each connection.

    If *streams* is None, send it over HTTP/1.1. A *call* is the body of a call of gRPC, whose
    response has to be as long.
    """
    how = ["--h1"] if streams is None else ["-m", str(streams)]
    if call is not None:
        how += ["-d", str(call), "-H", "content-type: application/grpc", "-H", "te: trailers"]
    command = ["h2load", "-t1", "-c", str(connections), *how, "-D", str(seconds)]
    command += [
        word for name, value in bearer(token).items() for word in ("-H", f"{name}: {value}")
    ]
    path = "/orders/1" if call is None else "/orders/call"
    said = _run([*command, peer.address(path)], seconds)
    protocol = _find(r"Application protocol: (\S+)", said, "none")
    if protocol.startswith("h2") is (streams is None):
        raise WrongAnswerError(f"{peer.name} spoke {protocol}")
    # Not those that are done: when the time is over, some have a status and not all of their body.
    statuses = [int(_find(rf"(\d+) {kind}xx", said)) for kind in (2, 3, 4, 5)]
    done = int(_find(r"(\d+) done", said))
    if call is not None and int(_find(r"\((\d+)\) data", said)) < done * call.stat().st_size:
        raise WrongAnswerError(f"{peer.name} did not answer every call with its message")
    return Load(
        requests=sum(statuses),
        requests_per_second=float(_find(r"([\d.]+) req/s", said)),
        not_successful=sum(statuses[1:]),
        broken=int(_find(r"(\d+) errored", said)),
    )


def body_rate(peer: Peer, direction: str, token: str, seconds: int, folder: Path) -> float:
    """Return the gigabytes per second that pass through *peer* in *direction*."""
    command = [sys.executable, "-m", "benchmarks.body_client", direction, str(peer.port)]
    said = json.loads(_run([*command, str(folder), str(seconds)], seconds, token))
    return float(said["bytes"]) / float(said["seconds"]) / 1e9


def _wrk(peer: Peer, seconds: int, arguments: list[str]) -> Load:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *arguments]
    said = _run(command, seconds)
    broken = re.search(r"Socket errors: (.*)", said)
    return Load(
        requests=int(_find(r"(\d+) requests in", said)),
        requests_per_second=float(_find(r"Requests/sec:\s+([\d.]+)", said)),
        not_successful=int(_find(r"Non-2xx or 3xx responses: (\d+)", said, "0")),
        broken=sum(map(int, re.findall(r"\d+", broken[1]))) if broken else 0,
    )


def _find(pattern: str, said: str, otherwise: str | None = None) -> str:
    found = re.search(pattern, said)
    if found is not None:
        return found[1]
    if otherwise is None:
        raise WrongAnswerError(f"the load generator said nothing of {pattern!r}")
    return otherwise


def _run(command: list[str], seconds: int, said_to_it: str = "") -> str:
    done = subprocess.run(
        ["taskset", "-c", LOAD_CORE, *command],
        input=said_to_it,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + PATIENCE_SECONDS,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise WrongAnswerError(f"{command[0]} failed: {last}")
    return done.stdout
