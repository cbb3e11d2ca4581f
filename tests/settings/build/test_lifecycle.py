"""The suites that a configuration names are files that are there."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.disk import RecordingDisk, replay
from gateway.settings.values.configuration import Reloads
from tests.settings.configs import assert_found, config, load

SUITES = ("suites/b.test.yaml", "suites/a.test.yaml", "other.yaml")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    for name in SUITES:
        (tmp_path / name).write_text("version: 1\n")


def named(directory: Path, names: str) -> list[str]:
    settings = load(directory, config(f"suites: {names}\n"))
    return [str(path.relative_to(directory)) for path in settings.suites]


def test_without_the_key_there_are_none_and_nothing_is_read_again_by_itself(
    tmp_path: Path,
) -> None:
    settings = load(tmp_path, config())

    assert settings.suites == ()
    assert settings.reload == Reloads(watch_seconds=None, runs_suites=False)


def test_files_and_patterns_are_taken_in_their_order_each_once(tmp_path: Path) -> None:
    assert named(tmp_path, "[suites/b.test.yaml, 'suites/*.test.yaml', other.yaml]") == list(SUITES)


def test_when_they_run_is_what_the_file_says(tmp_path: Path) -> None:
    settings = load(tmp_path, config("suites: [other.yaml]\nreload: {watch: 2s, suites: true}\n"))

    assert settings.reload == Reloads(watch_seconds=2.0, runs_suites=True)


def test_how_long_a_reload_waits_is_what_the_file_says(tmp_path: Path) -> None:
    settings = load(tmp_path, config("reload: {wait: 5s}\n"))

    assert settings.reload == Reloads(watch_seconds=None, runs_suites=False, wait_seconds=5.0)
    assert_found(tmp_path, "bad_value", config("reload: {wait: ¦0s}\n"))


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ("missing_file", "suites: [other.yaml, ¦gone.yaml]\n"),
        ("missing_file", "suites: [¦suites]\n"),
        ("missing_file", "suites: [¦'gone/*.test.yaml']\n"),
        ("missing_key", "reload: {suites: ¦true}\n"),
    ],
)
def test_suites_that_are_not_there_are_errors(codes: str, text: str, tmp_path: Path) -> None:
    """Where nothing is tested, it would look as if all were well."""
    assert_found(tmp_path, codes, config(text))


def test_what_they_say_is_a_part_of_what_was_read(tmp_path: Path) -> None:
    """So that a change of a suite is seen by whoever watches the files."""
    path = tmp_path / "gateway.yaml"
    path.write_text(config("suites: ['suites/*.test.yaml']\n"))
    disk = RecordingDisk()
    loaded = load_settings(path, {}, disk)
    assert ("read", str(tmp_path / "suites" / "a.test.yaml")) in disk.record.answers
    for name in SUITES:
        (tmp_path / name).unlink()

    again = load_settings(path, {}, replay(disk.record))

    assert isinstance(loaded, Loaded)
    assert isinstance(again, Loaded)
    assert again.settings.suites == loaded.settings.suites
