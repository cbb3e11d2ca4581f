"""A change is reported once the files are at rest, once, and only if their bytes differ."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.reloading.watch import FileWatch
from gateway.settings.load import UnreadableError, load_settings
from gateway.settings.text.disk import RecordingDisk
from tests.cli.config_files import VALID, write_config

INCLUDING = VALID + "include: ['routes.d/*.yaml', extra.yaml]\n"
MORE = "upstreams:\n  more: {servers: ['http://10.0.0.8:8000']}\n"


def read(path: Path) -> RecordingDisk:
    """Return the disk that says what loading *path* has read."""
    disk = RecordingDisk()
    with suppress(UnreadableError):
        load_settings(path, {}, disk)
    return disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "routes.d").mkdir()
    (tmp_path / "extra.yaml").write_text(MORE)
    return write_config(tmp_path, INCLUDING)


def looks(watch: FileWatch, count: int = 3) -> list[bool]:
    return [watch.look() for _ in range(count)]


def test_nothing_is_told_while_nothing_changes(path: Path) -> None:
    assert looks(FileWatch(read(path).record), 5) == [False] * 5


def test_a_change_is_told_at_the_second_look_that_finds_it_the_same(path: Path) -> None:
    watch = FileWatch(read(path).record)
    looks(watch)
    path.write_text(INCLUDING + "drain: 7s\n")

    assert looks(watch, 2) == [False, True]


def test_a_file_that_is_still_being_written_is_not_told(path: Path) -> None:
    watch = FileWatch(read(path).record)
    looks(watch)
    found = []
    for count in range(5):
        path.write_text(INCLUDING + "#" * count)
        found.append(watch.look())

    assert found == [False] * 5
    assert watch.look()


def test_a_change_between_reading_and_the_first_look_is_told(path: Path) -> None:
    record = read(path).record
    path.write_text(INCLUDING + "drain: 7s\n")

    assert looks(FileWatch(record), 2) == [False, True]


def test_the_same_bytes_written_again_are_no_change(path: Path) -> None:
    watch = FileWatch(read(path).record)
    looks(watch)
    again = path.with_suffix(".new")
    again.write_text(path.read_text())
    again.rename(path)

    assert looks(watch) == [False] * 3


def test_what_is_changed_and_changed_back_is_no_change(path: Path) -> None:
    watch = FileWatch(read(path).record)
    looks(watch)
    path.write_text(INCLUDING + "drain: 7s\n")
    assert not watch.look()
    path.write_text(INCLUDING)

    assert looks(watch) == [False] * 3


def test_bytes_of_the_same_number_at_the_same_time_are_seen_by_a_rename(path: Path) -> None:
    """Archives and ConfigMaps keep times, and an edit may keep the size."""
    before = path.stat()
    watch = FileWatch(read(path).record)
    looks(watch)
    other = path.with_suffix(".new")
    other.write_text(INCLUDING.replace("10.0.0.7", "10.0.0.9"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)

    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert looks(watch, 2) == [False, True]


@pytest.mark.parametrize("name", ["routes.d/new.yaml", "extra.yaml"])
def test_included_files_are_watched_and_those_that_a_pattern_comes_to_match(
    path: Path, name: str
) -> None:
    watch = FileWatch(read(path).record)
    looks(watch)
    (path.parent / name).write_text("routes: []\n")

    assert looks(watch, 2) == [False, True]


@pytest.mark.parametrize("name", ["gateway.yaml", "extra.yaml"])
def test_a_file_that_goes_is_a_change_and_one_that_comes_is_another(path: Path, name: str) -> None:
    file = path.parent / name
    text = file.read_text()
    watch = FileWatch(read(path).record)
    looks(watch)
    file.unlink()
    gone = looks(watch, 2)
    watch.follow(read(path).record)
    still_gone = looks(watch)
    file.write_text(text)

    assert gone == [False, True]
    assert still_gone == [False] * 3
    assert looks(watch, 2) == [False, True]


def test_the_swap_of_a_configmap_is_one_change(tmp_path: Path) -> None:
    """Kubernetes renames the link `..data`; the names below it, and their links, stay."""
    for day, drain in (("..2026_01", "1s"), ("..2026_02", "2s"), ("..2026_03", "2s")):
        (tmp_path / day).mkdir()
        (tmp_path / day / "gateway.yaml").write_text(VALID + f"drain: {drain}\n")

    def swap(day: str) -> None:
        (tmp_path / "..tmp").symlink_to(day)
        (tmp_path / "..tmp").rename(tmp_path / "..data")

    swap("..2026_01")
    path = tmp_path / "gateway.yaml"
    path.symlink_to("..data/gateway.yaml")
    watch = FileWatch(read(path).record)
    looks(watch)
    swap("..2026_02")
    changed = looks(watch, 2)
    watch.follow(read(path).record)
    looks(watch)
    swap("..2026_03")  # as for a change of a label: other files, the same bytes

    assert changed == [False, True]
    assert looks(watch) == [False] * 3


def test_a_change_is_told_again_until_another_record_is_followed(path: Path) -> None:
    watch = FileWatch(read(path).record)
    looks(watch)
    path.write_text("listn: 1\n")
    assert looks(watch) == [False, True, True]

    watch.follow(read(path).record)

    assert looks(watch) == [False] * 3
