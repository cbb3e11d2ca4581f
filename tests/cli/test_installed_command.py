"""The command as it is installed: exit codes, streams and colours, each verb in a process."""

import asyncio
import errno
import json
import os
import pty
import socket
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.admin.peers import admin_port
from tests.cli.config_files import INVALID, VALID, write_config
from tests.keyring.keys import ec_jwk, jwks

COMMAND = Path(sys.executable).with_name("gateway")
KEYS_FROM_FILE = VALID.replace("discovery: true", "jwks_file: keys.json")
TOKEN = b".".join(
    urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"ES256"}', b'{"sub":"a"}', b"s" * 64)
)


def environ(**changes: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "CI"}}
    return {**kept, **changes}


def gateway(
    *arguments: str | Path,
    directory: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=directory,
        env=environ(**(env or {})),
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """Return a directory with a valid configuration, an invalid one and key sets."""
    write_config(tmp_path, KEYS_FROM_FILE)
    (tmp_path / "keys.json").write_bytes(jwks(ec_jwk(kid="e")))
    (tmp_path / "invalid.yaml").write_text(INVALID)
    (tmp_path / "no-keys.yaml").write_text(KEYS_FROM_FILE.replace("keys.json", "empty.json"))
    (tmp_path / "empty.json").write_text('{"keys": []}')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed_port = taken.getsockname()[1]
    (tmp_path / "nobody.yaml").write_text(
        VALID.replace("discovery: true", f"jwks_url: 'http://127.0.0.1:{closed_port}/'")
        + f"admin: 127.0.0.1:{closed_port}\n"
    )
    (tmp_path / "token").write_bytes(TOKEN)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("version", 0),
        ("schema", 0),
        ("schema extra", 2),
        ("check gateway.yaml", 0),
        ("check invalid.yaml", 1),
        ("check missing.yaml", 3),
        ("check --nope", 2),
        ("routes gateway.yaml", 0),
        ("routes gateway.yaml --format json", 0),
        ("routes invalid.yaml", 1),
        ("routes missing.yaml", 3),
        ("routes gateway.yaml --format xml", 2),
        ("keys gateway.yaml", 0),
        ("keys gateway.yaml --format json", 0),
        ("keys no-keys.yaml", 1),
        ("keys invalid.yaml", 1),
        ("keys nobody.yaml", 3),
        ("keys missing.yaml", 3),
        ("keys --nope", 2),
        ("healthcheck nobody.yaml", 3),
        ("healthcheck missing.yaml", 3),
        ("healthcheck --timeout 0", 2),
        ("token inspect @token", 0),
        ("token inspect @gateway.yaml", 1),
        ("token inspect @missing", 3),
        ("token inspect --nope", 2),
        ("token mint --as nobody", 2),
        ("token", 2),
        ("run invalid.yaml", 1),
        ("run missing.yaml", 3),
        ("", 2),
        ("nope", 2),
    ],
)
def test_the_exit_code_says_what_kind_of_end_it_was(
    arguments: str, code: int, workplace: Path
) -> None:
    """0 success, 1 a negative result, 2 usage, 3 environment; and never a traceback."""
    done = gateway(*arguments.split(), directory=workplace)

    assert (done.returncode, b"Traceback" in done.stderr) == (code, False)
    assert bool(done.stdout) >= (code == 0)
    assert bool(done.stderr) is (code != 0)


@pytest.mark.parametrize(
    ("not_ready", "verdict", "code"),
    [((), b"ready\n", 0), (("draining",), b"not ready: draining\n", 1)],
)
async def test_health_is_what_the_admin_port_says(
    not_ready: tuple[str, ...], verdict: bytes, code: int, workplace: Path
) -> None:
    async with admin_port() as port:
        port.gateway.not_ready = not_ready
        url = "http://{}:{}".format(*port.server.address)
        done = await asyncio.to_thread(gateway, "healthcheck", "--url", url, directory=workplace)

    assert (done.returncode, done.stdout, done.stderr) == (code, verdict, b"")


def test_a_token_is_read_from_stdin_and_never_repeated(workplace: Path) -> None:
    done = gateway("token", "inspect", directory=workplace, stdin=TOKEN)

    assert done.returncode == 0
    assert not [part for part in TOKEN.split(b".") if part in done.stdout + done.stderr]


def test_a_mint_without_an_issuer_ends_with_3(workplace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    done = gateway("token", "mint", "--as", "alice", "--issuer-url", url, directory=workplace)

    assert (done.returncode, done.stdout) == (3, b"")


@pytest.mark.parametrize("verb", ["routes", "keys"])
def test_json_is_alone_on_stdout(verb: str, workplace: Path) -> None:
    done = gateway(verb, "gateway.yaml", "--format", "json", directory=workplace)

    assert json.loads(done.stdout)
    assert done.stderr == b""


def test_the_file_of_the_environment_is_the_default(workplace: Path) -> None:
    done = gateway("routes", directory=workplace, env={"GATEWAY_CONFIG": "gateway.yaml"})

    assert done.returncode == 0


def in_terminal(arguments: Sequence[str], directory: Path, env: Mapping[str, str]) -> bytes:
    """Return what a terminal is sent while the command runs in it."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    shown = b""
    try:
        while piece := os.read(terminal, 65536):
            shown += piece
    except OSError as error:
        if error.errno != errno.EIO:  # what Linux says once the other end is closed
            raise
    finally:
        os.close(terminal)
        process.wait(timeout=60)
    return shown


FAULTY = ["check invalid.yaml", "routes invalid.yaml", "keys invalid.yaml", "run invalid.yaml"]


@pytest.mark.parametrize("arguments", FAULTY)
@pytest.mark.parametrize(("no_color", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_faults_have_colours_in_a_terminal_that_wants_them(
    arguments: str, no_color: dict[str, str], coloured: bool, workplace: Path
) -> None:
    """https://no-color.org."""
    shown = in_terminal(arguments.split(), workplace, environ(**no_color))

    assert b"unknown_key" in shown
    assert (b"\x1b[" in shown) is coloured


@pytest.mark.parametrize(
    "arguments",
    [
        "version",
        "schema",
        "keys gateway.yaml",
        "healthcheck nobody.yaml",
        "token inspect @token",
    ],
)
def test_what_is_data_has_no_colours_at_all(arguments: str, workplace: Path) -> None:
    shown = in_terminal(arguments.split(), workplace, environ())

    assert shown
    assert b"\x1b" not in shown
