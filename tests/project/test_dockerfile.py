"""The rules of the image, checked in the Dockerfile without a container engine."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")


def read_instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (li.partition(" ") for li in lines)
        if word
    ]


def arguments_of(word: str) -> list[str]:
    return [rest for name, rest in read_instructions() if name == word]


def final_stage() -> list[tuple[str, str]]:
    instructions = read_instructions()
    starts = [i for i, (name, _) in enumerate(instructions) if name == "FROM"]
    return instructions[starts[-1] :]


def copied_from_the_project() -> list[str]:
    copies = [rest.split() for rest in arguments_of("COPY") if not rest.startswith("--from=")]
    return [source for words in copies for source in words[:-1]]


def test_the_linter_of_dockerfiles_finds_nothing_to_say() -> None:
    """https://github.com/hadolint/hadolint; it has shellcheck look at each RUN, too."""
    done = subprocess.run(
        [HADOLINT, "--no-color", ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_linter_does_find_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text((ROOT / "Dockerfile").read_text() + "RUN cd /tmp && pip install x\n")
    done = subprocess.run(
        [HADOLINT, "--no-color", wrong], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert "DL3003" in done.stdout


def test_the_image_is_built_in_one_stage_and_shipped_in_another() -> None:
    assert len(arguments_of("FROM")) == 2
    assert all(re.match(r"python:3\.1[1-9]-slim\b", base) for base in arguments_of("FROM"))


def test_nothing_is_fetched_by_address() -> None:
    assert arguments_of("ADD") == []
    assert not [rest for rest in arguments_of("RUN") + arguments_of("COPY") if "://" in rest]


def test_dependencies_are_locked_with_hashes() -> None:
    installs = re.findall(r"pip install ([^&]*)", " ".join(arguments_of("RUN")))

    assert installs
    assert all("--require-hashes" in words or "--no-index" in words for words in installs)


@pytest.mark.parametrize("source", copied_from_the_project())
def test_a_copied_file_exists_and_reaches_the_builder(source: str) -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }

    assert (ROOT / source).exists()
    assert source in let_in


def test_the_service_runs_as_a_numbered_user_that_is_not_root() -> None:
    users = [rest for name, rest in final_stage() if name == "USER"]

    assert len(users) == 1
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[0])


def test_after_giving_up_root_nothing_more_is_run() -> None:
    names = [name for name, _ in final_stage()]

    assert "RUN" not in names[names.index("USER") :]


def test_the_image_runs_the_gateway_and_asks_it_for_its_health() -> None:
    stage = dict(final_stage())

    assert json.loads(stage["ENTRYPOINT"]) == ["gateway"]
    assert json.loads(stage["CMD"]) == ["run", "/etc/gateway/gateway.yaml"]
    assert stage["HEALTHCHECK"].endswith('CMD ["gateway", "healthcheck"]')
