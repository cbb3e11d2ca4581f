import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import gateway as gateway_package
from gateway.cli.main import VERBS
from tests.cli.config_files import INVALID, run, write_config

COMMAND = Path(sys.executable).with_name("gateway")


def gateway(*arguments: str | Path, script: str = "") -> list[str]:
    """Return a command line that runs the entry point in a process of its own."""
    start = script or "from gateway.__main__ import main; main()"
    return [sys.executable, "-c", start, *map(str, arguments)]


def test_help_names_every_verb_and_the_exit_codes() -> None:
    done = run("--help")

    assert done.exit_code == 0
    assert all(verb in done.stdout for verb in VERBS)
    assert "Exit codes" in done.stdout


def test_an_unknown_verb_is_a_usage_error_that_names_the_nearest() -> None:
    done = run("rnu")

    assert done.exit_code == 2
    assert "no such command `rnu`: did you mean `run`?" in done.stderr


@pytest.mark.parametrize("word", ["eyJhbGciOi.eyJzdWIi.c2ln", "a" * 21, "\x1b[2J"])
def test_what_is_no_word_is_not_repeated(word: str) -> None:
    """It may be a token that was meant for `gateway token inspect`."""
    done = run(word)

    assert done.exit_code == 2
    assert word not in done.output


def test_an_unknown_option_names_the_nearest() -> None:
    assert "--strict" in run("check", "--strikt").stderr


def test_the_version_is_an_option_too() -> None:
    assert run("--version").stdout == run("version").stdout
    assert json.loads(run("version", "--json").stdout) == {"version": gateway_package.__version__}


def test_version_and_help_import_nothing_heavy() -> None:
    """The first answer comes at once."""
    heavy = "{'aiohttp', 'pydantic', 'yaml', 'cryptography', 'jwt', 'uvloop', 'prometheus_client'}"
    script = (
        "import sys\n"
        "from gateway.__main__ import main\n"
        "try:\n    main()\n"
        f"finally:\n    print(sorted({heavy} & set(sys.modules)))\n"
    )

    for argument in ("version", "--help"):
        done = subprocess.run(
            gateway(argument, script=script), capture_output=True, text=True, check=True, timeout=60
        )

        assert done.stdout.splitlines()[-1] == "[]"


def test_check_does_not_import_the_servers(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from gateway.__main__ import main\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted({'aiohttp', 'uvloop', 'httptools'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        gateway("check", write_config(tmp_path), script=script),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("schema", 0), ("check bad.yaml", 1), ("test bad.yaml", 1), ("test nobody", 3)],
)
def test_a_reader_that_goes_away_is_no_error(arguments: str, code: int, tmp_path: Path) -> None:
    """As in `gateway schema | head -1`, with the pipe closed before the first byte.

    The exit code is that of the whole work: a failed test must not pass for a reader's sake.
    """
    write_config(tmp_path, INVALID).rename(tmp_path / "bad.yaml")
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        gateway(*arguments.split()),
        cwd=tmp_path,
        stdout=writing,
        stderr=writing,
        check=False,
        timeout=60,
    )
    os.close(writing)

    assert done.returncode == code


def test_what_a_reader_does_not_read_is_no_line_on_stderr(tmp_path: Path) -> None:
    write_config(tmp_path)

    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", '"$0" schema | head -1', COMMAND],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


READS_A_FILE = [
    *("check FIFO", "routes FIFO", "keys FIFO", "diff FIFO FIFO", "run FIFO", "test FIFO"),
    *("reload FIFO", "healthcheck FIFO", "explain /x --config FIFO", "token inspect @FIFO"),
    *("explain /x --as a --suite FIFO", "diff a b --personas FIFO"),
    "token get client --issuer https://a.example --client-id a --client-secret-file FIFO",
]


@pytest.mark.parametrize("arguments", READS_A_FILE)
def test_an_interrupt_exits_with_130_and_without_a_word(arguments: str, tmp_path: Path) -> None:
    fifo = tmp_path / "gateway.yaml"  # opening it for reading waits for a writer
    os.mkfifo(fifo)
    process = subprocess.Popen(
        gateway(*arguments.replace("FIFO", str(fifo)).split()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    writer = os.open(fifo, os.O_WRONLY)  # returns once the gateway reads

    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    os.close(writer)

    assert (process.returncode, output, errors) == (130, "", "")


@pytest.mark.parametrize(
    "verb",
    [
        "token mint --as alice --issuer-url",
        "token get client --client-id a --issuer",
        "healthcheck --url",
        "reload --url",
        "init --upstream http://127.0.0.1:1 --issuer",
    ],
)
def test_an_interrupt_ends_a_wait_for_a_server(verb: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        process = subprocess.Popen(
            gateway(*verb.split(), url), stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
        client, _ = server.accept()
        with client:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)

    assert (process.returncode, output, errors) == (130, b"", b"")


def test_what_runs_in_the_background_ignores_an_interrupt() -> None:
    """POSIX: a shell without job control starts it with the signal ignored."""
    show = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    script = f"import sys; sys.argv = ['gateway', 'version']\nfrom gateway.__main__ import main\n\
try:\n    main()\nfinally:\n    {show}"

    done = subprocess.run(
        ["/bin/sh", "-c", 'trap "" INT; exec "$0" -c "$1"', sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.splitlines()[-1] == "True"


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "version"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert done.stdout.startswith("gateway ")


def test_a_broken_installation_is_no_result(tmp_path: Path) -> None:
    """Exit code 1 would say that the configuration is wrong, or that a test failed."""
    (tmp_path / "yaml.py").write_text("raise RuntimeError('the disk is broken')\n")
    path = write_config(tmp_path)

    for arguments in (("check", path), ("test", path), ("explain", "GET", "/x", "--config", path)):
        done = subprocess.run(
            gateway(*arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )

        assert done.returncode == 3, arguments
        assert done.stdout == ""
        first, *frames = done.stderr.splitlines()
        assert first == "gateway: internal error, no result: RuntimeError"
        assert any("yaml.py" in line for line in frames)
