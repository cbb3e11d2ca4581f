"""`docs/tutorial.md`: every command it shows is run, and prints what it shows."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hanging import LIMIT_SECONDS
from tests.project.console import (
    Ports,
    Shell,
    Step,
    find_fences,
    find_steps,
    settle,
    shell_in,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
FENCES = find_fences(PAGE)
STEPS = [
    step
    for fence in FENCES
    if fence.language == "console" and fence.tag != "demo"
    for step in find_steps(fence.body)
]

# The ports of `gateway run` in the tutorial; here the gateway uses free ports and says which.
RUN_PORTS = {"8081": "0", "9911": "0"}


@contextmanager
def running_demo() -> Iterator[str]:
    """Run the demo on free ports; yield its introduction."""
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("gateway")), "demo", "--free-ports"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PATH": "/usr/bin:/bin"},  # as in a shell that has no gateway
    ) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Ctrl-C"):
                    break
            yield "".join(lines)
        finally:
            process.terminate()
            try:
                process.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def ports_of(introduction: str) -> Ports:
    """Return the ports of the demo, in the order of its introduction."""
    used = re.findall(r"^  .*$", introduction, re.MULTILINE)
    found = re.findall(r"127\.0\.0\.1:(\d+)", "\n".join(used))
    shown = ["8080", "9901", "9000", "9001", "9002", "9003"]
    return Ports(dict(zip(shown, found, strict=True)) | RUN_PORTS)


def run_step(shell: Shell, step: Step, ports: Ports) -> str:
    """Run the command of *step*; return its output, with the ports of the page."""
    command = ports.put_in(step.command)
    issuer = ports.put_in("--issuer-url http://127.0.0.1:9000")
    command = command.replace("gateway token mint", f"gateway token mint {issuer}")
    if not command.endswith("&"):
        return ports.take_out(shell.run(command))
    said = shell.start(command, until="admin on")
    for shown, word in (("8081", "listening on"), ("9911", "admin on")):
        found = re.search(rf"{word} 127\.0\.0\.1:(\d+)", said)
        assert found is not None, said
        ports.use(shown, found[1])
    return ports.take_out(said)


@pytest.fixture(scope="module")
def introduction_and_printed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, dict[int, str]]:
    """Return the introduction of the demo, and the output of each step, by its number."""
    folder = tmp_path_factory.mktemp("tutorial")
    shutil.copytree(ROOT / "config", folder / "config")
    with running_demo() as introduction, shell_in(folder) as shell:
        ports = ports_of(introduction)
        for fence in FENCES:
            if fence.tag.startswith("file: "):
                (folder / fence.tag.removeprefix("file: ")).write_text(ports.put_in(fence.body))
        printed = {number: run_step(shell, step, ports) for number, step in enumerate(STEPS)}
        return ports.take_out(introduction), printed


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[step.command for step in STEPS])
def test_a_command_prints_what_the_page_shows(
    introduction_and_printed: tuple[str, dict[int, str]], number: int
) -> None:
    _, printed = introduction_and_printed

    assert settle(printed[number]) == settle(STEPS[number].output)


def test_the_demo_introduces_itself_as_the_page_shows(
    introduction_and_printed: tuple[str, dict[int, str]],
) -> None:
    introduction, _ = introduction_and_printed
    (fence,) = [fence for fence in FENCES if fence.tag == "demo"]
    (step,) = find_steps(fence.body)

    # With its default ports the demo does not name its issuer.
    said = introduction.replace(" --issuer-url http://127.0.0.1:9000", "")
    assert step.command == "make demo"
    assert settle(said) == settle(step.output.partition("\n")[2])


def test_make_demo_runs_the_demo_and_says_so_first() -> None:
    (fence,) = [fence for fence in FENCES if fence.tag == "demo"]
    (step,) = find_steps(fence.body)
    # Without messages about directories: within `make test`, this make is an inner one.
    planned = subprocess.run(
        ["make", "--no-print-directory", "-n", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert planned.stdout.splitlines()[-1] == step.output.splitlines()[0]


def test_the_page_has_commands_to_run() -> None:
    """A change of the page's form must not leave these tests without commands."""
    verbs = {word for step in STEPS for word in re.findall(r"\bgateway ([a-z]+)", step.command)}

    assert verbs >= {"demo", "check", "routes", "keys", "token", "run", "healthcheck"}
    assert [step for step in STEPS if step.command.startswith("curl")]


def test_no_block_of_the_page_escapes_these_tests() -> None:
    """Console blocks are run, and files are written for them."""
    unknown = [
        fence
        for fence in FENCES
        if fence.language != "console" and not fence.tag.startswith("file: ")
    ]

    assert unknown == []
