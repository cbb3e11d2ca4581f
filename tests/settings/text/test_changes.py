"""Files are still what they were when a configuration was read, or they are not."""

import os
from pathlib import Path

import pytest

from gateway.settings.text.changes import differs, identify
from gateway.settings.text.disk import MACHINE_DISK, Disk, RecordingDisk
from gateway.settings.text.yaml_nodes import MAX_FILE_BYTES


def ask_everything(disk: Disk, directory: Path) -> None:
    """Ask all that loading may ask."""
    disk.read(directory / "file", 100)
    disk.find(str(directory / "*.yaml"))
    disk.is_readable(directory / "key")
    disk.resolve(directory / "file")
    with pytest.raises(FileNotFoundError):
        disk.read(directory / "absent", 100)


@pytest.fixture
def disk(tmp_path: Path) -> RecordingDisk:
    (tmp_path / "file").write_bytes(b"before")
    (tmp_path / "a.yaml").write_bytes(b"")
    (tmp_path / "key").write_bytes(b"secret")
    disk = RecordingDisk()
    ask_everything(disk, tmp_path)
    return disk


def test_what_has_not_changed_is_the_same(disk: RecordingDisk) -> None:
    assert not differs(disk.record)
    assert identify(disk.record) == identify(disk.record)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("file", b"beforehand"),
        ("file", b"befor"),
        ("file", b"befoer"),
        ("file", None),
        ("b.yaml", b""),
        ("a.yaml", None),
        ("key", None),
        ("absent", b"here"),
    ],
)
def test_any_other_answer_is_a_difference_and_another_identity(
    disk: RecordingDisk, tmp_path: Path, name: str, content: bytes | None
) -> None:
    before = identify(disk.record)

    if content is None:
        (tmp_path / name).unlink()
    else:
        other = tmp_path / "other"
        other.write_bytes(content)
        other.rename(tmp_path / name)

    assert differs(disk.record)
    assert identify(disk.record) != before


def test_another_file_with_the_same_bytes_is_another_identity_and_no_difference(
    disk: RecordingDisk, tmp_path: Path
) -> None:
    before = identify(disk.record)
    other = tmp_path / "other"
    other.write_bytes(b"before")
    other.rename(tmp_path / "file")

    assert identify(disk.record) != before
    assert not differs(disk.record)


def test_what_is_only_looked_at_may_change_its_bytes(disk: RecordingDisk, tmp_path: Path) -> None:
    """Key files and revocation lists are read again by times of their own."""
    (tmp_path / "key").write_bytes(b"another secret")

    assert not differs(disk.record)


def test_a_link_above_the_files_is_followed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"same")
        os.utime(tmp_path / name / "file", (1, 1))
    link = tmp_path / "link"
    link.symlink_to("one")
    disk = RecordingDisk()
    disk.read(link / "file", 100)
    before = identify(disk.record)

    link.unlink()
    link.symlink_to("two")

    assert identify(disk.record) != before
    assert not differs(disk.record)


def test_what_was_too_large_is_compared_as_far_as_it_was_read(tmp_path: Path) -> None:
    """Else it would differ for ever, and be tried at each look."""
    path = tmp_path / "file"
    path.write_bytes(bytes(MAX_FILE_BYTES + 2))
    disk = RecordingDisk(MACHINE_DISK)
    disk.read(path, MAX_FILE_BYTES + 1)

    assert not differs(disk.record)
