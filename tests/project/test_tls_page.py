"""`docs/tls.md`: its example is run with openssl, and prints what the page shows."""

import re
import shutil
import time
from pathlib import Path

import pytest

from tests.hanging import LIMIT_SECONDS
from tests.project.console import Ports, Shell, Step, find_fences, find_steps, settle, shell_in

PAGE = (Path(__file__).parents[2] / "docs" / "tls.md").read_text()
FENCES = find_fences(PAGE)
STEPS = [step for fence in FENCES if fence.tag == "run" for step in find_steps(fence.body)]

# The ports of the page; here the gateway uses free ports and says which.
PORTS = {"8443": "0", "9911": "0"}


def run_step(shell: Shell, step: Step, ports: Ports) -> str:
    command = ports.put_in(step.command)
    if command.endswith("&"):
        said = shell.start(command, until="admin on")
        for shown, used in zip(PORTS, re.findall(r"127\.0\.0\.1:(\d+)", said), strict=True):
            ports.use(shown, used)
        return ports.take_out(said)
    printed = shell.run(command)
    deadline = time.monotonic() + LIMIT_SECONDS
    while command.startswith("kill") and "reloaded" not in printed:
        assert time.monotonic() < deadline, printed
        printed += shell.run("sleep 0.02")
    return ports.take_out(printed)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("tls")
    ports = Ports(dict(PORTS))
    for fence in FENCES:
        if fence.tag.startswith("file: "):
            (folder / fence.tag.removeprefix("file: ")).write_text(ports.put_in(fence.body))
    with shell_in(folder) as shell:
        return [run_step(shell, step, ports) for step in STEPS]


def settled(text: str) -> str:
    return re.sub(r"config ([0-9a-f]{12}|\(hash\))", "config (hash)", settle(text))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    "number", range(len(STEPS)), ids=[step.command.split("\n")[0][:50] for step in STEPS]
)
def test_a_command_prints_what_the_page_shows(printed: list[str], number: int) -> None:
    assert settled(printed[number]) == settled(STEPS[number].output)


def test_no_block_of_the_page_escapes_these_tests() -> None:
    assert {fence.tag for fence in FENCES} == {"file: gateway.yaml", "run"}
