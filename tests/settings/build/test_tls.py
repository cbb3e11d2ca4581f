"""TLS on the data port: its certificates by name, and whose clients it lets in."""

from pathlib import Path

import pytest

from gateway.tls.certificate import ServerTls
from tests.certificates import AUTHORITY
from tests.settings.configs import assert_found, config, faults, load
from tests.settings.tls_files import write_tls_files


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    write_tls_files(tmp_path)


def listen(tls: str, *, certificate: str = "server.pem", key: str = "server.key") -> str:
    """Return a configuration whose data port has a certificate, and *tls* besides."""
    pair = f"certificate: {certificate}, key: {key}"
    return config(f"listen: {{address: 127.0.0.1:0, tls: {{{pair}{tls}}}}}\n")


def loaded(directory: Path, tls: str) -> ServerTls:
    found = load(directory, listen(tls)).listen[0].tls
    assert found is not None
    return found


def test_files_are_read_into_the_settings_and_needed_no_more(tmp_path: Path) -> None:
    tls = loaded(tmp_path, ", client_ca: ca.pem")
    [certificate] = tls.certificates

    assert certificate.file == str(tmp_path / "server.pem")
    assert certificate.names == ("gateway.example", "www.gateway.example")
    assert certificate.chain == (tmp_path / "server.pem").read_bytes()
    assert certificate.not_before < certificate.not_after
    assert tls.client_ca is not None
    assert tls.client_ca.pem == AUTHORITY.cert_pem.bytes()


@pytest.mark.parametrize(
    ("words", "is_required"),
    [
        (", client_ca: ca.pem", True),
        (", client_ca: ca.pem, client_certificates: required", True),
        (", client_ca: ca.pem, client_certificates: optional", False),
    ],
)
def test_client_certificates_are_required_unless_they_are_optional(
    words: str, is_required: bool, tmp_path: Path
) -> None:
    assert loaded(tmp_path, words).is_required is is_required


def test_the_first_certificate_comes_before_those_of_the_list(tmp_path: Path) -> None:
    tls = loaded(tmp_path, ", certificates: [{certificate: api.pem, key: api.key}]")

    assert [one.names[0] for one in tls.certificates] == ["gateway.example", "api.example"]


def test_an_exact_name_beside_a_wildcard_is_no_conflict(tmp_path: Path) -> None:
    text = listen(", certificates: [{certificate: wildcard.pem, key: wildcard.key}]")

    assert faults(tmp_path, text) == ()


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_file", listen("", certificate="¦no.pem", key="¦no.key")),
    ("missing_file", listen(", client_ca: ¦no.pem")),
    ("missing_file", listen(", certificates: [{certificate: api.pem, key: ¦no.key}]")),
    ("bad_certificate", listen(", client_ca: ¦server.pem")),
    ("bad_value", listen(", client_ca: ca.pem, client_certificates: ¦always")),
    ("missing_key", listen(", ¦client_certificates: optional")),
    ("empty_list", listen(", certificates: ¦[]")),
    ("missing_key", listen(", certificates: [¦{certificate: api.pem}]")),
    ("bad_certificate", listen(", certificates: [{certificate: ¦api.pem, key: server.key}]")),
    ("bad_certificate", listen(", certificates: [{certificate: ¦address.pem, key: address.key}]")),
    (
        "certificate_conflict",
        listen(
            ", certificates: [{certificate: api.pem, key: api.key},"
            " {certificate: ¦shared.pem, key: shared.key}]"
        ),
    ),
    (
        "certificate_conflict",
        listen(", certificates: [{certificate: ¦server.pem, key: server.key}]"),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_a_conflict_names_the_name_and_the_other_certificate(tmp_path: Path) -> None:
    [fault] = faults(
        tmp_path, listen(", certificates: [{certificate: server.pem, key: server.key}]")
    )

    assert fault.message == (
        "`gateway.example` is also a name of server.pem: each name can have only one certificate"
    )
