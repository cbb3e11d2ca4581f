"""8414.3: a certificate is checked for its issuer, host and dates, and it is said what failed."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch, make_session
from tests.keyring.peers import body, issuer_peer

DOCUMENT = b'{"keys": []}'
AUTHORITY = trustme.CA()
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def self_signed() -> trustme.LeafCert:
    """Return a certificate for 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), NOW - DAY, NOW + DAY
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return trustme.LeafCert(private, made.public_bytes(Encoding.PEM), [])


async def test_keys_come_over_a_connection_that_a_trusted_authority_vouches_for() -> None:
    async with issuer_peer(serving(AUTHORITY.issue_cert("127.0.0.1"))) as peer:
        peer.answer = body(DOCUMENT)
        async with make_session(trusting()) as session:
            assert await fetch(session, peer.url, 10.0) == DOCUMENT


REFUSED = {
    "of an authority that we do not know": (
        trustme.CA().issue_cert("127.0.0.1"),
        "unable to get local issuer certificate",
    ),
    "self-signed": (self_signed(), "self-signed certificate"),
    "of another host": (AUTHORITY.issue_cert("localhost"), "IP address mismatch"),
    "of a host that only looks like ours": (
        AUTHORITY.issue_cert("127.0.0.1.keys.example"),
        "IP address mismatch",
    ),
    "expired": (
        AUTHORITY.issue_cert("127.0.0.1", not_before=NOW - 2 * DAY, not_after=NOW - DAY),
        "certificate has expired",
    ),
    "not yet valid": (
        AUTHORITY.issue_cert("127.0.0.1", not_before=NOW + DAY, not_after=NOW + 2 * DAY),
        "certificate is not yet valid",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_nothing_is_asked_of_a_host_with_any_other_certificate(name: str) -> None:
    """8414.3."""
    certificate, words = REFUSED[name]

    async with issuer_peer(serving(certificate)) as peer, make_session(trusting()) as session:
        with pytest.raises(FetchFailed) as failure:
            await fetch(session, peer.url + "/jwks?key=s3cret", 10.0)

        assert peer.paths == []
    assert str(failure.value).startswith(f"{peer.url}/jwks: the certificate is not trusted (")
    assert words in str(failure.value)


async def test_a_host_that_does_not_speak_tls_is_a_failure() -> None:
    async with issuer_peer() as peer, make_session(trusting()) as session:
        with pytest.raises(FetchFailed, match="cannot connect"):
            await fetch(session, peer.url.replace("http:", "https:"), 10.0)

        assert peer.paths == []
