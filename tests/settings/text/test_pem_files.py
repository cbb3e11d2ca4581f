"""PEM files are read whole or not at all, and through the disk that is given."""

from pathlib import Path

import pytest

from gateway.settings.text.disk import RecordingDisk, replay
from gateway.settings.text.fault import Fault
from gateway.settings.text.pem_files import MAX_PEM_BYTES, parse_certificates, read_pem
from tests.certificates import AUTHORITY, chain_of
from tests.settings.configs import part_of

PART = part_of("a: {b: ca.pem}\n", "a", "b")
LEAF = AUTHORITY.create_child_ca().issue_cert("a.example")


def read(directory: Path, name: str = "ca.pem") -> tuple[tuple[Path, bytes] | None, list[Fault]]:
    faults: list[Fault] = []
    return read_pem(name, directory, PART, RecordingDisk(), faults), faults


def test_a_file_is_found_beside_the_one_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"x" * MAX_PEM_BYTES)

    assert read(tmp_path) == ((tmp_path / "ca.pem", b"x" * MAX_PEM_BYTES), [])


def test_an_absolute_name_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"x")

    assert read(Path("/nowhere"), str(tmp_path / "ca.pem"))[0] == (tmp_path / "ca.pem", b"x")


def test_a_file_larger_than_any_chain_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(bytes(MAX_PEM_BYTES + 1))

    found, [fault] = read(tmp_path)

    assert found is None
    assert (fault.code, fault.message) == ("bad_certificate", "larger than 1 MiB")
    assert (fault.place.line, fault.place.column) == (1, 8)


@pytest.mark.parametrize("name", ["no.pem", ".", "nul\0.pem"])
def test_what_is_no_file_is_missing(name: str, tmp_path: Path) -> None:
    found, [fault] = read(tmp_path, name)

    assert found is None
    assert fault.code == "missing_file"


def test_what_was_read_once_is_read_again_whatever_has_become_of_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"former")
    disk, faults = RecordingDisk(), list[Fault]()
    read_pem("ca.pem", tmp_path, PART, disk, faults)
    (tmp_path / "ca.pem").unlink()

    found = read_pem("ca.pem", tmp_path, PART, replay(disk.record), faults)

    assert (found, faults) == ((tmp_path / "ca.pem", b"former"), [])


def test_all_certificates_of_a_file_are_found_whatever_stands_between_them() -> None:
    faults: list[Fault] = []
    text = b"# ours\n" + chain_of(LEAF) + b"\n# and the root\n" + AUTHORITY.cert_pem.bytes()

    found = parse_certificates(text, PART, faults)

    assert found is not None
    assert len(found) == 3
    assert faults == []


@pytest.mark.parametrize(
    "text", [b"", b"text", LEAF.private_key_pem.bytes(), chain_of(LEAF)[:200], b"\xff\xfe"]
)
def test_a_file_without_a_certificate_is_a_fault(text: bytes) -> None:
    faults: list[Fault] = []

    assert parse_certificates(text, PART, faults) is None
    assert [fault.code for fault in faults] == ["bad_certificate"]
