"""`docs/operate.md`: its example is run, and what it names exists."""

import re
import time
from pathlib import Path

import pytest

from gateway.cli.main import VERBS
from gateway.decision.reason import Reason
from tests.hanging import LIMIT_SECONDS
from tests.project.console import (
    Fence,
    Ports,
    Shell,
    Step,
    find_fences,
    find_steps,
    settle,
    shell_in,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operate.md").read_text()
FENCES = find_fences(PAGE)
STEPS = [step for fence in FENCES if fence.tag == "run" for step in find_steps(fence.body)]
SHELL = "\n".join(fence.body for fence in FENCES if fence.tag == "shell")
METRICS = (ROOT / "docs" / "metrics.md").read_text()

# The ports of the page; here the gateway uses free ports and says which.
PORTS = {"8081": "0", "9911": "0"}


def run_step(shell: Shell, step: Step, ports: Ports, folder: Path) -> str:
    command = ports.put_in(step.command)
    if not command.endswith("&"):
        # To a file, apart from what the gateway prints meanwhile.
        shell.run(f"{{ {with_url(command, ports)}; }} >own.txt 2>&1")
        return ports.take_out((folder / "own.txt").read_text())
    said = shell.start(command, until="admin on")
    for shown, used in zip(PORTS, re.findall(r"127\.0\.0\.1:(\d+)", said), strict=True):
        ports.use(shown, used)
    return ports.take_out(said)


def with_url(command: str, ports: Ports) -> str:
    """Return *command* with the admin port, which is 0 in the file here."""
    url = ports.put_in("--url http://127.0.0.1:9911")
    return re.sub(r"^gateway (healthcheck|reload) ", rf"gateway \1 {url} ", command)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("operate")
    ports = Ports(dict(PORTS))
    for fence in FENCES:
        name = fence.tag.removeprefix("file: ")
        if fence.tag != name and "/" not in name:
            (folder / name).write_text(ports.put_in(fence.body))
    with shell_in(folder) as shell:
        said = [run_step(shell, step, ports, folder) for step in STEPS]
        shell.run("kill %1")
        deadline = time.monotonic() + LIMIT_SECONDS
        while shell.run("jobs -r"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return said


@pytest.mark.parametrize(
    "number", range(len(STEPS)), ids=[step.command.split("\n")[0][:50] for step in STEPS]
)
def test_a_command_prints_what_the_page_shows(printed: list[str], number: int) -> None:
    assert settled(printed[number]) == settled(STEPS[number].output)


def settled(text: str) -> str:
    return re.sub(r"config ([0-9a-f]{12}|\(hash\))", "config (hash)", settle(text))


def test_no_block_of_the_page_escapes_these_tests() -> None:
    """Some blocks are for other machines; the tests below check the names in them."""
    assert {fence.tag.split(": ")[0] for fence in FENCES} <= {
        "run",
        "file",
        "shell",
        "as in Dockerfile",
    }


@pytest.mark.parametrize(
    "fence", [fence for fence in FENCES if fence.tag.startswith("as in ")], ids=lambda it: it.tag
)
def test_a_block_that_stands_in_another_file_stands_there_word_for_word(fence: Fence) -> None:
    text = (ROOT / fence.tag.removeprefix("as in ")).read_text()
    plain = re.sub(r"^# ?", "", text, flags=re.MULTILINE)

    assert " ".join(fence.body.split()) in " ".join(plain.split())


def test_the_commands_name_files_that_are_there() -> None:
    named = re.findall(r"(?<!/)\b(?:config|requirements)/[\w./-]+", SHELL)

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_file_of_the_manifests_is_explained() -> None:
    listed = set(re.findall(r"^\| `([\w.-]+\.yaml)` \|", PAGE, re.MULTILINE))
    there = {path.name for path in (ROOT / "config" / "kubernetes").iterdir()}

    assert listed == there - {"kustomization.yaml"}


def test_every_metric_is_one_that_there_is() -> None:
    named = set(re.findall(r"`((?:gateway|http|process)_\w+)`", PAGE))

    assert named
    assert [name for name in named if f"| `{name}` |" not in METRICS] == []


def test_every_reason_is_one_that_is_given_with_its_status() -> None:
    listed = re.findall(r"\b([45]\d\d) (`\w+`(?:(?:, | or )`\w+`)*)", PAGE)
    named = {
        (int(status), code) for status, codes in listed for code in re.findall(r"`(\w+)`", codes)
    }

    assert named
    assert named <= {(one.status, one.code) for one in Reason}


def test_every_verb_is_one_that_there_is() -> None:
    named = set(re.findall(r"`gateway ([a-z]+)[^`]*`", PAGE)) | set(
        re.findall(r"^(?:\$ )?gateway ([a-z]+)", PAGE, re.MULTILINE)
    )

    assert named
    assert named <= set(VERBS)
