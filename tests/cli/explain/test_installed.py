"""`gateway explain` as it is installed: in a process of its own, which imports what it needs."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.settings.load import Loaded, load_settings
from tests.cli.explained import ORDER, SECRET, make_token, write_world
from tests.cli.peers import http_peer
from tests.proxy.gateways import bearer, running_gateway, write_config
from tests.proxy.messages import make_request

COMMAND = Path(sys.executable).with_name("gateway")

# Runs the command line, and tells at the end what was imported.
_SCRIPT = """
import sys
from gateway.__main__ import main
try:
    main()
except SystemExit as end:
    print(end.code or 0, *sorted(sys.modules), file=sys.stderr)
"""


def environ(**changes: str) -> dict[str, str]:
    return {**os.environ, "CI_SECRET": SECRET, **changes}


@pytest.fixture(name="config")
def make_config(tmp_path: Path) -> Path:
    return write_world(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--claims", '{"iss": "https://login.example/", "scope": "orders:read", "tenant": "acme"}'],
        ["--as", "alice", "--suite", "personas.yaml"],
        ["--token", "@token"],
        ["--token", "@token", "--format", "json"],
        [],
    ],
)
def test_neither_the_proxy_nor_what_speaks_http_is_imported(
    arguments: list[str], config: Path
) -> None:
    (config.parent / "token").write_bytes(make_token())
    command = [sys.executable, "-c", _SCRIPT, "explain", "GET", ORDER, "--config", "gateway.yaml"]

    done = subprocess.run(
        [*command, *arguments],
        cwd=config.parent,
        env=environ(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    code, *modules = done.stderr.split()
    assert code == ("0" if arguments else "1")
    assert "gateway.http.rehearsal" in modules
    heavy = {"aiohttp", "yarl", "uvloop", "prometheus_client", "gateway.proxy", "gateway.app"}
    assert heavy.isdisjoint(modules)


def run(*arguments: str, config: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, "explain", *arguments],
        cwd=config.parent,
        env=environ(),
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_a_token_comes_on_stdin_and_stays_there(config: Path) -> None:
    token = make_token()

    done = run("GET", ORDER, "--token", "-", "--config", "gateway.yaml", config=config, stdin=token)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"allowed: read-order sends it to orders (")
    assert not [part for part in token.split(b".") if part in done.stdout]


def test_keys_are_fetched_from_a_url(config: Path) -> None:
    with http_peer((config.parent / "keys.json").read_bytes()) as url:
        write_world(config.parent, f"jwks_url: {url}/jwks")
        arguments = ("GET", ORDER, "--token", "-", "--config", "gateway.yaml", "--format", "json")
        done = run(*arguments, config=config, stdin=make_token())

    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["verdict"] == "allow"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["GET", ORDER], 1),
        (["GET", "http://a.example/healthz"], 0),
        (["GET", ORDER, "--expect", "token_missing"], 0),
        (["GET", ORDER, "--expect", "allow"], 1),
        (["GET", "nonsense"], 2),
        (["GET", ORDER, "--token", "nonsense"], 2),
        (["GET", ORDER, "--claims", "nonsense"], 2),
        (["GET", ORDER, "--as", "nobody", "--suite", "missing.yaml"], 3),
        (["GET", ORDER, "--token", "@missing"], 3),
        (["GET", "http://a.example/\udc80"], 2),
        (["GET", ORDER, "--header", "X: \udc80"], 2),
    ],
)
def test_the_exit_code_says_what_kind_of_end_it_was(
    arguments: list[str], code: int, config: Path
) -> None:
    done = run(*arguments, "--config", "gateway.yaml", config=config)

    assert (done.returncode, b"Traceback" in done.stderr) == (code, False)
    assert bool(done.stdout) is (code < 2)


async def test_what_a_running_gateway_refused_is_shown_by_its_id(tmp_path: Path) -> None:
    token = "a-token-of-the-admin-port-that-is-long-enough"
    changes = {"admin": {"address": "127.0.0.1:0", "token_env": "ADMIN_TOKEN"}}
    path = write_config(tmp_path, ["http://127.0.0.1:1"], changes)
    loaded = load_settings(path, {"ADMIN_TOKEN": token})
    assert isinstance(loaded, Loaded)
    async with running_gateway(loaded.settings) as gateway:
        answer = await gateway.ask(make_request("/api/x?secret", bearer(b"x.y.z")))
        request_id = answer.one(b"x-request-id").decode()
        assert gateway.gateway.admin_address is not None
        url = "http://{}:{}".format(*gateway.gateway.admin_address)
        (tmp_path / "token").write_text(token)
        asked = ("--request-id", request_id, "--admin", url)
        shown = await asyncio.to_thread(run, *asked, "--admin-token", "@token", config=path)
        refused = await asyncio.to_thread(run, *asked, config=path)

    assert (shown.returncode, shown.stderr) == (0, b"")
    lines = shown.stdout.decode().splitlines()
    assert lines[:2] == [
        "refused: 401 token_malformed",
        "  because: the token's header is not base64url",
    ]
    assert lines[4].startswith(f"  route api  [{path}:")
    assert b"secret" not in shown.stdout
    assert (refused.returncode, refused.stdout) == (3, b"")
