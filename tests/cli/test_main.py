import os
import signal
import subprocess
import sys
from pathlib import Path

from gateway.cli.main import VERBS
from tests.cli.config_files import run, write_config


def gateway(*arguments: str | Path, script: str = "") -> list[str]:
    """Return a command line that runs the entry point in a process of its own."""
    start = script or "from gateway.__main__ import main; main()"
    return [sys.executable, "-c", start, *map(str, arguments)]


def test_help_names_every_verb_and_the_exit_codes() -> None:
    done = run("--help")

    assert done.exit_code == 0
    assert all(verb in done.stdout for verb in VERBS)
    assert "Exit codes" in done.stdout


def test_an_unknown_verb_is_a_usage_error() -> None:
    assert run("rnu").exit_code == 2


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


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """As in `gateway schema | head -1`, with the pipe closed before the first byte."""
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        gateway("schema"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writing)

    assert done.stderr == ""
    assert done.returncode != 0


def test_an_interrupt_is_no_traceback(tmp_path: Path) -> None:
    fifo = tmp_path / "gateway.yaml"  # opening it for reading waits for a writer
    os.mkfifo(fifo)
    process = subprocess.Popen(gateway("check", fifo), stderr=subprocess.PIPE, text=True)
    writer = os.open(fifo, os.O_WRONLY)  # returns once the gateway reads

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    os.close(writer)

    assert "Traceback" not in errors
    assert process.returncode in {1, 128 + signal.SIGINT}


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
