"""A certificate and its key: what is wrong with them is said where they are named."""

import resource
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.settings.load import Rejected, load_settings
from gateway.settings.text.disk import RecordingDisk, replay
from gateway.tls.certificate import Certificate
from gateway.tls.pair import load_pair
from tests.certificates import issued, write_pair
from tests.settings.configs import ENVIRON, assert_found, config, faults, load
from tests.settings.tls_files import write_tls_files


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    write_tls_files(tmp_path)


def pair(certificate: str, key: str) -> str:
    """Return a configuration whose data port shows *certificate*."""
    tls = f"{{certificate: {certificate}, key: {key}}}"
    return config(f"listen: {{address: 127.0.0.1:0, tls: {tls}}}\n")


def one(directory: Path, name: str) -> Certificate:
    tls = load(directory, pair(f"{name}.pem", f"{name}.key")).listen[0].tls
    assert tls is not None
    return tls.certificates[0]


# A fault code, the files with a mark where the fault must point, and words of the message.
MISTAKES = [
    ("bad_certificate", "¦text.pem", "server.key", "no readable certificate"),
    ("bad_certificate", "server.pem", "¦text.pem", "no readable private key"),
    ("bad_certificate", "¦server.pem", "api.key", "does not match the private key in `key`"),
    ("bad_certificate", "encrypted.pem", "¦encrypted.key", "encrypted"),
    ("bad_certificate", "¦upside_down.pem", "upside_down.key", "certificate 2 of this file"),
    ("weak_key", "weak.pem", "¦weak.key", "1024 bits: at least 2048"),
    ("weak_key", "short.pem", "¦short.key", "192 bits: at least 224"),
    ("chain_out_of_order", "¦stray.pem", "stray.key", "2 of this file did not sign number 1"),
    ("certificate_misused", "¦client.pem", "client.key", "use by servers"),
]


@pytest.mark.parametrize(("code", "certificate", "key", "words"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, certificate: str, key: str, words: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, pair(certificate, key))

    [fault] = faults(tmp_path, pair(certificate, key).replace("¦", ""))
    assert words in fault.message


@pytest.mark.parametrize("name", ["server", "below", "root_too", "self", "address", "only_server"])
def test_a_sound_pair_is_taken_without_a_word(name: str, tmp_path: Path) -> None:
    """A chain with the root at its end is longer than it need be, and right."""
    assert faults(tmp_path, pair(f"{name}.pem", f"{name}.key")) == ()


def test_of_files_with_more_in_them_only_the_certificates_and_the_key_are_taken(
    tmp_path: Path,
) -> None:
    """Some keep all in one file, and some put a key in front."""
    certificate = one(tmp_path, "combined")

    assert certificate.chain.count(b"BEGIN CERTIFICATE") == 2
    assert b"PRIVATE" not in certificate.chain
    assert certificate.key.count(b"BEGIN PRIVATE KEY") == 1
    load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate)


def test_a_certificate_without_dns_names_has_none_whatever_its_subject_says(
    tmp_path: Path,
) -> None:
    """RFC 9525 §2: a common name is no name of a host."""
    assert one(tmp_path, "self").names == ()


def test_no_message_repeats_what_is_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "server.key").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n")

    [fault] = faults(tmp_path, pair("server.pem", "server.key"))

    assert "c2VjcmV0" not in str(fault)


def test_what_openssl_does_not_take_is_said_in_its_words(tmp_path: Path) -> None:
    """A key that can agree on a secret, and cannot sign a handshake."""
    write_pair(tmp_path, issued("a.example", key=X25519PrivateKey.generate()), "no_signer")

    [fault] = faults(tmp_path, pair("no_signer.pem", "no_signer.key"))

    assert (fault.code, fault.message) == (
        "bad_certificate",
        "OpenSSL rejects this certificate (unknown certificate type)",
    )


def test_where_openssl_cannot_be_given_a_certificate_that_is_a_fault_too(tmp_path: Path) -> None:
    """A reload without a descriptor left is refused in order."""
    (tmp_path / "gateway.yaml").write_text(pair("server.pem", "server.key"))
    disk = RecordingDisk()
    load_settings(tmp_path / "gateway.yaml", ENVIRON, disk)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        outcome = load_settings(tmp_path / "gateway.yaml", ENVIRON, replay(disk.record))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert isinstance(outcome, Rejected)
    [fault] = outcome.faults
    assert fault.message == "OpenSSL cannot load this certificate (Too many open files)"
