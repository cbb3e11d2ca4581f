"""`docs/rewriting.md`: its configuration produces the requests that it shows."""

import re
import shlex
from pathlib import Path

import pytest

from gateway.http.writing.rewriting import edit_response_fields
from gateway.settings.load import Loaded, load_settings
from tests.cli.config_files import run
from tests.project.console import find_fences

PAGE = (Path(__file__).parents[2] / "docs" / "rewriting.md").read_text()
FENCES = {fence.language: fence.body for fence in find_fences(PAGE)}


def test_the_service_gets_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.yaml").write_text(FENCES["yaml"])
    command = FENCES["console"].removeprefix("$ gateway ")

    done = run(*shlex.split(command))

    shown = re.findall(r"^    (\S.*)$", PAGE.partition(command)[2], re.MULTILINE)
    assert shown[0].startswith("GET ")
    head = done.stdout.partition("the head that orders gets\n")[2]
    assert [line.strip() for line in head.splitlines()[:3]] == shown
    assert "Cookie" not in head


def test_its_answers_are_edited_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(FENCES["yaml"])
    loaded = load_settings(path, {})
    assert isinstance(loaded, Loaded)
    (options,) = loaded.settings.route_options
    assert options.rewrite is not None

    edited = edit_response_fields(b"\r\nServer: a\r\nETag: b", options.rewrite.response_fields)

    assert edited == b"\r\nETag: b\r\nX-Content-Type-Options: nosniff"
