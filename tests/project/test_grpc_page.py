"""`docs/grpc.md`: its service, client and configuration behave as it shows, with real libraries."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.http.writing.grpc_status import GrpcStatus, grpc_status_of
from tests.hanging import LIMIT_SECONDS
from tests.project.console import find_fences, find_steps, settle, shell_in
from tests.project.test_tutorial_page import ports_of, run_step, running_demo

PAGE = (Path(__file__).parents[2] / "docs" / "grpc.md").read_text()
FENCES = find_fences(PAGE)
STEPS = [step for fence in FENCES if fence.language == "console" for step in find_steps(fence.body)]


@contextmanager
def running_service(script: Path) -> Iterator[str]:
    """Run the service; yield the port on which it says that it listens."""
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", said)
            assert found is not None, said
            yield found[1]
        finally:
            process.terminate()
            try:
                process.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def await_lines(log: Path, count: int) -> None:
    """Wait until *log*, which is written some time after each response, has *count* lines."""
    until = time.monotonic() + LIMIT_SECONDS
    while (got := log.read_text().count("\n")) < count:
        assert time.monotonic() < until, f"{got} of {count} lines"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Return the output of each step, by its number."""
    folder = tmp_path_factory.mktemp("grpc")
    files = {
        fence.tag.removeprefix("file: "): fence.body
        for fence in FENCES
        if fence.tag.startswith("file: ")
    }
    service = folder / "orders.py"
    service.write_text(files["orders.py"].replace("127.0.0.1:50051", "127.0.0.1:0"))
    with (
        running_demo() as introduction,
        running_service(service) as service_port,
        shell_in(folder) as shell,
    ):
        ports = ports_of(introduction)
        ports.use("50051", service_port)
        (folder / "gateway.yaml").write_text(ports.put_in(files["gateway.yaml"]))
        printed = {}
        calls = 0
        for number, step in enumerate(STEPS):
            calls += step.command.count("ask.py")
            if step.command.startswith("grep"):
                await_lines(folder / "access.log", calls)
            printed[number] = run_step(shell, step, ports)
            # The client is written once the port of the gateway is known.
            (folder / "ask.py").write_text(ports.put_in(files["ask.py"]))
        return printed


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[step.command for step in STEPS])
def test_a_command_prints_what_the_page_shows(printed: dict[int, str], number: int) -> None:
    assert settle(printed[number]) == settle(STEPS[number].output)


def test_every_reason_has_the_status_of_its_row() -> None:
    rows = re.findall(r"^\| (.+) \| (\d+) `([A-Z_]+)` \|$", PAGE, re.MULTILINE)
    listed: dict[Reason, GrpcStatus] = {}
    for named, number, name in rows:
        status = GrpcStatus(int(number))
        assert status.name == name
        for reason in Reason:
            if f"`{reason.code}`" in named:
                listed[reason] = status
            elif str(reason.status) in re.findall(r"\d+", named):
                listed.setdefault(reason, status)

    assert listed == {reason: grpc_status_of(reason) for reason in Reason}
