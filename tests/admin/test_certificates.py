"""The certificates in use, for clients and upstreams, each once."""

from pathlib import Path

import pytest

from gateway.admin.status import certificate_status, certificates_in_use
from gateway.settings.values.configuration import Settings
from tests.settings.configs import config, load
from tests.settings.tls_files import write_tls_files

LISTEN = """\
listen:
  address: 127.0.0.1:0
  tls:
    certificate: server.pem
    key: server.key
    certificates: [{certificate: api.pem, key: api.key}]
    client_ca: ca.pem
"""
SERVERS = "servers: ['https://a'], tls: {certificate: client.pem, key: client.key, ca: ca.pem}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_tls_files(tmp_path)
    upstreams = f"upstreams:\n  orders: {{{SERVERS}}}\n  more: {{{SERVERS}}}\n"
    return load(tmp_path, config(LISTEN, upstreams=upstreams))


def test_those_for_clients_and_those_for_services_are_listed_each_file_once(
    settings: Settings, tmp_path: Path
) -> None:
    """Authorities are not: nobody shows them."""
    files = [one.file for one in certificates_in_use(settings)]

    assert files == [str(tmp_path / name) for name in ("server.pem", "api.pem", "client.pem")]


def test_a_gateway_without_tls_has_none(tmp_path: Path) -> None:
    assert certificates_in_use(load(tmp_path, config())) == ()


def test_the_status_says_whose_it_is_and_until_when_and_has_no_key(settings: Settings) -> None:
    certificate = certificates_in_use(settings)[0]

    status = certificate_status(certificate, certificate.not_after - 60)

    assert status == {
        "certificate": certificate.file,
        "names": ["gateway.example", "www.gateway.example"],
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "expires_in_seconds": 60,
    }
