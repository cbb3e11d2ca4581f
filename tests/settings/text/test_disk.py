"""A configuration is the bytes of its files: once read, it loads again without them."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.disk import MACHINE_DISK, Record, RecordingDisk, replay
from tests.settings.configs import assert_found, config, one_issuer

ROOT = Path(__file__).parents[3]


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """A copy of the estate: a file that includes others and names lists and keys."""
    return Path(shutil.copytree(ROOT / "config" / "estate", tmp_path / "estate"))


def test_what_was_read_can_be_loaded_again_when_all_files_are_gone(estate: Path) -> None:
    disk = RecordingDisk()
    first = load_settings(estate / "gateway.yaml", {}, disk)
    record = pickle.loads(pickle.dumps(disk.record))
    shutil.rmtree(estate)

    again = load_settings(estate / "gateway.yaml", {}, replay(record))

    assert isinstance(first, Loaded)
    assert isinstance(again, Loaded)
    assert again.settings.digest == first.settings.digest
    assert again.settings.issuers == first.settings.issuers
    assert again.settings.revocations == first.settings.revocations
    assert [route.name for route in again.settings.policy.routes.routes] == [
        route.name for route in first.settings.policy.routes.routes
    ]


def test_a_record_says_which_files_and_patterns_were_looked_at(estate: Path) -> None:
    disk = RecordingDisk()

    load_settings(estate / "gateway.yaml", {}, disk)

    paths = disk.record.paths()
    assert str(estate / "gateway.yaml") in paths
    assert str(estate / "routes.d" / "*.yaml") in paths
    assert str(estate / "revoked.json") in paths


def test_a_file_that_changes_while_it_is_loaded_is_seen_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    disk = RecordingDisk()
    assert disk.read(path, 100) == b"before"

    path.write_bytes(b"after")

    assert disk.read(path, 100) == b"before"


def test_what_could_not_be_read_cannot_be_read_again(tmp_path: Path) -> None:
    disk = RecordingDisk()
    path = tmp_path / "absent"
    with pytest.raises(FileNotFoundError):
        disk.read(path, 100)
    record: Record = pickle.loads(pickle.dumps(disk.record))

    path.write_bytes(b"here now")

    with pytest.raises(FileNotFoundError) as error:
        replay(record).read(path, 100)
    assert error.value.strerror == "No such file or directory"


@pytest.mark.parametrize("ask", ["read", "find", "resolve", "is_readable"])
def test_a_replayed_disk_answers_nothing_that_was_not_asked_before(
    tmp_path: Path, ask: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"here")
    disk = replay(Record())

    questions: dict[str, Callable[[], object]] = {
        "read": lambda: disk.read(path, 100),
        "find": lambda: disk.find(str(path)),
        "resolve": lambda: disk.resolve(path),
        "is_readable": lambda: disk.is_readable(path),
    }
    with pytest.raises(OSError, match="before"):
        questions[ask]()


def test_a_name_that_no_file_can_have_is_an_error_of_the_disk() -> None:
    with pytest.raises(OSError, match="not a file name"):
        MACHINE_DISK.read(Path("a\0b"), 1)
    assert not MACHINE_DISK.is_readable(Path("a\0b"))
    with pytest.raises(OSError, match="not a file name"):
        MACHINE_DISK.resolve(Path("a\0b"))


def test_links_that_go_round_in_a_circle_are_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(OSError, match="circle"):
        MACHINE_DISK.resolve(tmp_path / "loop")


def test_a_directory_and_a_file_without_permission_are_not_readable(tmp_path: Path) -> None:
    assert not MACHINE_DISK.is_readable(tmp_path)
    path = tmp_path / "file"
    path.write_bytes(b"here")
    assert MACHINE_DISK.is_readable(path)
    path.chmod(0)
    assert MACHINE_DISK.is_readable(path) == (os.geteuid() == 0)


def test_a_record_does_not_show_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"secret")
    disk = RecordingDisk()
    disk.read(path, 100)

    assert "secret" not in repr(disk.record)


@pytest.mark.parametrize("source", ["jwks_file", "pem_file"])
def test_a_name_that_is_too_long_for_any_file_is_a_fault_with_its_place(
    tmp_path: Path, source: str
) -> None:
    """It once ended the loading with the system's error."""
    name = "x" * 300
    issuer = f'{{issuer: "https://a/", {source}: ¦{name}, audiences: [a]}}'

    assert not MACHINE_DISK.is_readable(tmp_path / name)
    assert_found(tmp_path, "missing_file", one_issuer(issuer))
    assert_found(tmp_path, "missing_file", config(f"revocations:\n  r: {{file: ¦{name}}}\n"))
