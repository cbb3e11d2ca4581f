"""Whom to trust when something is fetched: named where it is, and only where TLS is spoken."""

from pathlib import Path

import pytest

from tests.certificates import AUTHORITY
from tests.settings.configs import assert_found, config, load, one_issuer
from tests.settings.tls_files import write_tls_files


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    write_tls_files(tmp_path)
    (tmp_path / "keys.json").write_text('{"keys": []}')


def issuer(source: str, tls: str = "{ca: ca.pem}", iss: str = "https://a") -> str:
    return one_issuer(f"{{issuer: '{iss}', {source}, audiences: [a], tls: {tls}}}")


def blocked(source: str, tls: str = "{ca: ca.pem}") -> str:
    return config(f"revocations:\n  blocked: {{{source}, tls: {tls}}}\n")


@pytest.mark.parametrize("source", ["discovery: true", "jwks_url: 'https://b/keys'"])
def test_an_issuer_has_the_authorities_that_are_named(source: str, tmp_path: Path) -> None:
    ca = load(tmp_path, issuer(source)).issuers["main"].source.ca

    assert ca is not None
    assert ca.pem == AUTHORITY.cert_pem.bytes()


def test_so_has_a_list(tmp_path: Path) -> None:
    ca = load(tmp_path, blocked("url: 'https://b/list'")).revocations["blocked"].ca

    assert ca is not None
    assert ca.pem == AUTHORITY.cert_pem.bytes()


def test_without_them_the_machine_says_whom_to_trust(tmp_path: Path) -> None:
    settings = load(tmp_path, config("revocations: {blocked: {url: 'https://b/list'}}\n"))

    assert settings.issuers["main"].source.ca is None
    assert settings.revocations["blocked"].ca is None


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_file", issuer("discovery: true", "{ca: ¦no.pem}")),
    ("bad_certificate", issuer("discovery: true", "{ca: ¦server.pem}")),
    ("missing_key", issuer("discovery: true", "{}").replace("tls:", "¦tls:")),
    ("unknown_key", issuer("discovery: true", "{ca: ca.pem, ¦verify: false}")),
    ("conflicting_keys", issuer("jwks_file: keys.json").replace("tls:", "¦tls:")),
    ("conflicting_keys", issuer("jwks_url: 'http://127.0.0.1/keys'").replace("tls:", "¦tls:")),
    ("missing_file", blocked("url: 'https://b/list'", "{ca: ¦no.pem}")),
    ("conflicting_keys", blocked("file: keys.json").replace("tls:", "¦tls:")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)
