"""`gateway token mint` with a real issuer, and with whatever else may respond."""

import asyncio
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner, Result
from joserfc import jws

from gateway.cli.token.mint import mint
from gateway.issuer.endpoints import Endpoints, IssuerTerms
from gateway.issuer.listening import bind_loopback, origin_of, serving
from gateway.issuer.signing_keys import SigningAlgorithm


def run(*arguments: str) -> Result:
    return CliRunner().invoke(mint, list(arguments))


@pytest.fixture(scope="module")
def issuer_url() -> Iterator[str]:
    bound = bind_loopback("127.0.0.1", 0)
    terms = IssuerTerms(SigningAlgorithm.ES256, "demo-api", time.time, lambda: str(uuid.uuid4()))
    url = origin_of(bound)
    loop = asyncio.new_event_loop()
    started, stopped = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with serving(Endpoints(url, terms).application(), bound):
            started.set()
            await stopped.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(10)
    yield url
    loop.call_soon_threadsafe(stopped.set)
    thread.join()
    loop.close()


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Serve one fixed answer to every POST."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def claims_of(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.stderr
    token = jws.extract_compact(result.stdout.strip().encode())
    claims: dict[str, object] = json.loads(token.payload)
    return claims


def test_the_token_stands_alone_on_stdout(issuer_url: str) -> None:
    result = run("--as", "alice", "--issuer-url", issuer_url)

    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""
    claims = claims_of(result)
    assert claims["sub"] == "alice"
    assert claims["aud"] == "demo-api"


def test_json_is_the_whole_response(issuer_url: str) -> None:
    result = run("--as", "alice", "--issuer-url", issuer_url, "--json")

    response = json.loads(result.stdout)
    assert response["token_type"] == "Bearer"
    assert response["access_token"].count(".") == 2
    assert response["expires_in"] > 0


def test_scope_audience_and_lifetime_are_as_asked(issuer_url: str) -> None:
    result = run(
        *("--as", "bob", "--scope", "orders:read", "--audience", "other"),
        *("--ttl", "5m", "--issuer-url", issuer_url + "/"),
    )

    claims = claims_of(result)
    assert claims["scope"] == "orders:read"
    assert claims["aud"] == "other"
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 300


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--as", "alice", "--scope", "orders:write"), "invalid_scope"),
        (("--as", "alice", "--ttl", "48h"), "invalid_request"),
    ],
)
def test_a_refusal_of_the_issuer_is_a_negative_result(
    issuer_url: str, arguments: tuple[str, ...], error: str
) -> None:
    result = run(*arguments, "--issuer-url", issuer_url)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"gateway: the issuer refused: {error}: ")


def test_no_issuer_is_an_error_of_the_environment() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets the port
        result = run("--as", "alice", "--issuer-url", f"http://127.0.0.1:{bound.getsockname()[1]}")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert "gateway demo" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_name_that_no_host_can_have_is_an_error_of_the_environment() -> None:
    result = run("--as", "alice", "--issuer-url", "http://a..b")

    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"<html>"),
        (200, b""),
        (200, b"[]"),
        (200, b"[" * 60_000),
        (200, b'{"access_token": 5}'),
        (500, b'{"access_token": "x"}'),
        (200, b"\xff"),
    ],
)
def test_something_else_at_the_address_is_an_error_of_the_environment(
    status: int, body: bytes
) -> None:
    with answering(status, body) as url:
        result = run("--as", "alice", "--issuer-url", url)

    assert result.exit_code == 3
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_the_words_of_a_stranger_are_shown_without_control_characters() -> None:
    body = json.dumps({"error": "\x1b[2J", "error_description": "a\r\nb" + "c" * 1_000}).encode()
    with answering(400, body) as url:
        result = run("--as", "alice", "--issuer-url", url)

    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert len(result.stderr) < 300


@pytest.mark.parametrize(
    "arguments",
    [
        ("--as", "nobody"),
        (),
        ("--as", "alice", "--ttl", "soon"),
        ("--as", "alice", "--ttl", "-1h"),
        ("--as", "alice", "--issuer-url", "127.0.0.1:9000"),
        ("--as", "alice", "--issuer-url", "ftp://127.0.0.1"),
        ("--as", "alice", "--issuer-url", "http://127.0.0.1:99999"),
        ("--as", "alice", "--issuer-url", "http://a\r\nb"),
        ("--as", "alice", "--issuer-url", "http://"),
        ("--as", "alice", "--issuer-url", "http://u:p@127.0.0.1"),
    ],
)
def test_a_wrong_option_is_an_error_of_usage(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
