"""`gateway run` imports all of its code before its port opens, and decides without descriptors."""

import json
import re
import resource
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.decision.algorithms import ALGORITHMS as KNOWN
from tests.certificates import AUTHORITY, trusting, write_pair
from tests.cli.worker_world import Fleet, Site, serving, site
from tests.hanging import LIMIT_SECONDS
from tests.tokens import ALGORITHMS, kind_of, make_private, mint

ISSUER = "https://main.example/"
HMAC_ISSUER = "https://hmac.example/"
SECRET = make_private("HMAC", 0)
ASYMMETRIC = [name for name in ALGORITHMS if not name.startswith("HS")]

# Python writes a line for each module that it loads, when it has.
TRACED = {"PYTHONPROFILEIMPORTTIME": "1", "SECRET": SECRET.decode()}
_LOADED = re.compile(r"import time: +\d+ \| +\d+ \| +(\S+)")


def jwks() -> bytes:
    """Return a key for each algorithm, by the algorithm's name."""
    publics = {name: make_private(kind_of(name), 0).public_key() for name in ASYMMETRIC}
    keys = [
        {**KNOWN[name].to_jwk(public, as_dict=True), "kid": name}
        for name, public in publics.items()
    ]
    return json.dumps({"keys": keys}).encode()


def make_token(algorithm: str, which: int = 0, kid: str | None = None) -> str:
    """Return a token by the key of *algorithm*, or another one (*which*) that nobody trusts."""
    is_hmac = algorithm.startswith("HS")
    now = int(time.time())
    claims = {
        "iss": HMAC_ISSUER if is_hmac else ISSUER,
        "aud": "orders",
        "sub": "alice",
        "client_id": "shop",
        "scope": "orders:read",
        "tenant": "42",
        "iat": now,
        "exp": now + 3600,
    }
    private = make_private(kind_of(algorithm), which)
    return mint(private, algorithm, claims, kid or algorithm).decode()


def config_of(directory: Path, service: str, issuer: str, **changes: Any) -> Path:
    """Write a configuration that has a bit of everything."""
    (directory / "revoked.json").write_text('{"revoked": [{"jti": "gone"}]}')
    signing = make_private("ES256", 7).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (directory / "signing.pem").write_bytes(signing)
    common = {"audiences": ["orders"]}
    config = {
        "version": 1,
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "issuers": {
            "main": {
                "issuer": ISSUER,
                "jwks_url": f"{issuer}/main",
                "algorithms": ASYMMETRIC,
                **common,
            },
            "hmac": {
                "issuer": HMAC_ISSUER,
                "secret_env": "SECRET",
                "algorithms": ["HS256", "HS384", "HS512"],
                **common,
            },
        },
        "revocations": {"gone": {"file": "revoked.json"}},
        "identity": {
            "assertion": {"issuer": "https://gateway.example.com/", "keys": ["signing.pem"]}
        },
        "rate_limits": {"each": {"rate": "100000/1m", "key": "subject"}},
        "upstreams": {
            "main": {"servers": [service.replace("127.0.0.1", "localhost")]},
            "closed": {"servers": ["http://127.0.0.1:1"]},
        },
        "routes": [
            {
                "name": "all",
                "match": {"path_prefix": "/"},
                "upstream": "main",
                "require": {
                    "scopes": ["orders:read"],
                    "claims": {"tenant": {"equals": "42"}},
                },
                "rate_limits": ["each"],
                "upgrades": ["websocket"],
            },
            {
                "name": "open",
                "match": {"path_prefix": "/open/"},
                "upstream": "main",
                "public": True,
                "cors": {"origins": ["https://app.example.com"]},
            },
            {
                "name": "maybe",
                "match": {"path_prefix": "/maybe/"},
                "upstream": "main",
                "require": {"optional": True},
                "mode": "report",
            },
            {
                "name": "closed",
                "match": {"path_prefix": "/closed/"},
                "upstream": "closed",
                "public": True,
            },
        ],
    }
    path = directory / "gateway.yaml"
    path.write_text(json.dumps(config | changes))
    return path


@contextmanager
def world(directory: Path, **changes: Any) -> Iterator[tuple[Path, Site]]:
    """Yield a configuration with its issuer and service running."""
    with site() as issuer, site() as service:
        issuer.documents["/main"] = jwks()
        yield config_of(directory, service.url, issuer.url, **changes), service


class Client:
    """A connection to the data port that is kept."""

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self._connection = HTTPConnection(*address, timeout=LIMIT_SECONDS)
        self._connection.connect()
        if tls is not None:
            self._connection.sock = tls.wrap_socket(
                self._connection.sock, server_hostname="gateway.example"
            )

    def ask(
        self,
        target: str,
        token: str | None = None,
        method: str = "GET",
        body: Any = None,
        **headers: str,
    ) -> tuple[int, bytes]:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        chunked = body is not None and not isinstance(body, bytes)
        self._connection.request(method, target, body, fields, encode_chunked=chunked)
        answer: HTTPResponse = self._connection.getresponse()
        return answer.status, answer.read()

    def send_raw(self, octets: bytes, mark: bytes = b"HTTP/1.1 ") -> None:
        """Send *octets*, and read until *mark* came."""
        self._connection.sock.sendall(octets)
        answer = b""
        while mark not in answer:
            piece = self._connection.sock.recv(65536)
            assert piece, answer
            answer += piece

    def close(self) -> None:
        self._connection.close()


def ask_everything(make: Any) -> None:
    """Send a request of every kind there is."""

    def fresh() -> Any:
        return closing(make())

    with fresh() as client:
        for algorithm in ALGORITHMS:
            assert client.ask("/x", make_token(algorithm))[0] == 200, algorithm
            assert client.ask("/x", make_token(algorithm, 1))[0] == 401, algorithm
        good = make_token("ES256")
        assert client.ask("/x")[0] == 401
        assert client.ask("/x", "no.token.here")[0] == 401
        assert client.ask("/x", make_token("ES256", kid="never seen"))[0] == 401
        assert client.ask("/open/x")[0] == 200
        assert client.ask("/open/x", Origin="https://app.example.com")[0] == 200
        preflight = {"Origin": "https://app.example.com", "Access_Control_Request_Method": "GET"}
        assert client.ask("/open/x", method="OPTIONS", **preflight)[0] == 204
        assert client.ask("/maybe/x")[0] == 200
        assert client.ask("/maybe/x", make_token("ES256", 1))[0] == 200
        assert client.ask("/x", good, method="HEAD")[0] == 501  # the site's own
        assert client.ask("/open/a/../b")[0] == 400
    for body in (b"abc", iter([b"abc", b"d" * 100_000])):
        with fresh() as client:
            assert client.ask("/open/x", method="POST", body=body)[0] in {501, 502}
    with fresh() as client:
        assert client.ask("/closed/x")[0] == 502
    for octets in (
        b"nonsense\r\n\r\n",
        b"GET /x HTTP/1.1\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        with fresh() as client:
            client.send_raw(octets)
    head = f"Host: a\r\nAuthorization: Bearer {good}\r\n"
    upgrade = (
        f"GET /x HTTP/1.1\r\n{head}Connection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with fresh() as client:
        client.send_raw(upgrade.encode())
    with fresh() as client:
        client.send_raw(f"GET /events HTTP/1.1\r\n{head}\r\n".encode(), b"data: x")


def modules_in(lines: list[str]) -> list[str]:
    return [found[1] for line in lines if (found := _LOADED.match(line))]


def mark_of(fleet: Fleet) -> int:
    """Return how many lines were said when it served."""
    return next(i for i, line in enumerate(fleet.said) if "listening on" in line)


def features(directory: Path) -> dict[str, Any]:
    """Return settings of what few gateways have: TLS, traces, Redis; nobody is at their ends."""
    write_pair(directory, AUTHORITY.issue_cert("gateway.example"))
    tls = {"certificate": "server.pem", "key": "server.key"}
    return {
        "listen": {"address": "127.0.0.1:0", "tls": tls},
        "access_log": {"to": "stdout", "format": "combined"},
        "redis": {"url": "redis://127.0.0.1:1", "on_failure": "memory"},
        "tracing": {"otlp": "http://127.0.0.1:1/v1/traces"},
    }


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["plain", "full"])
def test_nothing_is_imported_once_the_port_is_open(tmp_path: Path, kind: str, workers: int) -> None:
    """An import opens files: without a descriptor left it fails, amid somebody's request."""
    changes = features(tmp_path) if kind == "full" else {}
    tls = trusting() if changes else None
    with (
        world(tmp_path, workers=workers, **changes) as (path, _),
        serving(path, TRACED) as fleet,
    ):
        for _ in range(workers):
            ask_everything(lambda: Client(fleet.data, tls))
        ask_admin(fleet)
        fleet.process.terminate()  # the last spans are sent
        fleet.process.wait(LIMIT_SECONDS)
        fleet.end()
        said = fleet.said

    assert "gateway.proxy.exchange.exchange" in modules_in(said)  # lines are written, and read
    late = modules_in(said[mark_of(fleet) :])
    assert not late, " ".join(late)


def ask_admin(fleet: Fleet) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/status"):
        assert fleet.get(path).status == 200, path


# --- without a descriptor


@contextmanager
def no_descriptors(fleet: Fleet) -> Iterator[None]:
    """Let no process of *fleet* open anything."""
    pids = {fleet.process.pid, *fleet.workers()}
    before = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def warm(client: Client) -> None:
    """Have the gateway keep a connection to the service, without a token having been checked."""
    assert client.ask("/open/x")[0] == 200


@pytest.mark.parametrize("workers", [1, 2])
def test_tokens_are_judged_right_where_no_descriptor_is_left_and_after_it(
    tmp_path: Path, workers: int
) -> None:
    """Good ES256 tokens were `signature_invalid`, and stayed so when descriptors were back."""
    with (
        world(tmp_path, workers=workers) as (path, _),
        serving(path, {"SECRET": SECRET.decode()}) as fleet,
        ExitStack() as stack,
    ):
        clients = [stack.enter_context(closing(Client(fleet.data))) for _ in range(4 * workers)]
        for client in clients:
            warm(client)
        tokens = {name: (make_token(name), make_token(name, 1)) for name in ALGORITHMS}

        with no_descriptors(fleet):
            during = [verdicts(client, tokens) for client in clients]
        after = [verdicts(client, tokens) for client in clients]

        reasons = fleet.metric("gateway_decisions_total", reason="signature_invalid")
    right = dict.fromkeys(ALGORITHMS, (200, 401))
    assert during == after == len(clients) * [right]
    assert reasons == 2 * len(clients) * len(ALGORITHMS)


def verdicts(client: Client, tokens: Mapping[str, tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """Return by algorithm what becomes of a good token, and of a forged one."""
    return {
        name: (client.ask("/x", good)[0], client.ask("/x", forged)[0])
        for name, (good, forged) in tokens.items()
    }
