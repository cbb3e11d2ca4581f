"""Authorities: a file of something else is refused where it is named."""

from pathlib import Path

import pytest

from gateway.tls.certificate import Authorities
from tests.certificates import AUTHORITY
from tests.settings.configs import assert_found, faults, load, one_upstream
from tests.settings.tls_files import BELOW, write_tls_files


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    write_tls_files(tmp_path)
    both = BELOW.cert_pem.bytes() + AUTHORITY.cert_pem.bytes()
    (tmp_path / "two.pem").write_bytes(both)
    (tmp_path / "mixed.pem").write_bytes(both + (tmp_path / "server.pem").read_bytes())


def trusting(ca: str) -> str:
    return one_upstream(f"{{servers: ['https://a'], tls: {{ca: {ca}}}}}")


def authorities(directory: Path, ca: str) -> Authorities | None:
    tls = load(directory, trusting(ca)).upstreams["orders"].tls
    return None if tls is None else tls.ca


def test_all_authorities_of_a_file_are_kept_and_nothing_else_of_it(tmp_path: Path) -> None:
    found = authorities(tmp_path, "two.pem")

    assert found is not None
    assert found.pem == BELOW.cert_pem.bytes() + AUTHORITY.cert_pem.bytes()
    assert found.file == str(tmp_path / "two.pem")


def test_one_who_vouches_for_itself_alone_can_be_named(tmp_path: Path) -> None:
    assert authorities(tmp_path, "self.pem") is not None


@pytest.mark.parametrize(
    ("code", "ca", "words"),
    [
        ("missing_file", "¦no.pem", "cannot read no.pem"),
        ("bad_certificate", "¦text.pem", "no readable certificate"),
        ("bad_certificate", "¦server.key", "no readable certificate"),
        ("bad_certificate", "¦server.pem", "this is not a CA certificate"),
        ("bad_certificate", "¦mixed.pem", "certificate 3 of this file is not a CA certificate"),
    ],
)
def test_a_file_of_anything_else_is_refused(code: str, ca: str, words: str, tmp_path: Path) -> None:
    assert_found(tmp_path, code, trusting(ca))

    [fault] = faults(tmp_path, trusting(ca.replace("¦", "")))
    assert words in fault.message
