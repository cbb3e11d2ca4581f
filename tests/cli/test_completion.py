"""Shells complete command lines: in the real shells, as people type."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.main import VERBS
from tests.cli.config_files import run, write_config
from tests.cli.terminal import in_terminal
from tests.hanging import LIMIT_SECONDS

COMMAND = Path(sys.executable).with_name("gateway")

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
PREPARE = {
    "bash": 'bind "set bell-style none"; eval "$(gateway completion bash)"; echo re""ady\n',
    "zsh": (
        "unsetopt PROMPT_SP ZLE; setopt ZLE; autoload -Uz compinit; compinit -D -u;"
        ' eval "$(gateway completion zsh)"; echo re""ady\n'
    ),
}

CLEAR_LINE = "\x15"

CASES = [
    ("gateway healt", "gateway healthcheck"),
    ("gateway check --stri", "--strict"),
    ("gateway token ins", "inspect"),
    ("gateway routes --format js", "json"),
    ("gateway diff --fail-on op", "opened"),
    ("gateway explain /heal", "/healthz"),
    ("gateway explain --issuer ma", "main"),
    ("gateway check gatew", "gateway.yaml"),
]


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"needs {shell}, from Debian")


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    write_config(tmp_path)
    return tmp_path


def environ(directory: Path) -> dict[str, str]:
    path = f"{COMMAND.parent}:/usr/bin:/bin"
    return {
        "PATH": path,
        "HOME": str(directory),
        "GATEWAY_CONFIG": "gateway.yaml",
        "PS1": "$ ",
        "LC_ALL": "C.UTF-8",
    }


@pytest.mark.parametrize(
    "shell", [pytest.param("bash", marks=needs("bash")), pytest.param("zsh", marks=needs("zsh"))]
)
def test_a_tab_completes_what_was_begun(shell: str, workplace: Path) -> None:
    with in_terminal(START[shell], workplace, environ(workplace), columns=200) as terminal:
        terminal.type(PREPARE[shell])
        terminal.wait_for("ready")
        for begun, completed in CASES:
            terminal.shown = ""
            terminal.type(f"{begun}\t")

            terminal.wait_for(completed)
            terminal.type(CLEAR_LINE)


@needs("fish")
def test_fish_completes_what_was_begun(workplace: Path) -> None:
    asked = "; ".join(f"complete -C '{begun}'; echo" for begun, _ in CASES)

    done = subprocess.run(
        ["fish", "--no-config", "-c", f"gateway completion fish | source; {asked}"],
        cwd=workplace,
        env=environ(workplace),
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
    )

    found = [
        [line.partition("\t")[0] for line in answer.splitlines()]
        for answer in done.stdout.removesuffix("\n\n").split("\n\n")
    ]
    assert len(found) == len(CASES)
    for (begun, completed), names in zip(CASES, found, strict=True):
        assert completed.rpartition(" ")[2] in names, begun
    assert done.stderr == ""


@needs("fish")
def test_fish_shows_what_each_verb_is_for(workplace: Path) -> None:
    done = subprocess.run(
        ["fish", "--no-config", "-c", "gateway completion fish | source; complete -C 'gateway '"],
        cwd=workplace,
        env=environ(workplace),
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
    )

    shown = dict(line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    assert shown == {name: verb.help for name, verb in VERBS.items()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_json_for_programs(shell: str) -> None:
    script = run("completion", shell).stdout

    assert json.loads(run("completion", shell, "--json").stdout) == {
        "shell": shell,
        "script": script.removesuffix("\n"),
    }


def test_another_shell_is_a_usage_error() -> None:
    done = run("completion", "fsh")

    assert done.exit_code == 2
    assert "did you mean `fish`" in done.stderr


def test_completing_a_verb_imports_no_verb(workplace: Path) -> None:
    """A person waits for it at every key."""
    script = (
        "import sys\nfrom gateway.__main__ import main\ntry:\n    main()\n"
        "finally:\n    print(sorted({'aiohttp', 'pydantic', 'yaml', 'uvloop'} & set(sys.modules)))"
    )
    env = {**environ(workplace), "_GATEWAY_COMPLETE": "fish_complete", "COMP_WORDS": "gateway "}

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**env, "COMP_CWORD": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )

    assert "healthcheck" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
