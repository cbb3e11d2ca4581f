"""`docs/cors.md`: its configuration produces the responses that it shows."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.config_files import run
from tests.project.console import find_fences

PAGE = (Path(__file__).parents[2] / "docs" / "cors.md").read_text()
FENCES = {fence.language: fence.body for fence in find_fences(PAGE)}


def test_a_preflight_is_answered_as_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(FENCES["yaml"])
    command = FENCES["console"].removeprefix("$ gateway ")

    done = run(*shlex.split(command))

    shown = re.findall(r"^    (\S.*)$", PAGE.partition(command)[2], re.MULTILINE)
    written = [line.strip() for line in done.stdout.splitlines()]
    head = written[written.index(shown[0]) :]
    own = ("Date", "X-Request-Id")
    assert [line for line in head[: len(shown) + len(own)] if not line.startswith(own)] == shown
    assert done.stdout.startswith("answered: 204, with a CORS preflight response\n")
    assert done.exit_code == 0
